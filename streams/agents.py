"""What the stream worker does with a chunk, without Faust: claim partitions, count, flush. Ends the process rather than lose or double a log.

An exception must never reach Faust: it would acknowledge the chunk. So whatever cannot be mended here ends the process with the
contract's exit code, unacknowledged, and the next owner reads on from the offset in Postgres.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from typing import NoReturn, TypeVar

import sqlalchemy as sa

from schemas import settings
from streams import chunks, observe, store

log = logging.getLogger("intentwatch.streams")

_T = TypeVar("_T")
_PATIENCE_S = 120.0  # a restart of Postgres takes seconds; after two minutes a supervisor and a person should know
_PAUSES_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


def end_process(cause: str, code: int) -> NoReturn:
    """One line on stderr, then out without any clean-up that could acknowledge something."""
    sys.stderr.write(f"intentwatch: {cause}\n")
    sys.stderr.flush()
    os._exit(code)


class Counter:
    """Counts the chunks of the partitions this worker has claimed. A rebalance waits for the chunk in hand: both run in threads."""

    def __init__(self, engine: sa.Engine, *, topic: str, check_time: bool, end: Callable[[str, int], NoReturn] = end_process) -> None:
        self._engine = engine
        self._topic = topic
        self._check_time = check_time
        self._end = end
        self._claims: dict[int, store.Claim] = {}
        self._one_at_a_time = threading.Lock()

    def claim(self, parts: Collection[int]) -> dict[int, store.Claim]:
        """Become the owner of exactly these partitions; returns where to read on."""

        def attempt() -> dict[int, store.Claim]:
            with self._engine.begin() as connection:
                return store.claim(connection, self._topic, parts)

        with self._one_at_a_time:
            self._claims = self._persist("claim partitions", attempt)
            return dict(self._claims)

    def count(self, chunk: chunks.Chunk) -> None:
        """Add a chunk to Postgres, once. A chunk of an earlier claim is dropped: it will be or has been read again."""
        with self._one_at_a_time:
            self._count(chunk)

    def _count(self, chunk: chunks.Chunk) -> None:
        claim = self._claims.get(chunk.part)
        if claim is None or claim.epoch != chunk.claim:
            return
        if chunk.first_offset != claim.next_offset:
            self._end(
                f"{chunk.topic}/{chunk.part}: a chunk begins at {chunk.first_offset}, expected {claim.next_offset}; reading on from Postgres",
                settings.EXIT_INTEGRITY,
            )
        seen = observe.chunk(chunk, max_event_ts=claim.max_event_ts, check_time=self._check_time)
        try:
            self._persist("store a chunk", lambda: self._flush(chunk, seen))
        except store.Fenced as fenced:
            self._end(str(fenced), settings.EXIT_FENCED)
        self._claims[chunk.part] = store.Claim(claim.epoch, chunk.next_offset, seen.max_event_ts)

    def _flush(self, chunk: chunks.Chunk, seen: observe.Observed) -> None:
        with self._engine.begin() as connection:
            if store.position(connection, chunk.topic, chunk.part) == (chunk.claim, chunk.next_offset):
                return  # an earlier attempt had committed; only its answer was lost
            store.advance(connection, chunk, seen.max_event_ts)
            store.add_panes(connection, chunk.part, seen.panes)
            store.add_dead_letters(connection, chunk.topic, chunk.part, seen.dead)
            store.add_sampled(connection, seen.sampled)

    def _persist(self, what: str, attempt: Callable[[], _T]) -> _T:
        """Repeat through outages, deadlocks and read-only failovers, holding the chunk; end the process when patience is over."""
        begun = time.monotonic()
        for pause in self._pauses():
            try:
                return attempt()
            except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError) as error:
                log.warning("cannot %s, trying again in %.1f s: %s", what, pause, str(error.orig).splitlines()[0] if error.orig else error)
                if time.monotonic() - begun > _PATIENCE_S:
                    self._end(
                        f"cannot {what}: Postgres has not answered for {_PATIENCE_S:.0f} s; check INTENTWATCH_DATABASE_URL and the server",
                        settings.EXIT_DEPENDENCY,
                    )
                time.sleep(pause)
            except sa.exc.SQLAlchemyError as error:
                self._end(f"cannot {what}: {str(error).splitlines()[0]}", settings.EXIT_INTEGRITY)
        raise AssertionError("the pauses never end")

    @staticmethod
    def _pauses() -> Iterator[float]:
        yield from _PAUSES_S
        while True:
            yield _PAUSES_S[-1]
