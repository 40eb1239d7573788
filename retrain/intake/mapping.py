"""Pure. What a mapping file says: where a file of labels has what, and how it means it."""

import codecs
import datetime as dt
import re
import tomllib
import zoneinfo
from typing import Any, Final, Literal

import msgspec

from schemas import present, times

Field = Literal["req_id", "intent", "also", "annotator", "labelled_at", "action"]
FIELDS: Final = ("req_id", "intent", "also", "annotator", "labelled_at", "action")
_OFFSET: Final = re.compile(r"([+-])(\d\d):?(\d\d)")


class MappingError(ValueError):
    """A mapping that cannot be used; the message says why."""


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`columns`: the column, or dotted path, of a field. `always`: a field that every row of the
    file has. `intents`, `actions`: what a name in the file means. `zone`: of times without one.
    """

    columns: dict[Field, str] = {}
    always: dict[Literal["annotator", "labelled_at"], str] = {}
    intents: dict[str, str] = {}
    actions: dict[str, Literal["label", "retract", "cannot_tell"]] = {}
    zone: str | None = None
    dates: Literal["day-first", "month-first"] | None = None
    encoding: str | None = None


def parse(text: str) -> Mapping:
    """A mapping file. Raises MappingError.

    >>> parse('zone = "Asia/Tokyo"\\n[columns]\\nreq_id = "data.id"').columns
    {'req_id': 'data.id'}
    """
    try:
        mapping = msgspec.convert(tomllib.loads(text), Mapping)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise MappingError(str(error)) from None
    for name, intent in mapping.intents.items():
        if intent not in present.INDEX:
            known = ", ".join(present.INTENTS[:20])
            raise MappingError(f"[intents] {name!r}: {intent!r} is none of {known}")
    if mapping.zone:
        zone(mapping.zone)
    if mapping.encoding:
        _known_encoding(mapping.encoding)
    if "labelled_at" in mapping.always:
        try:
            times.instant(mapping.always["labelled_at"])
        except times.NotATime as error:
            raise MappingError(f"[always] labelled_at: {error}") from None
    return mapping


def _known_encoding(name: str) -> None:
    try:
        codecs.lookup(name)
    except LookupError:
        raise MappingError(f"encoding {name!r} is none that Python knows") from None


def zone(name: str) -> dt.tzinfo:
    """A zone by its name or its offset. Raises MappingError.

    >>> zone("+09:00")
    datetime.timezone(datetime.timedelta(seconds=32400))
    """
    offset = _OFFSET.fullmatch(name)
    if offset:
        ahead = dt.timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        if ahead < dt.timedelta(days=1):
            return dt.timezone(-ahead if offset[1] == "-" else ahead)
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise MappingError(
            f"zone {name!r} is none that this machine knows: say Asia/Tokyo or +09:00"
        ) from None


def chosen(row: dict[str, Any], path: str) -> Any:
    """What a row has under a column or a dotted path; None where it has nothing.

    >>> chosen({"a": {"b": [{"c": 1}]}}, "a.b.0.c"), chosen({"a.b": 2}, "a.b"), chosen({}, "a")
    (1, 2, None)
    """
    if path in row:
        return row[path]
    value: Any = row
    for part in path.split("."):
        if isinstance(value, list) and part.isascii() and part.isdigit() and len(part) < 9:
            place = int(part)
            value = value[place] if place < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def fields(row: dict[str, Any], mapping: Mapping) -> dict[str, Any]:
    """A row by our names: from the columns that the mapping names, else from those of our name."""
    own = {}
    for name in FIELDS:
        own[name] = chosen(row, mapping.columns.get(name, name))
    return own


def with_columns(told: Mapping, columns: dict[Field, str]) -> Mapping:
    """The same mapping with these columns."""
    return msgspec.structs.replace(told, columns=columns)


def with_told(
    told: Mapping,
    always: dict[Literal["annotator", "labelled_at"], str],
    zone: str | None,
) -> Mapping:
    """The same mapping with what a command says of the file."""
    return msgspec.structs.replace(told, always=always, zone=zone)
