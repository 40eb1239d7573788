"""Pure. The ledger of serving logs on their way to Kafka: emitted = acknowledged + held + given up,
after every call.

What is held lies in one of four places: `fresh` (one by one), `waiting` (in envelopes, the oldest
first), `handed` (the client has them) and `doubtful` (they may be in Kafka, and somebody looks).
Not thread-safe: whoever has several threads locks it.
"""

import itertools
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from services.gateway.ledger import envelopes
from services.gateway.ledger.envelopes import Envelope

# What the client may have in hand: a round trip of some ten milliseconds at full speed.
MOST_HANDED: Final = 32
_MOST_HANDED_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Standing:
    """The ledger at one instant. `oldest_s`: for how long the oldest log has been held, in seconds;
    0 where none is. spool_bytes: what lies on disk.
    """

    emitted: int
    acknowledged: int
    held: int
    given_up: int
    oldest_s: float
    spool_bytes: int


@dataclass(slots=True)
class Ledger:
    """Every log and where it is. `owner`: the folder of its files; most_stored and most_memory:
    bytes.
    """

    owner: str
    most_stored: int
    most_memory: int = 16 << 20
    most_bytes: int = envelopes.MOST_BYTES  # of an envelope; less once a topic has refused one
    emitted: int = 0
    acknowledged: int = 0
    given_up: int = 0
    stored: int = 0
    fresh: deque[bytes] = field(default_factory=deque)
    fresh_bytes: int = 0
    fresh_since: float = 0.0
    waiting: OrderedDict[str, Envelope] = field(default_factory=OrderedDict)
    handed: dict[str, Envelope] = field(default_factory=dict)
    doubtful: dict[str, Envelope] = field(default_factory=dict)
    # Those that the spool does not have, or not all of.
    unstored: dict[str, Envelope] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def held(self) -> int:
        """Logs that are neither in Kafka nor given up."""
        places = itertools.chain(
            self.waiting.values(), self.handed.values(), self.doubtful.values()
        )
        return len(self.fresh) + sum(envelope.logs for envelope in places)

    def standing(self, now: float) -> Standing:
        """What /metrics shows. `now`: epoch seconds."""
        oldest_s = max(0.0, now - min(self._sinces(), default=now))
        return Standing(
            self.emitted, self.acknowledged, self.held, self.given_up, oldest_s, self.stored
        )

    def _sinces(self) -> list[float]:
        places = (self.waiting, self.handed, self.doubtful)
        sinces = [envelope.since for place in places for envelope in place.values()]
        return [*sinces, self.fresh_since] if self.fresh else sinces

    # A log comes

    def emit(self, line: bytes, now: float) -> bool:
        """Take a log; whether it is the first since the last `fill`. One that no broker would take
        is given up, and so is the oldest where nobody empties `fresh`.
        """
        self.emitted += 1
        if len(line) > envelopes.MOST_OF_ONE_LOG:
            self.given_up += 1
            return False
        first = not self.fresh
        if first:
            self.fresh_since = now
        self.fresh.append(line)
        self.fresh_bytes += len(line)
        while self.fresh_bytes > self.most_memory:
            self.fresh_bytes -= len(self.fresh.popleft())
            self.given_up += 1
        return first

    def drop_fresh(self) -> None:
        """Give up what comes when nobody sends any more."""
        self.given_up += len(self.fresh)
        self.fresh.clear()
        self.fresh_bytes = 0

    def fill(self) -> None:
        """Put the fresh logs into envelopes: the last one first, as far as it has room."""
        if not self.fresh:
            return
        last = next(reversed(self.waiting.values())) if self.waiting else None
        for line in self.fresh:
            if last is None or not last.takes(line, self.most_bytes):
                if last is not None and last.whole:
                    last.lines = []
                last = self._new([], self.fresh_since)
                self.waiting[last.name] = last
            last.add(line)
            self.unstored[last.name] = last
        self.fresh.clear()
        self.fresh_bytes = 0

    def _new(self, lines: Sequence[bytes], since: float) -> Envelope:
        name = f"{self.owner}/{next(self._numbers):012}.jsonl"
        return envelopes.filled(name, since, lines)

    def take_up(self, taken: Sequence[Envelope]) -> None:
        """Whole files that another process has left: nobody knows which are in Kafka."""
        for envelope in taken:
            self.emitted += envelope.logs
            self.stored += envelope.stored
            self.doubtful[envelope.name] = envelope

    # The disk

    def store(self, envelope: Envelope, size: int) -> None:
        """The spool has the first `size` bytes of it. What is full, or waits behind others, needs
        no memory then.
        """
        self.stored += size - envelope.stored
        envelope.stored = size
        if envelope.whole:
            self.unstored.pop(envelope.name, None)
            is_last = bool(self.waiting) and next(reversed(self.waiting)) == envelope.name
            if not is_last and envelope.name not in self.handed:
                envelope.lines = []

    @property
    def memory(self) -> int:
        """Bytes that lie in memory alone, but for what the client has."""
        behind = [envelope for name, envelope in self.unstored.items() if name in self.waiting]
        return sum(envelope.size - envelope.stored for envelope in behind)

    def overflow(self) -> list[Envelope]:
        """Give up the oldest of what neither disk nor memory has room for; what the client has in
        hand stays. Returns these: their files can go.
        """
        dropped: list[Envelope] = []
        while self.stored > self.most_stored and (oldest := self._oldest_stored()):
            dropped.append(self._give_up(oldest))
        excess = self.memory - self.most_memory if self.unstored else 0
        for envelope in list(self.unstored.values()) if excess > 0 else []:
            if excess > 0 and envelope.name in self.waiting:
                excess -= envelope.size - envelope.stored
                dropped.append(self._give_up(envelope))
        return dropped

    def _oldest_stored(self) -> Envelope | None:
        for place in (self.doubtful, self.waiting):
            for envelope in place.values():
                if envelope.stored:
                    return envelope
        return None

    # The client

    def next(self) -> Envelope | None:
        """The oldest envelope that waits, now in the client's hands; None where nothing waits or it
        has enough.
        """
        most = min(_MOST_HANDED_BYTES, self.most_stored // 4 or _MOST_HANDED_BYTES)
        in_hand = sum(envelope.size for envelope in self.handed.values())
        full = len(self.handed) >= MOST_HANDED or (self.handed and in_hand >= most)
        if full or not self.waiting:
            return None
        _, envelope = self.waiting.popitem(last=False)
        self.handed[envelope.name] = envelope
        return envelope

    def read(self, envelope: Envelope, lines: Sequence[bytes]) -> None:
        """These are the lines that its file still had; logs that it has lost are given up."""
        lost = envelope.logs - len(lines)
        self.given_up += lost
        envelope.logs -= lost
        envelope.lines = list(lines)

    def acknowledge(self, name: str) -> Envelope | None:
        """It is in Kafka. None for one that is not held any more."""
        envelope = self._gone(name)
        if envelope:
            self.acknowledged += envelope.logs
        return envelope

    def give_up(self, name: str) -> Envelope | None:
        """No broker takes it."""
        envelope = self.handed.get(name)
        return self._give_up(envelope) if envelope else None

    def lose(self, name: str) -> None:
        """The process ends, and the spool does not have all of it."""
        envelope = self._gone(name)
        if envelope:
            self.given_up += envelope.logs

    def back(self, name: str) -> None:
        """It is not in Kafka for certain: it waits again, before all others."""
        envelope = self.handed.pop(name, None) or self.doubtful.pop(name, None)
        if envelope:
            self.waiting[name] = envelope
            self.waiting.move_to_end(name, last=False)
            if envelope.whole and len(self.waiting) > 1:
                envelope.lines = []

    def doubt(self, name: str) -> None:
        """It may be in Kafka or not."""
        envelope = self.handed.pop(name, None)
        if envelope:
            self.doubtful[name] = envelope

    def split(self, name: str, lines: Sequence[bytes]) -> list[Envelope]:
        """Two of one that was too large, with these lines; none where it holds a single log. The
        next ones are cut smaller.
        """
        old = self.handed[name]
        parts = [self._new(half, old.since) for half in envelopes.halves(lines)]
        if not parts:
            return []
        self._gone(name)
        self.most_bytes = max(1, min(self.most_bytes, old.size // 2))
        for part in reversed(parts):
            self.unstored[part.name] = self.waiting[part.name] = part
            self.waiting.move_to_end(part.name, last=False)
        return parts

    def _give_up(self, envelope: Envelope) -> Envelope:
        self.given_up += envelope.logs
        self._gone(envelope.name)
        return envelope

    def _gone(self, name: str) -> Envelope | None:
        for place in (self.handed, self.doubtful, self.waiting):
            envelope = place.pop(name, None)
            if envelope:
                self.stored -= envelope.stored
                self.unstored.pop(name, None)
                return envelope
        return None
