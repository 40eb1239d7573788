"""Pure. When a label was given, as files write it; what could be two instants is refused with what
to say.
"""

import datetime as dt
import re
from typing import Any, Final

from retrain.intake import mapping
from schemas import times

_DATE: Final = re.compile(r"(\d{1,4})([/.\-])(\d{1,2})\2(\d{1,4})[ T,]+(.+)")
_CLOCK: Final = re.compile(
    r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,6})\d*)?)?\s*([ap]m)?", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"-?\d{1,16}(\.\d+)?")
_EXCEL: Final = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's day 0, of no zone
_FIRST_DAY: Final = 36_526  # 2000 and 2200, in days of a spreadsheet
_LAST_DAY: Final = 109_575


class NotAnInstant(ValueError):
    """What cannot be read as one instant; the message says what to do."""


def instant(value: Any, told: mapping.Mapping) -> dt.datetime:
    """An instant in UTC, of RFC 3339 with any offset, of seconds or milliseconds since 1970, or of
    a local time where the mapping tells its zone. Raises NotAnInstant.

    >>> str(instant(1776762000, mapping.Mapping()))
    '2026-04-21 09:00:00+00:00'
    >>> str(instant("21/04/2026 09:00", mapping.Mapping(zone="Asia/Tokyo")))
    '2026-04-21 00:00:00+00:00'
    """
    written = _number(value)
    if written is None:
        written = _text(value, told)
    if written.tzinfo is None:
        written = _in_zone(written, told)
    utc = times.utc(written)
    if utc is None:
        raise NotAnInstant("labelled_at is not between 2000 and 2200")
    return utc


def _number(value: Any) -> dt.datetime | None:
    """Seconds or milliseconds since 1970, or days of a spreadsheet; None for what is no number."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Neither may be divided: a number that is none, an integer of a thousand digits.
    units = (1, 1000) if abs(value) < 1e16 else ()
    for unit in units:
        seconds = value / unit
        if times.FIRST.timestamp() <= seconds < times.LAST.timestamp():
            return times.EPOCH + dt.timedelta(seconds=seconds)
    if _FIRST_DAY <= value < _LAST_DAY:
        seconds = round(value * 86_400)
        return _EXCEL + dt.timedelta(seconds=seconds)
    raise NotAnInstant(
        "labelled_at is a number that is no time between 2000 and 2200 in seconds or milliseconds"
        " since 1970: write 2026-04-21T09:00:00Z"
    )


def _text(value: Any, told: mapping.Mapping) -> dt.datetime:
    if not isinstance(value, str):
        raise NotAnInstant("labelled_at is no time: write 2026-04-21T09:00:00Z")
    text = value.strip()
    try:
        return dt.datetime.fromisoformat(text.upper().replace(" UTC", "Z"))
    except ValueError:
        pass
    date = _DATE.fullmatch(text)
    clock = _CLOCK.fullmatch(date[5]) if date else None
    if date is None or clock is None:
        raise NotAnInstant("labelled_at is no time: write 2026-04-21T09:00:00Z")
    try:
        return dt.datetime(*_day(date, told), *_time(clock))  # noqa: DTZ001 - its zone comes after
    except ValueError as error:
        if isinstance(error, NotAnInstant):
            raise
        raise NotAnInstant("labelled_at is no day of the calendar") from None


def _day(date: re.Match[str], told: mapping.Mapping) -> tuple[int, int, int]:
    """Year, month, day: the year has four digits; of the others the day is what no month can be, or
    comes first where points part them.
    """
    first, second, third = int(date[1]), int(date[3]), int(date[4])
    if len(date[1]) == 4:
        return first, second, third
    if len(date[4]) != 4:
        raise NotAnInstant("labelled_at has no year of four digits: write 2026-04-21T09:00:00Z")
    day_first = (third, second, first)
    month_first = (third, first, second)
    if first == second:
        return day_first
    if told.dates:
        return day_first if told.dates == "day-first" else month_first
    if first > 12 or date[2] == ".":
        return day_first
    if second > 12:
        return month_first
    raise NotAnInstant(
        "labelled_at may be two days, as day and month could change places:"
        ' say `dates = "day-first"` or "month-first" in a mapping file'
    )


def _time(clock: re.Match[str]) -> tuple[int, int, int, int]:
    hour = int(clock[1])
    half = (clock[5] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise NotAnInstant("labelled_at is no time of a clock of twelve hours")
        hour = hour % 12 + 12 * (half == "pm")
    micros = (clock[4] or "0").ljust(6, "0")
    return hour, int(clock[2]), int(clock[3] or 0), int(micros)


def _in_zone(local: dt.datetime, told: mapping.Mapping) -> dt.datetime:
    """A local time in the zone of the mapping, if it comes there once."""
    if not told.zone:
        raise NotAnInstant(
            "labelled_at has no zone: say which with --zone (Asia/Tokyo, +09:00),"
            " or as `zone` in a mapping file"
        )
    aware = local.replace(tzinfo=mapping.zone(told.zone))
    try:
        twice = aware.utcoffset() != aware.replace(fold=1).utcoffset()
    except OverflowError:
        raise NotAnInstant("labelled_at is not between 2000 and 2200") from None
    if twice:
        raise NotAnInstant(
            f"labelled_at falls into the hour in which {told.zone} sets its clocks:"
            " write it with its offset"
        )
    return aware
