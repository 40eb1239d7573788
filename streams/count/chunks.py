"""Pure. Chunk: what the transport hands to the agent, one run of records of one partition, in
offset order.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Chunk:
    """The records of a partition with low <= offset < high, as columns; `claim` is the epoch under
    which they were fetched.

    values: one bytes a record, empty for a tombstone. batch: whether a value holds several logs,
    one a line. appended_ms: the broker's append time of each record, in milliseconds since 1970.
    deleted: how many offsets from `low` on hold records that retention deleted before they were
    read. Offsets may have other holes, and none at all: markers of transactions take some.
    by_producer: the offsets of records whose time their producer has set, where the topic lets it.
    leader_epoch: under which leader they were read, if known.
    """

    topic: str
    part: int
    claim: int
    low: int
    high: int
    offsets: Sequence[int]
    values: Sequence[bytes]
    batch: Sequence[bool]
    appended_ms: Sequence[int]
    deleted: int = 0
    by_producer: Collection[int] = frozenset()
    leader_epoch: int | None = None

    def cut(self, begin: int, end: int) -> "Chunk":
        """Records begin <= i < end of it, covering the offsets from the first one of them to the
        next one after them.
        """
        # The first cut takes along whatever hole lies before the first record.
        low = self.low if begin == 0 else self._offset(begin)
        return replace(
            self,
            low=low,
            high=self._offset(end),
            offsets=self.offsets[begin:end],
            values=self.values[begin:end],
            batch=self.batch[begin:end],
            appended_ms=self.appended_ms[begin:end],
        )

    def _offset(self, i: int) -> int:
        return self.offsets[i] if i < len(self.offsets) else self.high

    def since(self, offset: int) -> "Chunk":
        """Without the records before `offset`."""
        if offset <= self.low:
            return self

        passed = sum(have < offset for have in self.offsets)
        return self.cut(passed, len(self.offsets))
