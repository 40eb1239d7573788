"""A stage that loops does each round through Rounds: an error ends the round, not the process, and
Postgres knows how the rounds end.
"""

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

import sqlalchemy as sa

from streams.stages import store
from streams.stages.patience import Patience

TELL_S: Final = 5.0  # while nothing changes


def this_process() -> str:
    """Who does the rounds: host and process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def first_line(error: Exception) -> str:
    """The first line of what an error says, as Postgres takes it; its name where it says nothing.

    >>> first_line(ValueError("half a character \\ud800 and more"))
    'half a character ? and more'
    """
    readable = str(error).replace("\x00", "\ufffd")
    text = readable.encode(errors="replace").decode()
    first, *_ = text.splitlines() or [""]
    return first[:500] or type(error).__name__


def said(error: Exception) -> str:
    """What an error is, in one line.

    >>> said(KeyError("temperature"))
    "KeyError: 'temperature'"
    >>> said(MemoryError())
    'MemoryError'
    """
    name = type(error).__name__
    text = first_line(error)
    return name if text == name else f"{name}: {text}"


class Rounds:
    """The rounds of one stage in this process. Thread-safe. `clock`: seconds, monotonic.
    `patience`: what ends the process that gets nothing of Postgres; None: nothing does.
    """

    def __init__(
        self,
        engine: sa.Engine,
        stage: str,
        owner: str | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        patience: Patience | None = None,
    ) -> None:
        self._engine = engine
        self._stage = stage
        self._owner = owner or this_process()
        self._clock = clock
        self._patience = patience
        self._log = logging.getLogger(f"intentwatch.{stage}")
        self._lock = threading.Lock()
        self._failures = 0
        self._told: tuple[bool, float] | None = None  # whether that round failed, and when
        self._forgot = False

    @contextlib.contextmanager
    def round(self) -> Iterator[None]:
        """One round: whatever error ends it is logged and told, and the next round tries again."""
        try:
            yield
        except Exception as error:
            self._ended(error)
        else:
            self._ended(None)

    def _ended(self, error: Exception | None) -> None:
        with self._lock:
            if self._patience is not None:
                self._patience.ended(error)
            self._failures = 0 if error is None else self._failures + 1
            if not self._is_news(failed=error is not None):
                return
            if error is not None:
                self._warn(error)
            # Without Postgres nobody can be told; whoever reads it knows why.
            with contextlib.suppress(sa.exc.SQLAlchemyError):
                self._tell(None if error is None else said(error))

    def _warn(self, error: Exception) -> None:
        # The traceback once, and none of Postgres: its own words say more.
        ours = not isinstance(error, sa.exc.SQLAlchemyError)
        self._log.warning(
            "this round failed (%d in a row), the next one tries again: %s",
            self._failures,
            said(error),
            exc_info=error if ours and self._failures == 1 else None,
        )

    def _is_news(self, *, failed: bool) -> bool:
        now = self._clock()
        if self._told is not None:
            had_failed, told_at = self._told
            if had_failed == failed and now - told_at < TELL_S:
                return False
        self._told = (failed, now)
        return True

    def _tell(self, error: str | None) -> None:
        with self._engine.begin() as connection:
            if not self._forgot:
                store.forget(connection, self._stage)
            store.note(connection, self._stage, self._owner, self._failures, error)
        self._forgot = True
