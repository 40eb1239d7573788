"""Decode a chunk in a child process first: for partitions whose owners died again and again at the same place. Finds the record that kills.

`python -m streams.careful` is that child: it reads records on stdin, decodes them and ends with 0, if it survives.
"""

import dataclasses
import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence

import msgspec

from schemas import settings
from streams import chunks, failpoints, observe

log = logging.getLogger("intentwatch.streams")

AFTER_STALLS = 2  # two owners died, or left, without counting anything: the third one looks before it leaps
_PATIENCE_S = 60.0

Records = list[tuple[bytes, bool]]


def safe(part: chunks.Chunk) -> Iterator[tuple[chunks.Chunk, observe.DeadLetter | None]]:
    """The chunk in pieces that a child survived, each with the record that killed one, right before it, as a dead letter."""
    letter = None
    while True:
        killer = _first_killer(part)
        if killer is None:
            yield part, letter
            return
        yield part.cut(0, killer), letter
        offset, raw = part.offsets[killer], part.values[killer]
        log.error("%s/%d: the record at offset %d kills its reader; kept as a dead letter", part.topic, part.part, offset)
        letter = observe.DeadLetter(offset, 0, "kills_worker", "decoding it ended the process three times or more", raw)
        part = dataclasses.replace(part.cut(killer + 1, len(part.offsets)), low=offset)


def _first_killer(part: chunks.Chunk) -> int | None:
    """The first record that kills a child, by halving; None if none does."""
    records = list(zip(part.values, part.batch, strict=True))
    if _survives(records):
        return None
    low, high = 0, len(records)  # the first `low` are safe, the first `high` are not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _survives(records[:middle]) else (low, middle)
    return low


def _survives(records: Records) -> bool:
    try:
        done = subprocess.run([sys.executable, "-m", "streams.careful"], input=msgspec.msgpack.encode(records), timeout=_PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def decode(records: Sequence[tuple[bytes, bool]], points: failpoints.Failpoints) -> None:
    """What the worker would do with these records, for nothing but to see whether it can be done."""
    points.decoding([value for value, _ in records])
    part = chunks.Chunk("", 0, 0, 0, len(records), range(len(records)), [v for v, _ in records], [b for _, b in records], lambda _: 0)
    observe.chunk(part, observe.Limits(check_time=False))


def main() -> None:
    """Read, decode, survive."""
    records = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=list[tuple[bytes, bool]])
    decode(records, failpoints.Failpoints(settings.load().test_failpoint))


if __name__ == "__main__":
    main()
