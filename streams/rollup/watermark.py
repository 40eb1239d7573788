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
    busy: list[dt.datetime] = []
    idle: list[dt.datetime] = []
    for position in positions:
        if position.max_event_ts is not None:
            clocks = idle if position.idle else busy
            clocks.append(position.max_event_ts)
        elif not position.idle:
            return None

    if busy:
        return min(busy) - observe.GRACE
    return max(idle, default=None)
