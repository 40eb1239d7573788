"""Pure. The events a shop knows of before they come, from the policy: sales and holidays, in which
people ask for other things than on other days.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from schemas import times

_KEYS = ("name", "start", "end")


@dataclass(frozen=True, slots=True)
class Event:
    """start <= instant < end, in UTC."""

    name: str
    start: dt.datetime
    end: dt.datetime


class Refused(ValueError):
    """An entry that is no event; the message names the entry and what would fit."""


def parse(entries: Any) -> tuple[Event, ...]:
    """The events of `[[calendar]]`, by their start. A date is its midnight in UTC. Raises Refused.

    >>> sale = {"name": "sale", "start": dt.date(2026, 6, 5), "end": dt.date(2026, 6, 6)}
    >>> [str(event.end) for event in parse([sale])]
    ['2026-06-06 00:00:00+00:00']
    """
    if not isinstance(entries, list):
        raise Refused("calendar must be a list of tables, each [[calendar]]")
    events = [_event(entry, number) for number, entry in enumerate(entries, 1)]
    return tuple(sorted(events, key=lambda event: (event.start, event.end, event.name)))


def _event(entry: Any, number: int) -> Event:
    where = f"calendar entry {number}"
    if not isinstance(entry, dict) or sorted(entry) != sorted(_KEYS):
        raise Refused(f"{where} must have {', '.join(_KEYS)} and nothing else")
    name = entry["name"]
    if not isinstance(name, str) or not name.strip():
        raise Refused(f"{where}: name cannot be {name!r}; expected text")
    start = _instant(entry["start"], f"{where}: start")
    end = _instant(entry["end"], f"{where}: end")
    if end <= start:
        raise Refused(f"{where}: {name} ends before it starts")
    return Event(name.strip(), start, end)


def _instant(value: Any, where: str) -> dt.datetime:
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            raise Refused(f"{where} cannot be {value}; expected a time with its offset, or a date")
        in_utc = times.utc(value)
        if in_utc is None:
            raise Refused(f"{where} cannot be {value}; expected a time between 2000 and 2200")
        return in_utc
    if isinstance(value, dt.date):
        midnight = dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
        return _instant(midnight, where)
    raise Refused(f"{where} cannot be {value!r}; expected a time with its offset, or a date")


def during(events: Iterable[Event], start: dt.datetime, end: dt.datetime) -> tuple[str, ...]:
    """The names of the events that share some time with start <= t < end."""
    return tuple(event.name for event in events if event.start < end and event.end > start)


def after(events: Sequence[Event], since: dt.datetime, until: dt.datetime) -> dt.datetime:
    """`since`, or the end of the last event that has begun by `until` and was not over then."""
    ends = [event.end for event in events if event.start < until and event.end > since]
    return max(ends, default=since)
