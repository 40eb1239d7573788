"""Pure. What has been counted of a partition and is not in Postgres yet."""

import datetime as dt
from dataclasses import dataclass, field

from streams import store
from streams.count import observe


@dataclass(slots=True)
class Pending:
    """What a partition has to be flushed: everything from offset `low` to `high`, counted under
    `epoch`.
    """

    epoch: int
    low: int
    high: int
    max_event_ts: dt.datetime | None
    seen: list[observe.Observed] = field(default_factory=list)
    leader_epoch: int | None = None

    def advance(self, part: int) -> store.Advance:
        """What becomes of the partition's offset."""
        offsets = (self.epoch, self.low, self.high)
        return store.Advance(part, *offsets, self.max_event_ts, self.leader_epoch)

    def then(self, later: "Pending") -> None:
        """Take along what was counted after it."""
        self.high = later.high
        self.max_event_ts = later.max_event_ts
        self.leader_epoch = later.leader_epoch
        self.seen += later.seen


def joined(earlier: dict[int, Pending], later: dict[int, Pending]) -> dict[int, Pending]:
    """What two flushes would have stored, by partition, as one."""
    both = dict(earlier)
    for part, more in later.items():
        if part in both:
            both[part].then(more)
        else:
            both[part] = more
    return both
