"""A file of labels, labelled messages or logs, row by row, whatever it is packed in, written in and
parted by. A bad row costs itself; a file that is none of these is refused once.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from retrain.intake import encoding, layout, lines, table, unpack
from schemas import events

Malformed = events.Malformed
# What a row is: the bytes of a JSON object, the cells of a table by column, or why it is none.
Row = tuple[int, bytes | dict[str, str] | Malformed]
_NO_LETTER: Final = re.compile("[\udc80-\udcff]")  # what a byte became that is none
_TOO_LONG: Final = "\udcff"
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
    head = body.read(lines.LINE_MAX)
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
        objects = lines.numbered(body, spoken, blank=False)
        return Reading(spoken, form, _of_lines(objects))
    if form is layout.Layout.JSON:
        document = lines.whole(body, spoken)
        return Reading(spoken, form, _of_document(document))
    header, rows = _of_table(lines.numbered(body, spoken))
    return Reading(spoken, form, rows, header)


def _begin(body: BinaryIO, spoken: encoding.Encoding) -> list[bytes]:
    """The first lines, of one that is too long its first letters."""
    begin: list[bytes] = []
    for _, line in islice(lines.numbered(body, spoken), _HEAD_LINES):
        if line is None and not begin:
            body.seek(spoken.skip)
            return [body.read(64)]
        begin.append(line or b"")
    return begin


def _guessed(body: BinaryIO) -> encoding.Encoding:
    pieces = iter(lambda: body.readline(lines.LINE_MAX), b"")
    guess = encoding.guessed(pieces)
    if guess is None:
        raise unpack.WrongFile(
            "its letters are no UTF-8, and which encoding they are in cannot be told: save it as"
            ' UTF-8, or say `encoding = "cp932"` (or what it is) in a mapping file'
        )
    return guess


def _of_lines(numbered: Iterator[lines.Line]) -> Iterator[Row]:
    for number, line in numbered:
        if line is None:
            yield number, _too_long()
            continue
        bare = layout.bare(line)
        if bare:
            yield number, bare


def _too_long() -> Malformed:
    return Malformed(events.Reason.NOT_JSON, f"a line of more than {lines.LINE_MAX >> 20} MiB")


def _of_document(whole: bytes) -> Iterator[Row]:
    rows = layout.elements(whole)
    first = next(rows, None)
    if first:
        return chain([first], rows)
    if whole.translate(None, b" ,\r\n\t") not in (b"", b"[]", b"{}"):
        raise unpack.WrongFile("there is no JSON object in it")
    return iter(())


def _of_table(numbered: Iterator[lines.Line]) -> tuple[list[str], Iterator[Row]]:
    """The header and the rows below it. Raises WrongFile for a column that is given twice."""
    texts = _texts(numbered)
    first = _first(texts)
    if first is None:
        return [], iter(())
    delimiter = _hint(first[1])
    if not delimiter:
        delimiter = layout.delimiter(first[1])
        texts = chain([first], texts)

    rows = table.rows(texts, delimiter)
    _, cells = next(rows, (0, []))
    if isinstance(cells, Malformed):
        raise unpack.WrongFile(f"its header cannot be read: {cells.detail}")
    header = [cell.strip() for cell in cells]
    for name in header:
        if name and header.count(name) > 1:
            raise unpack.WrongFile(f"its header has the column {name} twice: remove one of them")
    return header, _named(rows, header)


def _first(texts: Iterator[table.Line]) -> table.Line | None:
    """The first line that is not blank."""
    for number, line in texts:
        if line.strip():
            return number, line
    return None


def _hint(line: str) -> str:
    """The delimiter of Excel's own first line, `sep=;`; empty for any other line."""
    name, _, delimiter = line.strip("\r\n ").partition("=")
    return delimiter if name.lower() == "sep" and len(delimiter) == 1 else ""


def _texts(numbered: Iterator[lines.Line]) -> Iterator[table.Line]:
    for number, line in numbered:
        text = _TOO_LONG if line is None else line.decode("utf-8", "surrogateescape")
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
        if any(map(_NO_LETTER.search, cells)):
            detail = "a byte that is no letter of its encoding, or a line that is too long"
            yield number, Malformed(events.Reason.NOT_CSV, detail)
        elif named and list(named.values()) != header:
            yield number, named


def _cells(cells: list[str], header: list[str]) -> dict[str, str]:
    named = {}
    for name, cell in zip(header, cells, strict=False):
        if name and cell.strip():
            named[name] = cell.strip()
    return named


def decoded(raw: bytes) -> dict[str, Any] | Malformed:
    """A JSON object as Python has it."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Malformed(events.Reason.NOT_JSON, str(error))
    if not isinstance(value, dict):
        return Malformed(events.Reason.INVALID, "it is no JSON object")
    return value
