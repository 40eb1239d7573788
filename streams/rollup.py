"""Pure. Panes -> wider panes -> windows, by merging only; and the stream's one clock, the watermark.

Never recomputes anything from logs and never reads a clock.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from schemas import windows
from streams import observe

MINUTE = observe.MINUTE
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Position:
    """Where one partition stands. Idle: everything in it has been read."""

    next_offset: int
    high_watermark: int
    max_event_ts: dt.datetime | None

    @property
    def idle(self) -> bool:
        """A quiet partition with unread records is stuck, not idle: it holds the clock."""
        return self.next_offset >= self.high_watermark


def watermark(positions: Iterable[Position]) -> dt.datetime | None:
    """The instant up to which every partition has been read: minimum over those not idle, less the grace; None while unknown.

    With everything read it is the newest event time: nothing older is waiting anywhere.
    """
    found = list(positions)
    busy = [p for p in found if not p.idle]
    if any(p.max_event_ts is None for p in busy):
        return None
    if busy:
        return min(p.max_event_ts for p in busy if p.max_event_ts) - observe.GRACE
    return max((p.max_event_ts for p in found if p.max_event_ts), default=None)


def wider(panes: Iterable[windows.Pane], step: dt.timedelta) -> list[windows.Pane]:
    """Merge panes into panes of `step`, partition by partition."""
    merged: dict[tuple[dt.datetime, str, str, int], windows.Tally] = defaultdict(windows.Tally)
    for pane in panes:
        merged[windows.floor(pane.start, step), pane.model, pane.role, pane.part] += pane.tally
    return [windows.Pane(*key, tally) for key, tally in sorted(merged.items(), key=lambda item: item[0])]


def ends(start: dt.datetime, horizon: str, watermark: dt.datetime) -> list[dt.datetime]:
    """The ends of every window of `horizon` that holds `start`, as far as the one in which the watermark lies.

    >>> t = dt.datetime(2026, 4, 20, 10, 41, tzinfo=dt.UTC)
    >>> [e.isoformat() for e in ends(t, "1h", t)]
    ['2026-04-20T11:00:00+00:00']
    >>> len(ends(t, "7d", t)), len(ends(t, "7d", t + dt.timedelta(days=30)))
    (1, 7)
    """
    step, width = windows.STEPS[horizon], windows.HORIZONS[horizon]
    first = windows.floor(start, step) + step
    newest = max(windows.floor(watermark, step) + step, first)
    return [first + i * step for i in range(width // step) if first + i * step <= newest]


def window(panes: Iterable[windows.Pane], *, model: str, role: str, ending_at: dt.datetime, horizon: str) -> windows.Window:
    """The window of `horizon` that ends (exclusively) at `ending_at`, merged over partitions."""
    start = ending_at - windows.HORIZONS[horizon]
    tally = windows.Tally()
    for pane in panes:
        if pane.model == model and pane.role == role and start <= pane.start < ending_at:
            tally = tally + pane.tally
    return windows.Window(model, role, horizon, start, ending_at, tally)


def revised(old: windows.Window | None, new: windows.Window, watermark: dt.datetime) -> windows.Window | None:
    """`new` with its revision, amendment and completeness; None if nothing has changed since `old`."""
    complete = watermark >= new.end
    if old is None:
        return replace(new, revision=1, complete=complete)
    if windows.to_row(old.tally) == windows.to_row(new.tally):
        return None
    return replace(new, revision=old.revision + 1, amended=old.amended or old.complete, complete=old.complete or complete)
