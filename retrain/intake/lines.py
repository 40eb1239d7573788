"""The lines of what is unpacked, in UTF-8 whatever they are written in, and never more of them in
memory than a piece.
"""

import io
from collections.abc import Iterator
from typing import BinaryIO, Final

from retrain.intake import encoding, unpack

Line = tuple[int, bytes | None]

LINE_MAX: Final = 1 << 20  # bytes; a longer line is no row
JSON_MAX: Final = 256 << 20  # bytes of JSON over several lines, which are held in memory


def numbered(body: BinaryIO, spoken: encoding.Encoding, *, blank: bool = True) -> Iterator[Line]:
    """The lines in UTF-8, numbered from 1, None for one that is too long; without the empty ones
    unless `blank`. Of another encoding what it has no letter for is left as bytes that are no
    UTF-8.
    """
    body.seek(spoken.skip)
    if spoken.name == encoding.UTF_8:
        yield from _cut(body, blank=blank)
        return
    # An encoding of two bytes a letter has no bytes that are none; it breaks off.
    is_wide = spoken.name.startswith("utf")
    errors = "strict" if is_wide else "surrogateescape"
    text = io.TextIOWrapper(body, spoken.name, errors, newline="\n")
    number = 0
    try:
        while line := text.readline(LINE_MAX):
            number += 1
            yield number, line.encode("utf-8", "surrogateescape")
    except (UnicodeError, LookupError) as error:
        raise unpack.WrongFile(
            f"behind line {number} it is not in {spoken.name}, as it began: save it as UTF-8"
        ) from error
    finally:
        text.detach()


def _cut(body: BinaryIO, *, blank: bool) -> Iterator[Line]:
    """Lines of what is read piece by piece: a packed file of a megabyte may hold a billion empty
    ones, and one line may be all of it.
    """
    number = 0
    rest: bytes | None = b""  # of a line that goes on in the next piece; None: it is too long
    while piece := body.read(LINE_MAX):
        if rest == b"" and not blank and not piece.strip(b"\n"):
            number += len(piece)
            continue
        first, *others = piece.split(b"\n")
        rest = _joined(rest, first)
        for line in others:
            number += 1
            if blank or rest or rest is None:
                yield number, rest
            rest = line
    if rest or rest is None:
        yield number + 1, rest


def _joined(rest: bytes | None, first: bytes) -> bytes | None:
    """A line and what follows of it; None where that is too long, or was."""
    if rest is None or len(rest) + len(first) > LINE_MAX:
        return None
    return rest + first


def whole(body: BinaryIO, spoken: encoding.Encoding) -> bytes:
    """The whole of it in UTF-8. Raises WrongFile where that is too much to hold."""
    if spoken.name == encoding.UTF_8:
        body.seek(spoken.skip)
        text = body.read(JSON_MAX + 1)
    else:
        text = b"".join(line or b"" for _, line in numbered(body, spoken))
    if len(text) > JSON_MAX:
        raise unpack.WrongFile(
            f"its JSON unpacks to more than {JSON_MAX >> 20} MiB: write it as JSON Lines"
        )
    return text
