"""Decode a chunk in a child process first: for partitions whose owners died again and again soon
after they had them. Finds the record that kills.

`python -m streams.worker.poison` is that child: it reads lengths and records on stdin, decodes
them, and answers a dot for each lot it survived.
"""

import dataclasses
import logging
import select
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from schemas import events
from streams.count import chunks, observe
from streams.worker import failpoints

log = logging.getLogger("intentwatch.streams")

# Three owners in a row died before they had settled: the next one looks before it leaps.
AFTER_STALLS: Final = 3
# A record that kills is met sooner after a claim: everything before it but the last second was
# flushed.
SETTLED_S: Final = 10.0
_PATIENCE_S: Final = 60.0
_SIZE: Final = struct.Struct("<Q")

Records = Sequence[tuple[bytes, bool]]


class TrialDecoder:
    """Keeps one child for many chunks; a new one when it died."""

    def __init__(self, failpoint: str = "") -> None:
        self._failpoint = failpoint
        self._child: subprocess.Popen[bytes] | None = None

    def safe(self, part: chunks.Chunk) -> Iterator[tuple[chunks.Chunk, observe.DeadLetter | None]]:
        """The chunk in pieces that a child survived, each with the record that killed one, right
        before it, as a dead letter.
        """
        letter = None
        while (killer := self._first_killer(part)) is not None:
            yield part.cut(0, killer), letter
            offset = part.offsets[killer]
            raw = part.values[killer]
            log.error(
                "%s/%d: the record at offset %d kills its reader; kept as a dead letter",
                part.topic,
                part.part,
                offset,
            )
            letter = observe.DeadLetter(
                offset=offset,
                line=0,
                reason=events.Reason.KILLS_WORKER,
                detail="decoding it ended the process three times or more",
                raw=raw,
            )
            part = dataclasses.replace(part.cut(killer + 1, len(part.offsets)), low=offset)
        yield part, letter

    def _first_killer(self, part: chunks.Chunk) -> int | None:
        """The first record that kills a child, by halving; None if none does."""
        records = list(zip(part.values, part.batch, strict=True))
        if not records or self._survives(records):
            return None
        low = 0
        high = len(records)  # the first `low` are safe, the first `high` are not
        while high - low > 1:
            middle = (low + high) // 2
            if self._survives(records[:middle]):
                low = middle
            else:
                high = middle
        return low

    def _survives(self, records: Records) -> bool:
        if self._child is None:
            self._child = self._started()
        try:
            if _answers(self._child, msgspec.msgpack.encode(records)):
                return True
        except BrokenPipeError:
            pass
        self.close()
        return False

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "streams.worker.poison", self._failpoint],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None


def _answers(child: subprocess.Popen[bytes], raw: bytes) -> bool:
    """Whether the child decodes these records and lives. Raises BrokenPipeError if it is gone."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(_SIZE.pack(len(raw)) + raw)
    child.stdin.flush()
    readable, _, _ = select.select([child.stdout], [], [], _PATIENCE_S)
    return bool(readable) and child.stdout.read(1) == b"."


def main() -> None:
    """Read, decode, survive; until the parent closes the pipe, or dies."""
    points = failpoints.Failpoints(sys.argv[1] if len(sys.argv) > 1 else "")
    while head := sys.stdin.buffer.read(_SIZE.size):
        if len(head) < _SIZE.size:
            return  # the parent died in the middle
        (size,) = _SIZE.unpack(head)
        raw = sys.stdin.buffer.read(size)
        try:
            records = msgspec.msgpack.decode(raw, type=list[tuple[bytes, bool]])
        except msgspec.DecodeError:
            return  # as above

        chunk = _chunk(records)
        points.decoding(chunk.values)
        observe.chunk(chunk, observe.Limits(check_time=False))
        sys.stdout.buffer.write(b".")
        sys.stdout.buffer.flush()


def _chunk(records: Records) -> chunks.Chunk:
    """These records as a chunk of no topic: only what is decoded matters here."""
    n = len(records)
    return chunks.Chunk(
        topic="",
        part=0,
        claim=0,
        low=0,
        high=n,
        offsets=range(n),
        values=[value for value, _ in records],
        batch=[batch for _, batch in records],
        appended_ms=[0] * n,
    )


if __name__ == "__main__":
    main()
