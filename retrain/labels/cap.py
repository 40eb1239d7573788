"""Pure. No single source fills a training set: of one annotator's labels of a day only so many count. The others stay in history and are named.

An absolute number, not a share: a share cannot be met by a lone annotator, and would drop labels that counted once a colleague falls ill. The
first of the day count, so a later flood never takes the place of what counted before it.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Held:
    """What an annotator says of a request now: the newest of that annotator's labels, not retracted. `labelled_at` is aware."""

    id: str
    req_id: str
    annotator: str
    labelled_at: dt.datetime
    intent: str


@dataclass(frozen=True, slots=True)
class Surplus:
    """An annotator's day (UTC) with more labels than count; `over` of them do not."""

    annotator: str
    day: dt.date
    labels: int
    over: int


def split(labels: Iterable[Held], most: int) -> tuple[list[Held], list[Held]]:
    """The labels that count and those beyond `most` of their annotator and UTC day, each in the order they were given (ties by id).

    >>> at = dt.datetime(2026, 4, 20, 9, tzinfo=dt.UTC)
    >>> given = [Held(str(i), f"r{i}", "a1", at, "faq") for i in range(3)] + [Held("9", "r0", "a2", at, "faq")]
    >>> [[label.id for label in part] for part in split(given, 2)]
    [['0', '1', '9'], ['2']]
    """
    counted: list[Held] = []
    over: list[Held] = []
    seen: Counter[tuple[str, dt.date]] = Counter()
    for label in sorted(labels, key=lambda label: (label.labelled_at, label.id)):
        source = (label.annotator, _day(label))
        seen[source] += 1
        (counted if seen[source] <= most else over).append(label)
    return counted, over


def surplus(labels: Iterable[Held], most: int) -> tuple[Surplus, ...]:
    """The days on which an annotator gave more than `most` labels, oldest first.

    >>> at = dt.datetime(2026, 4, 20, 9, tzinfo=dt.UTC)
    >>> surplus([Held(str(i), f"r{i}", "a1", at, "faq") for i in range(3)], 2)
    (Surplus(annotator='a1', day=datetime.date(2026, 4, 20), labels=3, over=1),)
    """
    given = Counter((_day(label), label.annotator) for label in labels)
    return tuple(Surplus(annotator, day, n, n - most) for (day, annotator), n in sorted(given.items()) if n > most)


def newest(labels: Iterable[Held]) -> dict[str, str]:
    """request -> the intent that holds: the newest of all annotators', ties by the annotator's name (as store.current_labels)."""
    by_request: dict[str, list[Held]] = defaultdict(list)
    for label in labels:
        by_request[label.req_id].append(label)
    return {req_id: min(found, key=lambda label: (-label.labelled_at.timestamp(), label.annotator)).intent for req_id, found in by_request.items()}


def _day(label: Held) -> dt.date:
    return label.labelled_at.astimezone(dt.UTC).date()
