"""Pure. The stream's one clock, the watermark: the instant up to which every partition has been
read. Never reads another clock.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from streams.count import observe


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
    """The instant up to which every partition has been read: minimum over those not idle, less the
    grace; None while unknown.

    With everything read it is the newest event time: nothing older is waiting anywhere.
    """
    found = list(positions)
    busy = [p for p in found if not p.idle]
    if any(p.max_event_ts is None for p in busy):
        return None
    if busy:
        return min(p.max_event_ts for p in busy if p.max_event_ts) - observe.GRACE
    return max((p.max_event_ts for p in found if p.max_event_ts), default=None)
