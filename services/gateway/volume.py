"""How many messages a day there are, from those of the last day: what the sampler's budget is
spread over.
"""

import datetime as dt
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_HOUR = dt.timedelta(hours=1)
_DAY = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class Pace:
    """Messages a day at the pace of up to the last 24 hours before `as_of`, the newest one's time;
    None before the first.
    """

    per_day: float
    as_of: dt.datetime | None


def whole(own: Pace, others: Iterable[Pace]) -> float:
    """Messages a day that all gateways answer. One that has answered none yet is taken to be as
    busy as this one, which is how they begin; one that has answered none for a day is idle.

    >>> now = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
    >>> mine = Pace(1000.0, now)
    >>> whole(mine, [Pace(500.0, now), Pace(0.0, None), Pace(800.0, now - dt.timedelta(days=2))])
    2500.0
    """
    per_day = own.per_day
    for pace in others:
        if pace.as_of is None or own.as_of is None:
            per_day += own.per_day
        elif pace.as_of > own.as_of - _DAY:
            per_day += pace.per_day
    return per_day


class Volume:
    """Counts by hour of event time. A wrong guess moves the budget, never an estimate: each
    probability is stored with its message.
    """

    def __init__(self) -> None:
        self._counts: Counter[dt.datetime] = Counter()
        self._lock = threading.Lock()
        self.pace = Pace(0.0, None)

    def add(self, ts: dt.datetime) -> Pace:
        """Count a message; returns the pace with it."""
        hour = ts.replace(minute=0, second=0, microsecond=0)
        with self._lock:
            if hour not in self._counts:
                self._forget(hour - 24 * _HOUR)
            self._counts[hour] += 1
            since = ts - min(self._counts)
            covered = max(since / _HOUR, 1.0)
            newest = max(ts, self.pace.as_of or ts)
            self.pace = Pace(self._counts.total() / covered * 24, newest)
            return self.pace

    def _forget(self, until: dt.datetime) -> None:
        for hour in list(self._counts):
            if hour <= until:
                del self._counts[hour]
