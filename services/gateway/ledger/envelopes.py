"""Pure. Envelopes of serving logs: what one holds, how far it is filled, how it is cut in two, and
what of a file that was one can still be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from schemas import events

# A broker takes a mebibyte unless told otherwise, packed; a sampled text of 8 KiB is up to 48 KiB
# as JSON.
MOST_BYTES: Final = 256 << 10
# librdkafka's own largest message.
MOST_OF_ONE_LOG: Final = 900_000


@dataclass(slots=True)
class Envelope:
    """One record of the topic in the making, and one file of the spool. `name`: of the file. since:
    when its oldest log was emitted, epoch seconds. `lines` is empty once the file alone has them;
    `stored` are the bytes that it has.
    """

    name: str
    since: float
    lines: list[bytes] = field(default_factory=list)
    logs: int = 0
    size: int = 0
    stored: int = 0

    @property
    def whole(self) -> bool:
        """Whether the spool has all of it."""
        return self.stored == self.size

    @property
    def rest(self) -> list[bytes]:
        """Its lines that the spool does not have.

        >>> Envelope("e", 0.0, [b"{}", b"[1]"], 2, 7, 3).rest
        [b'[1]']
        """
        left, first = self.size - self.stored, len(self.lines)
        while left > 0:
            first -= 1
            left -= len(self.lines[first]) + 1
        return self.lines[first:]

    def takes(self, line: bytes, most_bytes: int) -> bool:
        """Whether there is room for one more: the first always fits.

        >>> Envelope("e", 0.0, [b"{}"], 1, 3).takes(b"{}", 6)
        True
        >>> Envelope("e", 0.0, [b"{}"], 1, 3).takes(b"{}", 5)
        False
        """
        if not self.lines:
            return self.logs == 0
        return self.logs < events.ENVELOPE_MAX and self.size + len(line) + 1 <= most_bytes

    def add(self, line: bytes) -> None:
        """One more log."""
        self.lines.append(line)
        self.logs += 1
        self.size += len(line) + 1


def filled(name: str, since: float, lines: Sequence[bytes]) -> Envelope:
    """An envelope of these logs that no file has yet."""
    return Envelope(name, since, list(lines), len(lines), len(content(lines)))


def content(lines: Sequence[bytes]) -> bytes:
    """The bytes of a file: each log ends its line.

    >>> content([b"{}", b"{}"])
    b'{}\\n{}\\n'
    """
    return b"".join([line + b"\n" for line in lines])


def value(lines: Sequence[bytes]) -> bytes:
    """The bytes of the topic's record."""
    return b"\n".join(lines)


class _Keyed(msgspec.Struct):
    req_id: str


def key(line: bytes) -> bytes:
    """What spreads records over the partitions: the req_id of an envelope's first log.

    >>> key(b'{"req_id":"8f2c"}'), key(b"{}")
    (b'8f2c', b'')
    """
    try:
        return msgspec.json.decode(line, type=_Keyed).req_id.encode()
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return b""


def halves(lines: Sequence[bytes]) -> list[Sequence[bytes]]:
    """An envelope that was too large, as two; of one log nothing can be made.

    >>> halves([b"1", b"2", b"3"])
    [[b'1'], [b'2', b'3']]
    >>> halves([b"1"])
    []
    """
    middle = len(lines) // 2
    return [lines[:middle], lines[middle:]] if middle else []


def lines_of(raw: bytes) -> int:
    """How many lines a file has, a torn one at its end among them.

    >>> lines_of(b""), lines_of(b"{}" b"\\n"), lines_of(b"{}" b"\\n" b"{")
    (0, 1, 2)
    """
    return raw.count(b"\n") + bool(raw and not raw.endswith(b"\n"))


def sound(raw: bytes) -> list[bytes]:
    """The lines of a file that are JSON objects, in order: what a torn or overwritten file still
    tells.

    >>> sound(b'{"a":1}' b"\\n" b'{"b"')
    [b'{"a":1}']
    """
    return [line for line in raw.split(b"\n") if line and _is_object(line)]


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
