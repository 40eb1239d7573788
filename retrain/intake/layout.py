"""Pure. How a text holds its rows: a JSON object a line, JSON over several lines, or a table."""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from schemas import events

# A string, or what opens, closes or parts; all else lies between.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_DELIMITERS: Final = ",;\t|"
Row = tuple[int, bytes]


class Layout(StrEnum):
    """As the report calls it."""

    LINES = "jsonl"
    JSON = "json"
    TABLE = "csv"


def layout(lines: Sequence[bytes]) -> Layout:
    r"""Of the first lines of a file: one that is a whole object at its left edge makes it JSON
    Lines, whatever stands before; inner objects of pretty JSON are indented.

    >>> print(layout([b"{bad", b'{"a": 1}']), layout([b"[", b'  {"a": 1}', b"]"]), layout([b"a;b"]))
    jsonl json csv
    """
    first = next((line.lstrip() for line in lines if line.strip()), b"")
    if not first or any(map(_is_object, lines)):
        return Layout.LINES
    if first.startswith(b"["):
        return Layout.JSON
    if first.startswith(b"{"):
        # Pretty JSON has its braces on lines of their own.
        several = sum(line.startswith(b"{") and line.strip() != b"{" for line in lines) > 1
        return Layout.LINES if several or first.rstrip().endswith(b"}") else Layout.JSON
    return Layout.TABLE


def _is_object(line: bytes) -> bool:
    if not line.startswith(b"{"):
        return False
    try:
        return isinstance(msgspec.json.decode(bare(line)), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def bare(line: bytes) -> bytes:
    """A line without the comma that parts it from the next, as in an array written line by line;
    empty for the array's own brackets.

    >>> bare(b'{"a": 1},'), bare(b"]")
    (b'{"a": 1}', b'')
    """
    if line.startswith(b"{") and line.endswith(b"}"):  # as nearly all are
        return line
    stripped = line.strip().removesuffix(b",").rstrip()
    return b"" if stripped in (b"[", b"]") else stripped


def elements(body: bytes) -> Iterator[Row | tuple[int, events.Malformed]]:
    r"""The objects of a JSON array, or of objects one after the other, each with the line on which
    it begins. None is decoded here, so one that is broken costs itself, as long as its brackets
    and quotes close.

    >>> list(elements(b'[{"a": 1},\n {"a": "}"},]'))
    [(1, b'{"a": 1}'), (2, b'{"a": "}"}')]
    """
    floor = -1 if body.lstrip().startswith(b"[") else 0  # the depth outside the array
    depth = floor
    begin = line = seen = 0
    for token in _TOKEN.finditer(body):
        sign = token[0]
        if sign in (b"{", b"["):
            if depth == 0:
                begin = token.start()
            depth += 1
        elif sign in (b"}", b"]"):
            depth = max(depth - 1, floor)
            if depth == 0 and sign == b"}":
                line += body.count(b"\n", seen, begin)
                seen = begin
                yield line + 1, body[begin : token.end()]
    if depth > 0:
        line += body.count(b"\n", seen, begin)
        detail = "what opens here is never closed: it costs all that follows"
        yield line + 1, events.Malformed(events.Reason.NOT_JSON, detail)


def delimiter(header: str) -> str:
    r"""What parts the columns of a table, of its first line.

    >>> delimiter("req_id;intent;also"), delimiter("req_id\tintent"), delimiter("req_id")
    (';', '\t', ',')
    """
    bare = re.sub('"[^"]*"', "", header)
    return max(_DELIMITERS, key=bare.count)
