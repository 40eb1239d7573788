"""Pure. How long labels take: the share of sampled messages that had one within some hours, over
the messages old enough to say.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from streams.stats import proportion

HOURS: Final = (1, 4, 24, 48, 72, 168)


@dataclass(frozen=True, slots=True)
class Point:
    """Of `n` messages at least `hours` old, `labelled` had a label by then; share in [0, 1] with a
    95 % interval (Wilson), None without messages.
    """

    hours: int
    n: int
    labelled: int
    share: float | None
    low: float | None
    high: float | None


def curve(
    messages: Iterable[tuple[dt.datetime, dt.datetime | None]],
    as_of: dt.datetime,
) -> tuple[Point, ...]:
    """One point for each of HOURS. Args: instant of the message and of its first label (None: has
    none), all aware; `as_of`: the stream's clock.

    A message younger than `hours` is left out of that point: its label may still come in time, and
    counted as missing it would make the newest days look slow. Each point is over its own messages,
    so the curve need not rise. A label dated before its message counts as at once.

    >>> at = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
    >>> hour = dt.timedelta(hours=1)
    >>> messages = [(at, at + 2 * hour), (at, None), (at + 3 * hour, at + 3.5 * hour)]
    >>> points = curve(messages, at + 5 * hour)
    >>> [(point.hours, point.n, point.labelled) for point in points[:3]]
    [(1, 3, 1), (4, 2, 1), (24, 0, 0)]
    """
    waits: list[tuple[dt.timedelta, dt.timedelta | None]] = []
    for ts, first in messages:
        delay = None if first is None else first - ts
        waits.append((as_of - ts, delay))
    return tuple(_point(hours, waits) for hours in HOURS)


def _point(
    hours: int,
    waits: list[tuple[dt.timedelta, dt.timedelta | None]],
) -> Point:
    """`waits`: age and delay of each message."""
    limit = dt.timedelta(hours=hours)
    n = 0
    labelled = 0
    for age, delay in waits:
        if age >= limit:
            n += 1
            labelled += delay is not None and delay <= limit
    if not n:
        return Point(hours, 0, 0, None, None, None)
    low, high = proportion.wilson(labelled, n)
    return Point(hours, n, labelled, labelled / n, low, high)
