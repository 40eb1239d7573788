"""Repeat a transaction through outages, deadlocks and read-only failovers; end the process when
patience is over, or where repeating cannot help.
"""

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from typing import NoReturn, TypeVar

import sqlalchemy as sa

from schemas import settings
from streams import database, transient
from streams.end import End
from streams.stages import patience

log = logging.getLogger("intentwatch.streams")

_T = TypeVar("_T")
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
                    self._give_up(what, error)
                log.warning("cannot %s, trying again in %.1f s: %s", what, pause, why)
                if time.monotonic() - begun > patience.PATIENCE_S:
                    waited = f"Postgres has not done it for {patience.PATIENCE_S:.0f} s"
                    told = database.meant(error).sentence
                    self._end(f"cannot {what}: {waited}: {told}", settings.EXIT_DEPENDENCY)
                time.sleep(pause)
        raise AssertionError("the pauses never end")

    def _give_up(self, what: str, error: sa.exc.SQLAlchemyError) -> NoReturn:
        """What was asked wrongly is ours to mend; a right, or a table, that lacks is the
        database's.
        """
        if transient.unserved(error):
            told = database.meant(error)
            self._end(f"cannot {what}: {told.sentence}", told.code)
        self._end(f"cannot {what}: {transient.first_line(error)}", settings.EXIT_INTEGRITY)


def _pauses() -> Iterator[float]:
    return itertools.chain(_PAUSES_S, itertools.repeat(_PAUSES_S[-1]))
