"""Pure. When a partition holds so much that is no serving log that a person must look first: a bad
release must not drain the topic into dead letters.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas import events

MOST_IN_A_ROW: Final = 100
MOST_OF: Final = 1_000
MOST_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Health:
    """What is remembered of a partition: whether each of its last logs was bad, newest last; how
    many bad ones came last in a row.
    """

    recent: npt.NDArray[np.bool_]
    in_a_row: int = 0


FRESH: Final = Health(np.zeros(0, dtype=np.bool_))


def after(before: Health, bad: npt.NDArray[np.bool_]) -> tuple[Health, str | None]:
    """The health after more logs, and why to stop, if so: more than 100 bad in a row, or more than
    5 % of any 1,000.

    >>> after(FRESH, np.ones(101, dtype=np.bool_))[1]
    '101 in a row are no serving logs'
    >>> after(FRESH, np.zeros(5000, dtype=np.bool_))[1] is None
    True
    """
    if not bad.any():
        recent = np.concatenate((before.recent, bad[-MOST_OF:]))
        in_a_row = 0 if len(bad) else before.in_a_row
        return Health(recent[-MOST_OF:], in_a_row), None

    longest, last = _rows(before.in_a_row, bad)
    whole = np.concatenate((before.recent, bad))
    now = Health(whole[-MOST_OF:], last)
    if longest > MOST_IN_A_ROW:
        return now, f"{longest} in a row are no serving logs"
    most = _most_of(whole)
    if most > MOST_OF * MOST_SHARE:
        return now, f"{most} of {MOST_OF} are no serving logs"
    return now, None


def resumed(offsets: Iterable[int], low: int, high: int) -> Health:
    """The health of a partition read up to offset `high` by somebody before, or by us before a
    restart: otherwise each start would drain some more.

    offsets: records in [low, high) that are no serving logs. low: how far back to look, at most;
    what a person has accepted lies before it.

    >>> resumed([7, 8, 9], 0, 10).in_a_row
    3
    """
    low = max(low, high - MOST_OF)
    recent = np.zeros(max(0, high - low), dtype=np.bool_)
    for offset in offsets:
        if low <= offset < high:
            recent[offset - low] = True
    _, last = _rows(0, recent)
    return Health(recent, last)


def _rows(begun: int, bad: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """The longest run of bad logs, and the one that the last log belongs to; `begun` of a run came
    before.
    """
    before = -1 - begun
    good = np.concatenate(([before], np.flatnonzero(~bad), [len(bad)]))
    runs = np.diff(good) - 1
    return int(runs.max()), int(runs[-1])


def _most_of(bad: npt.NDArray[np.bool_]) -> int:
    """The most bad logs among any MOST_OF that follow each other; 0 where there are fewer."""
    if len(bad) < MOST_OF:
        return 0
    total = np.concatenate(([0], np.cumsum(bad)))
    among = total[MOST_OF:] - total[:-MOST_OF]
    return int(among.max())


def cause(place: str, trouble: str, head: int, *, by_producer: bool) -> str:
    """Why the worker has stopped at offset `head` of topic/partition `place`. `by_producer`: the
    time against which a log's was held is its producer's.

    >>> cause("logs/0", "101 are bad", 7, by_producer=False)
    'logs/0: 101 are bad from offset 7 on; nothing of them was stored'
    """
    told = f"{place}: {trouble} from offset {head} on; nothing of them was stored"
    if by_producer:
        told += f"; their ts was held against {events.PRODUCERS_TIME}"
    return told


def remedy(place: str, until: int, *, by_producer: bool) -> str:
    """What to do about it, up to offset `until`.

    >>> remedy("logs/0", 151, by_producer=False)[:17]
    'mend the producer'
    """
    mend = "run `python -m services.provision --alter`" if by_producer else "mend the producer"
    accept = f"python -m services.redrive accept {place} --until {until}"
    return f"{mend}, then take them as dead letters with `{accept}`"
