"""Labels of a file, line by line, whoever exported it. Import and replay read them here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

from retrain.intake import mapping, plain, read, tools, unpack
from schemas import events

Label = events.HumanLabel
Malformed = events.Malformed
_LOOKED_AT: Final = 20  # rows that tell which tool exported them
_GIVEN_UP: Final = 10_000  # rows without a single label: there is none behind them
_OWN: Final = "req_id,intent,also,annotator,labelled_at,action"


@dataclass(frozen=True, slots=True)
class Source:
    """Where labels come from: a tool by name (None: as its rows look), and what a person tells of
    the file.
    """

    tool: str | None = None
    told: mapping.Mapping = field(default_factory=mapping.Mapping)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file and what it is: a label, or why it is none."""

    number: int
    parsed: Label | Malformed


@dataclass(frozen=True, slots=True)
class File:
    """`lines` is read once. `encoding` and `format` are for the report."""

    encoding: str
    format: str
    lines: Iterator[Line]


@contextmanager
def opened(path: Path, source: Source | None = None) -> Iterator[File]:
    """The labels of a file. Raises unpack.Unreadable, and unpack.WrongFile once for a file that
    holds no labels as it is.
    """
    source = source or Source()
    with read.opened(path, source.told.encoding) as reading:
        yield file(reading, source)


def file(reading: read.Reading, source: Source) -> File:
    """The labels of what is being read. Raises unpack.WrongFile."""
    begin = list(islice(reading.rows, _LOOKED_AT))
    rows = chain(begin, reading.rows)
    tool = source.tool
    if tool is None and not source.told.columns:
        tool = _tool(begin, reading.header)
    told = source.told
    if reading.header is not None and tool is None:
        told = _told_by(reading.header, told)
    spoken = reading.encoding
    guess = "" if spoken.sure else " (a guess)"
    name = f"{tool} {reading.layout}" if tool else str(reading.layout)
    lines = _as_long_as_any(_lines(rows, tool, told))
    return File(f"{spoken.name}{guess}", name, lines)


def _as_long_as_any(lines: Iterator[Line]) -> Iterator[Line]:
    """The lines. Raises WrongFile after very many without one label: of a file that is no file of
    labels nobody wants each line named.
    """
    for bad, line in enumerate(lines, start=1):
        yield line
        if isinstance(line.parsed, Label):
            break
        if bad == _GIVEN_UP:
            raise unpack.WrongFile(
                f"none of its first {bad:,} lines is a label: {line.parsed.detail}"
            )
    yield from lines


def _tool(rows: list[read.Row], header: list[str] | None) -> str | None:
    """The tool of a header, or of the first row that can be read."""
    if header:
        return tools.named(dict.fromkeys(header))
    for _, row in rows:
        fields = read.decoded(row) if isinstance(row, bytes) else row
        if isinstance(fields, dict):
            return tools.named(fields)
    return None


def _told_by(header: list[str], told: mapping.Mapping) -> mapping.Mapping:
    """The mapping with the columns that the header has under our names. Raises WrongFile where it
    lacks what every label needs.
    """
    if not header:
        return told
    columns = plain.columns(header) | dict(told.columns)
    missing = []
    for name in ("req_id", "annotator", "labelled_at"):
        if name not in told.always and columns.get(name) not in header:
            missing.append(name)
    if not ({"intent", "action"} & columns.keys()):
        missing.append("intent")
    if missing:
        raise unpack.WrongFile(_no_column(missing, header))
    full = {name: columns[name] for name in mapping.FIELDS if name in columns}
    return mapping.with_columns(told, full)


def _no_column(missing: list[str], header: list[str]) -> str:
    if any(map(plain.is_intent, header)):
        return f"it has no header, its first line is a label: put `{_OWN}` above it"
    shown = ";".join(header)[:200]
    names = " or ".join(missing)
    return f"no column is {names}: the header is `{shown}`; name it in a mapping file"


def _lines(
    rows: Iterator[read.Row],
    tool: str | None,
    told: mapping.Mapping,
) -> Iterator[Line]:
    for number, row in rows:
        if isinstance(row, Malformed):
            yield Line(number, row)
            continue
        if isinstance(row, bytes) and tool is None and not told.columns:
            label = events.human_label(row)
            # What is as the contract has it needs no second look.
            if isinstance(label, Label):
                yield Line(number, label)
                continue
        fields = read.decoded(row) if isinstance(row, bytes) else row
        if isinstance(fields, Malformed):
            yield Line(number, fields)
            continue
        for label in _said(fields, tool, told):
            yield Line(number, label)


def _said(
    row: dict[str, Any],
    tool: str | None,
    told: mapping.Mapping,
) -> Iterator[Label | Malformed]:
    """What a row says: one label of a row of ours, of a tool's one an annotator."""
    if tool is None:
        yield plain.label(mapping.fields(row, told), told)
        return
    try:
        for fields in tools.TOOLS[tool](row):
            yield plain.label(fields, told)
    except plain.NotPlain as error:
        yield Malformed(events.Reason.INVALID, str(error))
