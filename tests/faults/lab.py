"""One fault test: its topic, its database, its workers, and the verdict at the end."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import processes
import sqlalchemy as sa
from faults import compare, crew, kafka_log, recount, servers

from services.local import supervisor

SETTLE_S = 120.0


@dataclass
class Lab:
    """`kafka` and `database` are addresses past any proxy: what the verifier reads. `say` prints
    one line, whatever pytest captures.
    """

    owner: supervisor.Supervisor
    kafka: str
    database: str
    topic: str
    crew: crew.Crew
    say: Callable[[str], None]
    short: bool

    def progress(self) -> int:
        """Records flushed so far, over all partitions; the last known figure is no good, so an
        outage raises.
        """
        return servers.scalar(self.database, "select sum(next_offset) from stream_offset")

    def rows(self, query: str) -> list[Any]:
        """What a query finds."""
        engine = sa.create_engine(self.database, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return list(connection.execute(sa.text(query)))

    def positions(self) -> dict[int, tuple[int, int]]:
        """Epoch and next offset of every partition."""
        return {
            row.part: (row.epoch, row.next_offset)
            for row in self.rows("select part, epoch, next_offset from stream_offset")
        }

    def claimed(
        self, before: dict[int, tuple[int, int]], *, every: bool, timeout_s: float = 45
    ) -> bool:
        """Wait until partitions (any, or every one) have been claimed anew."""
        kind = all if every else any
        return any(
            kind(
                epoch > before.get(part, (0, 0))[0] for part, (epoch, _) in self.positions().items()
            )
            for _ in crew.until(timeout_s, 0.2)
        )

    def moves(self, timeout_s: float = 60) -> float:
        """Seconds until the workers have flushed anything more."""
        before = self.progress()
        begun = time.monotonic()
        for gone in crew.until(timeout_s, 0.05):
            if self.progress() > before:
                return gone
        waited = time.monotonic() - begun
        raise AssertionError(
            f"nothing was flushed for {waited:.0f} s; the workers said:\n{self.crew.said()}"
        )

    def settled(self, timeout_s: float = SETTLE_S) -> bool:
        """Wait until everything in the topic has been read and rolled up."""
        ends = {part: high for part, (_, high) in kafka_log.bounds(self.kafka, self.topic).items()}
        return any(self._is_settled(ends) for _ in crew.until(timeout_s, 0.3))

    def _is_settled(self, ends: dict[int, int]) -> bool:
        engine = sa.create_engine(self.database, poolclass=sa.NullPool)
        with engine.connect() as connection:
            rows = connection.execute(
                sa.text("select part, next_offset from stream_offset where topic = :topic"),
                {"topic": self.topic},
            )
            at = {row.part: row.next_offset for row in rows}
            read = all(at.get(part, 0) >= end for part, end in ends.items())
            return (
                read
                and not connection.execute(
                    sa.text("select exists (select from pane_dirty)")
                ).scalar()
            )

    def recounted(
        self, *, ignored: tuple[str, ...] = (), **how: Any
    ) -> tuple[compare.Verdict, recount.Counted]:
        """What Kafka holds against what Postgres and the command line show."""
        counted = recount.count(self.kafka, self.topic, **how)
        return self.judged(counted, ignored), counted

    def judged(self, counted: recount.Counted, ignored: tuple[str, ...] = ()) -> compare.Verdict:
        """A recount against the panes and the windows."""
        verdict = compare.cells(counted, self.database, ignored)
        printed = processes.run(
            ["-m", "services.show", "windows", "--json"],
            dict(self.crew.environment) | {"INTENTWATCH_DATABASE_URL": self.database},
        )
        assert printed.returncode == 0, printed.stderr
        shown = [json.loads(line) for line in printed.stdout.split("\n") if line]
        compare.windows(counted, shown, verdict, ignored)
        return verdict

    def conclude(
        self,
        fault: str,
        *,
        injected: int,
        at_least: int,
        timeout_s: float = SETTLE_S,
        more: str = "",
        **how: Any,
    ) -> recount.Counted:
        """Let the workers finish, stop them, recount, print the line, judge."""
        read = self.settled(timeout_s)
        statuses = self.crew.finish()
        verdict, counted = self.recounted(**how)
        counts = f"lost={verdict.lost} dup={verdict.duplicated} n={verdict.n}"
        self.say(f"{fault} {counts} injected={injected} {more}".rstrip())
        assert read, f"not everything was read; the workers said:\n{self.crew.said()}"
        assert (verdict.lost, verdict.duplicated) == (0, 0), "\n".join(verdict.places[:12])
        assert injected >= at_least, f"the fault fired {injected} times, wanted {at_least}"
        assert verdict.n > 0
        assert set(statuses) <= {0}, f"workers ended with {statuses}:\n{self.crew.said()}"
        return counted
