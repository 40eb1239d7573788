"""Pure. Which sources of labels nobody should believe.

Messages come to annotators whatever they say, so of the same hours all of them must find the
classifier about equally often right. One that differs by much is a broken instrument, not a drift:
a drift shows in everybody's labels.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from retrain.evaluation import live
from retrain.labels.votes import Votes
from schemas import times

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Long enough to hold labels of several sources, too short for a drift to come between them.
_SHIFT_US: Final = 3 * 3_600_000_000
# One honest source in some 16,000 is beyond it; it is asked of every source at every hour.
_PROVEN_Z: Final = 4.0


class Doubt(NamedTuple):
    """An annotator whose labels of the messages with start <= ts < end are not believed."""

    annotator: str
    start: dt.datetime
    end: dt.datetime


@dataclass(frozen=True, slots=True)
class Aside:
    """A source that is not believed: its `n` labels, the share of them by which the classifier was
    right, and by how much that differs from all others' of the same hours (ratio, with its
    z-score).
    """

    annotator: str
    n: int
    right: float
    gap: float
    z: float


def aside(asked: live.Sample, votes: Votes, gap: float) -> tuple[Aside, ...]:
    """Which sources differ from all others by more than `gap` (ratio), beyond chance; the one that
    differs most surely first, then the rest anew.

    Of two that contradict each other alone neither is surer: the one that came later goes.
    """
    sources: list[Aside] = []
    while len(np.unique(votes.annotator)) > 1:
        compared = _against_others(asked, votes)
        far = np.abs(compared.gap) > gap
        sure = np.abs(compared.z) > _PROVEN_Z
        beyond = np.flatnonzero(far & sure).tolist()
        if not beyond:
            break
        worst = _worst(votes, compared.z, beyond)
        sources.append(compared.source(worst, votes.names[worst]))
        votes = votes.chosen(votes.annotator != worst)
    return tuple(sources)


def _worst(votes: Votes, z: Floats, among: Sequence[int]) -> int:
    """The annotator of the largest z; of equal ones the one whose first label came last."""

    def surely(i: int) -> tuple[float, int, int]:
        # Two that contradict each other alone have one z, but for its last bits.
        sure = round(abs(float(z[i])), 6)
        came = int(votes.at_us[votes.annotator == i].min())
        return sure, came, i

    return max(among, key=surely)


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """Of each annotator: labels; those that agree with the classifier; how much that share differs
    from all others' of the same shifts; its z-score. Shapes (annotators,).
    """

    n: Ints
    right: Ints
    gap: Floats
    z: Floats

    def source(self, i: int, annotator: str) -> Aside:
        return Aside(
            annotator=annotator,
            n=int(self.n[i]),
            right=float(self.right[i] / self.n[i]),
            gap=float(self.gap[i]),
            z=float(self.z[i]),
        )


def _against_others(asked: live.Sample, votes: Votes) -> _Compared:
    """Mantel-Haenszel's risk difference to all others over shifts, and its z (Cochran 1954)."""
    n, right = _by_shift(asked, votes)
    all_n = n.sum(axis=0)
    all_right = right.sum(axis=0)
    others = all_n - n
    others_right = all_right - right
    weight = (n * others / all_n).sum(axis=1)
    difference = ((right * others - others_right * n) / all_n).sum(axis=1)

    # A shift of one label has no others, and no spread.
    possible = np.maximum(all_n**2 * (all_n - 1), 1)
    of_shift = all_right * (all_n - all_right) / possible
    spread = np.where(all_n > 1, n * others * of_shift, 0.0).sum(axis=1)
    return _Compared(
        n=n.sum(axis=1),
        right=right.sum(axis=1),
        gap=_quotient(difference, weight),
        z=_quotient(difference, np.sqrt(spread)),
    )


def _by_shift(asked: live.Sample, votes: Votes) -> tuple[Ints, Ints]:
    """Labels, and those that agree with the classifier: shapes (annotators, shifts)."""
    number = asked.ts_us[votes.row] // _SHIFT_US
    shifts, shift = np.unique(number, return_inverse=True)
    shape = len(votes.names), len(shifts)
    cells = shape[0] * shape[1]
    cell = votes.annotator * len(shifts) + shift
    agrees = asked.predicted[votes.row] == votes.label
    n = np.bincount(cell, minlength=cells)
    right = np.bincount(cell[agrees], minlength=cells)
    return n.reshape(shape), right.reshape(shape)


def _quotient(part: Floats, whole: Floats) -> Floats:
    """0 where nothing is divided by."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def without(votes: Votes, ts_us: Ints, doubts: Iterable[Doubt]) -> Votes:
    """The votes that no doubt is about. `ts_us`: when each message came, in microseconds, by
    row.
    """
    believed = np.ones(len(votes), dtype=np.bool_)
    came = ts_us[votes.row]
    for doubt in doubts:
        if doubt.annotator not in votes.names:
            continue
        theirs = votes.annotator == votes.names.index(doubt.annotator)
        begun = came >= times.micros(doubt.start)
        over = came >= times.micros(doubt.end)
        believed &= ~(theirs & begun & ~over)
    return votes.chosen(believed)
