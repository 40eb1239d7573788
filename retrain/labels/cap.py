"""Pure. No single source fills a day: of one annotator's labels of a UTC day only so many count.
The others stay in history and are named.

An absolute number, not a share: a share cannot be met by a lone annotator, and would drop labels
that counted once a colleague falls ill. The first of the day count, so a later flood never takes
the place of what counted before it.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from retrain.labels.votes import Entry, Votes

_DAY_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Surplus:
    """An annotator's day (UTC) with more labels than count; `over` of them do not."""

    annotator: str
    day: dt.date
    labels: int
    over: int


def within(votes: Votes, most: int) -> Votes:
    """The votes that are among the first `most` of their annotator's UTC day, of those given."""
    # One number for an annotator's day: days take up far less than 32 bits.
    source = votes.annotator * (1 << 32) + votes.at_us // _DAY_US
    sources, sizes = np.unique(source, return_counts=True)
    if sizes.max(initial=0) <= most:
        return votes

    counting = np.ones(len(votes), dtype=np.bool_)
    for flooded in sources[sizes > most].tolist():
        of_day = np.flatnonzero(source == flooded)
        oldest_first = np.lexsort((votes.row[of_day], votes.at_us[of_day]))
        counting[of_day[oldest_first[most:]]] = False
    return votes.chosen(counting)


def surplus(entries: Iterable[Entry], most: int) -> tuple[Surplus, ...]:
    """The days on which an annotator gave more than `most` labels, oldest first.

    >>> at = dt.datetime(2026, 4, 20, 9, tzinfo=dt.UTC)
    >>> surplus([Entry(f"r{i}", "a1", at, str(i), "faq") for i in range(3)], 2)
    (Surplus(annotator='a1', day=datetime.date(2026, 4, 20), labels=3, over=1),)
    """
    given = Counter[tuple[dt.date, str]]()
    for entry in entries:
        day = entry.labelled_at.astimezone(dt.UTC).date()
        given[day, entry.annotator] += 1

    days = []
    for (day, annotator), n in sorted(given.items()):
        if n > most:
            days.append(Surplus(annotator, day, n, over=n - most))
    return tuple(days)
