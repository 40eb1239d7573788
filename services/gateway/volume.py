"""How many messages a day there are, from those of the last day: what the sampler's budget is
spread over.
"""

import datetime as dt
import threading
from collections import Counter

_HOUR = dt.timedelta(hours=1)


class Volume:
    """Counts by hour of event time. A wrong guess moves the budget, never an estimate: each
    probability is stored with its message.
    """

    def __init__(self) -> None:
        self._counts: Counter[dt.datetime] = Counter()
        self._lock = threading.Lock()

    def add(self, ts: dt.datetime) -> float:
        """Count a message; returns messages a day at the pace of up to the last 24 hours."""
        hour = ts.replace(minute=0, second=0, microsecond=0)
        with self._lock:
            if hour not in self._counts:
                self._forget(hour - 24 * _HOUR)
            self._counts[hour] += 1
            since = ts - min(self._counts)
            covered = max(since / _HOUR, 1.0)
            return self._counts.total() / covered * 24

    def _forget(self, until: dt.datetime) -> None:
        for hour in list(self._counts):
            if hour <= until:
                del self._counts[hour]
