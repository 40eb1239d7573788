"""Do the hours that are due by the stream's clock, in order and each once; set aside what fails
three times.
"""

import datetime as dt
import logging
from dataclasses import dataclass

import sqlalchemy as sa

from retrain import log as seed_log
from schemas import policy
from services.alarms import causes, state
from services.alarms import store as alarms_store
from services.scheduler import hour, lines, store
from streams import outbox, transient
from streams.stages import rounds

log = logging.getLogger("intentwatch.scheduler")

_A_TICK = 50  # hours: in a catch-up of weeks it must be seen that the scheduler lives


@dataclass(frozen=True, slots=True)
class Monitor:
    """What a tick needs."""

    engine: sa.Engine
    policy: policy.Policy
    say: seed_log.LogLines
    owner: str

    def tick(self) -> int:
        """Do the due hours in order, each in a transaction of its own; returns how many this
        replica did.

        An hour that fails raises, and is tried again; later hours wait for it, since they look back
        at its verdicts. The third failure sets it aside, with an alarm, and they go on.
        """
        with self.engine.connect() as connection:
            waiting = alarms_store.hours_due(connection, _A_TICK)
        done = 0
        for at in waiting:
            if not self._try(at):
                break  # another replica is at it, or it waits for its next try
            done += 1
        return done

    def _try(self, at: dt.datetime) -> bool:
        """One attempt at an hour; whether this replica has done it."""
        with self.engine.begin() as connection:
            attempt = store.begin(connection, at, self.owner)
        if attempt is None:
            return False
        if attempt > store.TRIES:
            return self._set_aside(at, None)
        try:
            return self._hour(at, attempt)
        except Exception as error:
            words = rounds.said(error)
            passing = isinstance(error, sa.exc.SQLAlchemyError) and transient.outage(error)
            if attempt == store.TRIES and not passing:
                log.exception("the hour that ends at %s is set aside", at)
                return self._set_aside(at, words)
            with self.engine.begin() as connection:
                store.failed(connection, at, words, counts=not passing)
            raise

    def _set_aside(self, at: dt.datetime, error: str | None) -> bool:
        with self.engine.begin() as connection:
            begun, last = store.set_aside(connection, at, error)
            aside = state.Aside(at, begun)
            outbox.tell(connection, causes.hour_set_aside(aside, last, store.TRIES))
        return False

    def _hour(self, at: dt.datetime, attempt: int) -> bool:
        log_lines: list[lines.Line] = []
        with self.engine.begin() as connection:
            if not store.finish(connection, at, attempt):
                return False
            log_lines = hour.work(connection, at, self.policy, self.owner)
        # Said after the commit: a line of an hour that was rolled back would come twice.
        for tag, fields in log_lines:
            self.say.line(tag, fields)
        return True
