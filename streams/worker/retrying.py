"""Repeat a transaction through outages, deadlocks and read-only failovers; end the process when
patience is over, or where repeating cannot help.
"""

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import sqlalchemy as sa

from schemas import settings
from streams import transient
from streams.worker.ending import End

log = logging.getLogger("intentwatch.streams")

_T = TypeVar("_T")
# A restart of Postgres takes seconds; after two minutes a supervisor and a person should know.
_PATIENCE_S = 120.0
_PAUSES_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class Retrying:
    """`beat` is called before each attempt: a worker that tries is not stuck."""

    def __init__(self, end: End, beat: Callable[[], None]) -> None:
        self._end = end
        self._beat = beat

    def __call__(self, what: str, attempt: Callable[[], _T]) -> _T:
        """The attempt's result, once it succeeds."""
        begun = time.monotonic()
        for pause in _pauses():
            self._beat()
            try:
                return attempt()
            except sa.exc.SQLAlchemyError as error:
                why = transient.first_line(error)
                if not transient.error(error):
                    self._end(f"cannot {what}: {why}", settings.EXIT_INTEGRITY)
                log.warning("cannot %s, trying again in %.1f s: %s", what, pause, why)
                if time.monotonic() - begun > _PATIENCE_S:
                    waited = f"Postgres has not done it for {_PATIENCE_S:.0f} s"
                    cause = f"cannot {what}: {waited} ({why})"
                    remedy = "check INTENTWATCH_DATABASE_URL and the server"
                    self._end(f"{cause}; {remedy}", settings.EXIT_DEPENDENCY)
                time.sleep(pause)
        raise AssertionError("the pauses never end")


def _pauses() -> Iterator[float]:
    return itertools.chain(_PAUSES_S, itertools.repeat(_PAUSES_S[-1]))
