"""How long a process goes on although it gets nothing of Postgres. A supervisor starts it again
then, perhaps where Postgres can be reached, and a person sees it restart.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

import sqlalchemy as sa

from schemas import settings
from streams import database, transient
from streams.end import End, end_process

# A restart of Postgres takes seconds, a failover less than a minute.
PATIENCE_S: Final = 120.0


class Patience:
    """Ends the process once it has been failing on account of Postgres for `PATIENCE_S`. `clock`:
    seconds, monotonic. For one thread.
    """

    def __init__(self, end: End = end_process, clock: Callable[[], float] = time.monotonic) -> None:
        self._end = end
        self._clock = clock
        self._since: float | None = None

    def ended(self, error: Exception | None) -> None:
        """How a round has ended, with which error if any; where patience is over, so has the
        process.
        """
        if not isinstance(error, sa.exc.SQLAlchemyError) or not transient.unserved(error):
            self._since = None
            return
        now = self._clock()
        if self._since is None:
            self._since = now
        if now - self._since >= PATIENCE_S:
            told = database.meant(error).sentence
            self._end(f"without Postgres for {PATIENCE_S:.0f} s: {told}", settings.EXIT_DEPENDENCY)

    @contextlib.contextmanager
    def round(self) -> Iterator[None]:
        """One round; an error of Postgres ends it, and the next one tries again."""
        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            self.ended(error)
        else:
            self.ended(None)


def watch(engine: sa.Engine, every_s: float = 5.0) -> None:
    """A thread that asks Postgres from time to time, for a process that asks only when it is asked
    itself.
    """
    threading.Thread(target=_look, args=(engine, every_s), name="patience", daemon=True).start()


def _look(engine: sa.Engine, every_s: float) -> None:
    patience = Patience()
    while True:
        time.sleep(every_s)
        with patience.round(), engine.connect() as connection:
            database.revision(connection)
