"""Pure. What the board is made of: rows as Postgres gave them in one snapshot, and which of several
models served when.
"""

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas import runs, windows
from services.alarms import causes, state

Row = Mapping[str, Any]

HISTORY = dt.timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Stream:
    """How the stream stands. `beat_s`: seconds since a worker last wrote its clock; `unjudged`:
    complete hours without their monitors.

    newest_end: the end of the champion's newest complete hour. heard: seconds since each process
    was heard of last.

    dead: dead letters of the last hour by reason. open_alarms: how many alarms told still hold.
    decided_s: from the end of the newest judged hour to its decision.
    """

    now: dt.datetime
    watermark: dt.datetime | None = None
    newest_end: dt.datetime | None = None
    beat_s: float | None = None
    lag: int = 0
    unjudged: int = 0
    partitions: Sequence[state.Partition] = ()
    dead: Mapping[str, int] = field(default_factory=dict)
    open_alarms: int = 0
    scheduler: state.Beat | None = None
    decided_s: float | None = None
    heard: Mapping[str, float] = field(default_factory=dict)

    def runs(self, process: str) -> bool:
        """Whether a process of that name lives."""
        return self.heard.get(process, math.inf) <= causes.UNATTENDED_S

    def next_end(self, horizon: str) -> dt.datetime:
        """When the window that the clock is in ends."""
        step = windows.STEPS[horizon]
        return windows.floor(self.clock, step) + step

    @property
    def clock(self) -> dt.datetime:
        """The watermark; before the first log the wall clock."""
        return self.watermark or self.now

    @property
    def until(self) -> dt.datetime:
        """Where the histories end. A clock may be months ahead of all that was ever complete."""
        return self.newest_end or self.clock

    @property
    def since(self) -> dt.datetime:
        """Where the histories begin."""
        return self.until - HISTORY


@dataclass(frozen=True, slots=True)
class Facts:
    """One snapshot. Rows are oldest first; `windows` has complete windows of every role; `action`
    is the newest decision that is no hold; `loudest` the newest day's largest share of one
    conversation.
    """

    stream: Stream
    windows: Sequence[Row] = ()
    signals: Sequence[Row] = ()
    quality: Sequence[Row] = ()
    promotions: Sequence[Row] = ()
    references: Sequence[tuple[dt.datetime, runs.Reference]] = ()
    decision: Row | None = None
    action: Row | None = None
    run: Row | None = None
    loudest: Row | None = None

    @property
    def champion(self) -> str | None:
        """The model of the newest promotion."""
        if not self.promotions:
            return None
        newest = self.promotions[-1]
        return str(newest["model"])

    def served(self, horizon: str) -> list[Row]:
        """The champion's window at each end, oldest first: of the model promoted last before it, as
        the monitors choose it.
        """
        best: dict[dt.datetime, Row] = {}
        for row in self.windows:
            served = row["role"] == "champion" and row["complete"]
            if row["horizon"] != horizon or not served:
                continue

            end = row["end"]
            # Around a promotion two models have a window that ends at once.
            if end not in best or self._rank(row) > self._rank(best[end]):
                best[end] = row
        return [best[end] for end in sorted(best)]

    def _rank(self, row: Row) -> tuple[bool, int]:
        """The champion before all others, then who answered more."""
        champion = champion_at(self.promotions, row["end"])
        return row["model"] == champion, row["n"]

    def reference(self, model: str, end: dt.datetime) -> runs.Reference | None:
        """The model's newest reference from before `end`: the one its window was judged against."""
        newest = None
        for since, reference in self.references:
            if reference.model == model and since < end:
                newest = reference
        return newest

    def of(self, signal: str) -> list[Row]:
        """A signal's judged rows."""
        return [row for row in self.signals if row["signal"] == signal]

    def stale(self, end: dt.datetime, horizon: str) -> bool:
        """Whether the stream has gone two steps past the newest figure: a decision no longer counts
        it either.
        """
        behind = self.stream.clock - end
        step = windows.STEPS[horizon]
        return behind > 2 * step


def champion_at(promotions: Iterable[Row], at: dt.datetime) -> str | None:
    """The model that was champion just before `at`; None before the first promotion."""
    model = None
    for row in promotions:
        if row["at"] < at:
            model = row["model"]
    return model
