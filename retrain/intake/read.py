"""A file of labels, labelled messages or logs, row by row, whatever it is packed in, written in and
parted by. A bad row costs itself; a file that is none of these is refused once.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from retrain.intake import encoding, layout, table, unpack
from schemas import events

Malformed = events.Malformed
# What a row is: the bytes of a JSON object, the cells of a table by column, or why it is none.
Row = tuple[int, bytes | dict[str, str] | Malformed]
Line = tuple[int, bytes | None]

LINE_MAX: Final = 1 << 20  # bytes; a longer line is no row
JSON_MAX: Final = 256 << 20  # bytes of JSON over several lines, which are held in memory
_HEAD_LINES: Final = 100  # that tell how the file holds its rows


@dataclass(frozen=True, slots=True)
class Reading:
    """`rows` is read once. `header`: of a table, else None."""

    encoding: encoding.Encoding
    layout: layout.Layout
    rows: Iterator[Row] = field(repr=False)
    header: list[str] | None = None


@contextmanager
def opened(path: Path, told: str | None = None) -> Iterator[Reading]:
    """The rows of a file. `told`: its encoding, where somebody knows it.

    Raises unpack.Unreadable, unpack.WrongFile; its rows may raise Unreadable, too.
    """
    with unpack.opened(path) as body:
        yield reading(body, told)


def reading(body: BinaryIO, told: str | None = None) -> Reading:
    """The rows of what is unpacked. Raises unpack.WrongFile."""
    head = body.read(LINE_MAX)
    body.seek(0)
    known = encoding.Encoding(told) if told else encoding.marked(head)
    spoken = known or encoding.Encoding(encoding.UTF_8)
    form = layout.layout(_begin(body, spoken))
    body.seek(0)
    # JSON is UTF-8: a line that is not is no JSON. A table may be in what its country writes.
    if known is None and form is layout.Layout.TABLE:
        spoken = _guessed(body)
        body.seek(0)

    if form is layout.Layout.LINES:
        lines = _lines(body, spoken, blank=False)
        return Reading(spoken, form, _of_lines(lines))
    if form is layout.Layout.JSON:
        document = _document(body, spoken)
        return Reading(spoken, form, _of_document(document))
    header, rows = _of_table(_lines(body, spoken))
    return Reading(spoken, form, rows, header)


def _begin(body: BinaryIO, spoken: encoding.Encoding) -> list[bytes]:
    """The first lines, of one that is too long its first letters."""
    begin: list[bytes] = []
    for _, line in islice(_lines(body, spoken), _HEAD_LINES):
        if line is None and not begin:
            body.seek(spoken.skip)
            return [body.read(64)]
        begin.append(line or b"")
    return begin


def _guessed(body: BinaryIO) -> encoding.Encoding:
    lines = iter(lambda: body.readline(LINE_MAX), b"")
    guess = encoding.guessed(lines)
    if guess is None:
        raise unpack.WrongFile(
            "its letters are no UTF-8, and which encoding they are in cannot be told: save it as"
            ' UTF-8, or say `encoding = "cp932"` (or what it is) in a mapping file'
        )
    return guess


def _lines(body: BinaryIO, spoken: encoding.Encoding, *, blank: bool = True) -> Iterator[Line]:
    """The lines in UTF-8, numbered from 1, None for one that is too long; without the empty ones
    unless `blank`. Of another encoding what it has no letter for is left as bytes that are no
    UTF-8.
    """
    body.seek(spoken.skip)
    if spoken.name == encoding.UTF_8:
        yield from _cut(body, blank=blank)
        return
    wide = spoken.name.startswith("utf")
    errors = "strict" if wide else "surrogateescape"
    text = io.TextIOWrapper(body, spoken.name, errors, newline="\n")
    number = 0
    try:
        for number, line in enumerate(iter(lambda: text.readline(LINE_MAX), ""), start=1):
            yield number, line.encode("utf-8", "surrogatepass" if wide else "surrogateescape")
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
        if rest is not None:
            rest += first
        if len(rest or b"") > LINE_MAX:
            rest = None
        for line in others:
            number += 1
            if blank or rest or rest is None:
                yield number, rest
            rest = line
    if rest or rest is None:
        yield number + 1, rest


def _of_lines(lines: Iterator[Line]) -> Iterator[Row]:
    for number, line in lines:
        if line is None:
            yield number, _too_long()
            continue
        bare = layout.bare(line)
        if bare:
            yield number, bare


def _too_long() -> Malformed:
    return Malformed(events.Reason.NOT_JSON, f"a line of more than {LINE_MAX >> 20} MiB")


def _document(body: BinaryIO, spoken: encoding.Encoding) -> bytes:
    """The whole of it in UTF-8. Raises WrongFile where that is too much to hold."""
    if spoken.name == encoding.UTF_8:
        body.seek(spoken.skip)
        whole = body.read(JSON_MAX + 1)
    else:
        whole = b"".join(line or b"" for _, line in _lines(body, spoken))
    if len(whole) > JSON_MAX:
        raise unpack.WrongFile(
            f"its JSON unpacks to more than {JSON_MAX >> 20} MiB: write it as JSON Lines"
        )
    return whole


def _of_document(whole: bytes) -> Iterator[Row]:
    rows = layout.elements(whole)
    first = next(rows, None)
    if first:
        return chain([first], rows)
    if whole.translate(None, b" ,\r\n\t") not in (b"", b"[]", b"{}"):
        raise unpack.WrongFile("there is no JSON object in it")
    return iter(())


def _of_table(lines: Iterator[Line]) -> tuple[list[str], Iterator[Row]]:
    """The header and the rows below it. Raises WrongFile for a column that is given twice."""
    texts = _texts(lines)
    number, line = next(texts, (0, ""))
    while not line.strip():
        if not number:
            return [], iter(())
        number, line = next(texts, (0, ""))
    parted = line.lower().strip("\r\n ").removeprefix("sep=")
    if len(parted) == 1 and line.lower().startswith("sep="):  # Excel's own hint
        delimiter = parted
    else:
        delimiter = layout.delimiter(line)
        texts = chain([(number, line)], texts)

    rows = table.rows(texts, delimiter)
    top = next(rows, (number, []))[1]
    if isinstance(top, Malformed):
        raise unpack.WrongFile(f"its header cannot be read: {top.detail}")
    header = [cell.strip() for cell in top]
    for name in header:
        if name and header.count(name) > 1:
            raise unpack.WrongFile(f"its header has the column {name} twice: remove one of them")
    return header, _named(rows, header)


def _texts(lines: Iterator[Line]) -> Iterator[table.Line]:
    for number, line in lines:
        text = (line or b"").decode("utf-8", "surrogateescape")
        if line is None:
            text = "\udcff"  # no letter: the row is malformed
        yield number, text + "\n"


def _named(rows: Iterator[table.Cells], header: list[str]) -> Iterator[Row]:
    """Each row by column; empty cells are left out, those beyond the header have no name. A header
    that comes again, as where files were joined, is no row.
    """
    for number, cells in rows:
        if isinstance(cells, Malformed):
            yield number, cells
            continue
        named = _cells(cells, header)
        if any(_is_foreign(cell) for cell in cells):
            yield number, Malformed(events.Reason.NOT_CSV, "bytes that are no letters, or too many")
        elif named and list(named.values()) != header:
            yield number, named


def _cells(cells: list[str], header: list[str]) -> dict[str, str]:
    named = {}
    for name, cell in zip(header, cells, strict=False):
        if name and cell.strip():
            named[name] = cell.strip()
    return named


def _is_foreign(cell: str) -> bool:
    """Whether it holds bytes that were no letters."""
    return any("\udc80" <= letter <= "\udcff" for letter in cell)


def decoded(raw: bytes) -> dict[str, Any] | Malformed:
    """A JSON object as Python has it."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Malformed(events.Reason.NOT_JSON, str(error))
    if not isinstance(value, dict):
        return Malformed(events.Reason.INVALID, "it is no JSON object")
    return value
