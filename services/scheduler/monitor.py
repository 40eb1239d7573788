"""Do the jobs that are due by the stream's clock: judge an hour (a day, a week), restate label figures, decide, record, queue what follows."""

import datetime as dt
import logging
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from retrain import log as seed_log
from retrain import store as retrain_store
from retrain.decide import moment, quality
from retrain.decide.history import store as history
from retrain.train import promote
from schemas import decisions, policy, present, verdicts, windows
from services.alarms import causes, state
from services.alarms import store as alarms_store
from services.scheduler import lines, store
from streams import outbox, transient
from streams.signals import measure
from streams.stages import rounds

log = logging.getLogger("intentwatch.scheduler")

DAY = windows.HORIZONS["1d"]
_A_TICK = 50  # hours: in a catch-up of weeks it must be seen that the scheduler lives


@dataclass(frozen=True, slots=True)
class Monitor:
    """What a tick needs."""

    engine: sa.Engine
    policy: policy.Policy
    say: seed_log.LogLines
    owner: str

    def tick(self) -> int:
        """Do the due hours in order, each in a transaction of its own; returns how many this replica did.

        An hour that fails raises, and is tried again; later hours wait for it, since they look back at its verdicts. The third failure sets it aside, with an
        alarm, and they go on.
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
            passing = isinstance(error, sa.exc.SQLAlchemyError) and transient.outage(error)
            if attempt == store.TRIES and not passing:
                log.exception("the hour that ends at %s is set aside", at)
                return self._set_aside(at, rounds.said(error))
            with self.engine.begin() as connection:
                store.failed(connection, at, rounds.said(error), counts=not passing)
            raise

    def _set_aside(self, at: dt.datetime, error: str | None) -> bool:
        with self.engine.begin() as connection:
            begun, last = store.set_aside(connection, at, error)
            alarm = causes.hour_set_aside(state.Aside(at, begun), last, store.TRIES)
            outbox.alarm(connection, alarm.key, alarm.cause, alarm.remedy)
        return False

    def _hour(self, at: dt.datetime, attempt: int) -> bool:
        said: list[lines.Line] = []
        with self.engine.begin() as connection:
            if not store.finish(connection, at, attempt):
                return False
            promotion = history.champion_at(connection, at)
            if promotion is not None:
                said = self._evaluate(connection, promotion, at)
        for tag, fields in said:
            self.say.line(tag, fields)
        return True

    def _evaluate(self, connection: sa.Connection, promotion: Any, at: dt.datetime) -> list[lines.Line]:
        model = promotion["model"]
        known = history.moment_at(connection, model, at, self.policy)
        found = moment.evaluate(known, history.verdicts_of(connection, model, at), history.past(connection, promotion, at), self.policy)
        store.put_signals(connection, found.fresh, moment.measured(known, found.fresh))
        self._put_quality(connection, known, found.estimates, {v.signal.signal: v for v in found.fresh}, self.policy.signals.live_accuracy.horizon)
        said = [lines.hourly(known.windows["1h"], _kl(known, "1h"))] if "1h" in known.windows else []
        if at == windows.floor(at, DAY):
            said += self._day(connection, known, promotion)
        return said + self._decide(connection, found)

    def _day(self, connection: sa.Connection, known: moment.Moment, promotion: Any) -> list[lines.Line]:
        """The daily job, and on Mondays the weekly one."""
        store.claim(connection, "daily", known.at, self.owner)
        self._restate(connection, known)
        store.put_signals(connection, (), quality.measured(moment.labelled(known, ("7d",)), "7d"))
        self._first_day(connection, known, promotion)
        said = []
        if "1d" in known.windows:
            said.append(lines.daily(known.windows["1d"], moment.within(known, "1d")))
        if known.at.weekday() == 0 and "7d" in known.windows and store.claim(connection, "weekly", known.at, self.owner):
            said.append(lines.weekly(known.windows["7d"], _kl(known, "7d"), moment.within(known, "7d")))
        return said

    def _restate(self, connection: sa.Connection, known: moment.Moment) -> None:
        """Label figures of the last days again, with the labels that have come since; once mature they stay."""
        days = int(self.policy.labels.maturity_hours // 24) + 2
        sampled = history.sampled(connection, known.model, known.at - max(days, 7) * DAY, known.at, as_of=known.at, rules=self.policy.labels)
        judged = self.policy.signals.live_accuracy.horizon == "1d"  # then the day that ends now has been judged already
        for end in (known.at - back * DAY for back in range(1 if judged else 0, days)):
            earlier = moment.Moment(
                known.model, end, {}, known.reference, sampled.between(end - DAY, end), history.hours(connection, known.model, end - DAY, end)
            )
            if earlier.hours:
                self._put_quality(connection, earlier, moment.within(earlier, "1d"), {}, "1d", as_of=known.at)

    def _put_quality(
        self,
        connection: sa.Connection,
        known: moment.Moment,
        estimates: Any,
        judged: dict[str, verdicts.Verdict],
        horizon: str,
        as_of: dt.datetime | None = None,
    ) -> None:
        as_of = as_of or known.at
        mature = as_of - known.at >= dt.timedelta(hours=self.policy.labels.maturity_hours)
        labelled = moment.labelled(known, ())
        names = ("live_accuracy", "rare_recall")
        recall = (known.reference.recall or {}) if known.reference else {}
        wanted = judged or {found.metric: quality.falling(labelled, found, horizon, self.policy) for found in estimates[: len(names)]}
        expected = {name: wanted[name].signal.reference for name in names}
        store.put_quality(
            connection, estimates, wanted, model=known.model, start=known.at - windows.HORIZONS[horizon], end=known.at, as_of=as_of,
            maturity="mature" if mature else "immature", expected=expected | {intent: recall.get(intent) for intent in present.INTENTS},
        )  # fmt: skip

    def _first_day(self, connection: sa.Connection, known: moment.Moment, promotion: Any) -> None:
        """A champion's first complete day of traffic replaces the mix its held-out rows predicted: a recorded event."""
        day, before = known.windows.get("1d"), known.reference
        if day is None or before is None or day.start < promotion["at"] or len(retrain_store.references(connection, known.model)) > 1:
            return
        if day.tally.answered < max(1, self.policy.signals.intent_mix_kl.min_n):
            return
        retrain_store.put_reference(connection, moment.seen(day.tally, before), at=known.at, source="first_day")

    def _decide(self, connection: sa.Connection, found: moment.Evaluation) -> list[lines.Line]:
        """Record the decision; a retrain queues its run and its message in the same transaction."""
        taken = found.decision
        retrain = taken.decision is decisions.Kind.RETRAIN
        overtaken = store.decided_after(connection, taken.at)  # taken up again: what came since, a pause or a run, is not in its evidence
        acts = retrain and self.policy.trigger.autonomy.retrain == "act" and not overtaken
        run_id = f"ft_{taken.at:%Y_%m_%d}_{taken.id[-6:]}" if acts else None
        store.put_decision(connection, taken, found.evidence, run_id)
        if taken.decision is decisions.Kind.HOLD or overtaken:
            return []
        if run_id:
            retrain_store.queue_run(connection, run_id=run_id, decision_id=taken.id, as_of=taken.at)
        promote.tell_decision(connection, taken, run_id)
        return [lines.alert((*found.fresh, *found.standing), found.past.incidents)] if retrain else []


def _kl(known: moment.Moment, horizon: str) -> float | None:
    window = known.windows[horizon]
    return measure.intent_mix_kl(window, known.reference).value if known.reference else None
