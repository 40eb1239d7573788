"""Pure. A dead letter: its address, its bytes decoded again."""

import argparse
import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from schemas import escaping, events, times
from streams.count import chunks, observe

# The worker kept these records whole without knowing, or without caring, whether they hold one log
# or several.
_WHOLE: Final = (events.Reason.KILLS_WORKER, events.Reason.ENVELOPE_TOO_LONG)
_PART_MAX: Final = 2**31 - 1
_OFFSET_MAX: Final = 2**63 - 1
_PARTITION: Final = re.compile(r"([^/:]+)/([0-9]{1,10})")
_PLACE: Final = re.compile(
    r"([^/:]+)/([0-9]{1,10})/([0-9]{1,19})(?::([0-9]{1,5}))?(?:@([A-Za-z0-9_-]{0,64}))?"
)


class Place(NamedTuple):
    """A dead letter's address. `line`: 0 for a whole record, 1 .. for a line of an envelope.
    topic_id: of which of the topics that have had this name; None for whichever it is.
    """

    topic: str
    part: int
    offset: int
    line: int = 0
    topic_id: str | None = None

    def __str__(self) -> str:
        record = f"{self.topic}/{self.part}/{self.offset}"
        return f"{record}:{self.line}" if self.line else record

    @property
    def in_full(self) -> str:
        """The address that no letter of another topic has."""
        return f"{self}@{self.topic_id or ''}"

    def names(self, other: "Place") -> bool:
        """Whether `other`, in full, is at this address."""
        return self[:4] == other[:4] and self.topic_id in (None, other.topic_id)


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter without its bytes. `size` in bytes."""

    place: Place
    reason: str
    size: int


def place(text: str) -> Place:
    """The address that `ls` prints. Raises argparse.ArgumentTypeError for anything else.

    >>> place("intentwatch.serving_log.v1/3/5150:7")
    Place(topic='intentwatch.serving_log.v1', part=3, offset=5150, line=7, topic_id=None)
    >>> place("t/0/5@").topic_id
    ''
    """
    match = _PLACE.fullmatch(text)
    if match is not None:
        topic, part, offset, line, topic_id = match.groups()
        if int(part) <= _PART_MAX and int(offset) <= _OFFSET_MAX:
            return Place(
                topic,
                int(part),
                int(offset),
                int(line or 0),
                topic_id,
            )
    shown = escaping.printable(text)
    raise argparse.ArgumentTypeError(f"{shown!r} is no TOPIC/PART/OFFSET[:LINE][@TOPIC_ID]")


def partition(text: str) -> tuple[str, int]:
    """TOPIC/PART. Raises argparse.ArgumentTypeError for anything else."""
    match = _PARTITION.fullmatch(text)
    if match is not None:
        topic, part = match.groups()
        if int(part) <= _PART_MAX:
            return topic, int(part)
    shown = escaping.printable(text)
    raise argparse.ArgumentTypeError(f"{shown!r} is no TOPIC/PART")


def envelope(letter: Letter, raw: bytes) -> bool:
    """Whether a record kept whole is an envelope: several lines, each a JSON object. The header
    that said so is not kept.

    >>> whole = Letter(Place("t", 0, 7), "kills_worker", 9)
    >>> [envelope(whole, raw) for raw in (b'{"v":1}\\n{"v":1}', b'{"v":\\n1}', b'{"v":1}')]
    [True, False, False]
    """
    if letter.reason not in _WHOLE:
        return False
    lines = [line for line in raw.split(b"\n") if line.strip()]
    return len(lines) > 1 and all(map(_is_object, lines))


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def record(
    letter: Letter,
    raw: bytes,
    *batch: bool,
    now: dt.datetime,
) -> chunks.Chunk:
    """The letter's bytes as if they had been appended to the topic at `now`; once for each `batch`:
    whether they are read as an envelope.
    """
    place = letter.place
    n = len(batch)
    now_ms = times.micros(now) // 1000
    return chunks.Chunk(
        topic=place.topic,
        part=place.part,
        claim=0,
        low=place.offset,
        high=place.offset + 1,
        offsets=(place.offset,) * n,
        values=(raw,) * n,
        batch=batch,
        appended_ms=(now_ms,) * n,
    )


@dataclass(frozen=True, slots=True)
class Redriven:
    """What a letter turned out to be. `bad`: why it still is no serving log. `apart`: it was an
    envelope, whose bad lines become letters of their own.
    """

    letter: Letter
    seen: observe.Observed
    bad: events.Malformed | None
    apart: bool

    @property
    def counted(self) -> int:
        """Logs of it that are counted now."""
        return int(self.seen.tallies.scalars[:, 0].sum())

    @property
    def lines(self) -> Sequence[observe.DeadLetter]:
        """The bad lines of an envelope taken apart."""
        return self.seen.dead if self.apart else ()


def redriven(
    letter: Letter,
    raw: bytes,
    limits: observe.Limits,
    now: dt.datetime,
) -> Redriven:
    """Decode a letter again, as the worker does."""
    batch = envelope(letter, raw)
    seen = observe.chunk(record(letter, raw, batch, now=now), limits)
    apart = batch and all(dead.line for dead in seen.dead)
    bad = None
    if seen.dead and not apart:
        first = seen.dead[0]
        bad = events.Malformed(first.reason, first.detail)
    return Redriven(letter, seen, bad, apart)


def batches(
    letters: Sequence[Letter],
    most: int = 1_000,
    most_bytes: int = 16 * 2**20,
) -> Iterator[list[Letter]]:
    """The letters in transactions' worth: neither many nor large. One alone may be larger.

    >>> sizes = [Letter(Place("t", 0, i), "invalid", size) for i, size in enumerate((5, 5, 9, 1))]
    >>> [[letter.size for letter in batch] for batch in batches(sizes, 3, 10)]
    [[5, 5], [9, 1]]
    """
    batch: list[Letter] = []
    size = 0
    for letter in letters:
        size += letter.size
        if batch and (len(batch) == most or size > most_bytes):
            yield batch
            batch = []
            size = letter.size
        batch.append(letter)
    if batch:
        yield batch
