"""Pure. Which sources of labels nobody should believe.

Messages come to annotators whatever they say, so of the same hours all of them must find the
classifier about equally often right. One that differs by much is a broken instrument, not a drift:
a drift shows in everybody's labels.
"""

import datetime as dt
from collections.abc import Iterable
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
    found: list[Aside] = []
    while len(np.unique(votes.annotator)) > 1:
        n, right, differs, z = _against_others(asked, votes)
        beyond = np.flatnonzero((np.abs(differs) > gap) & (np.abs(z) > _PROVEN_Z))
        if not len(beyond):
            break
        came = {i: int(votes.at_us[votes.annotator == i].min()) for i in beyond.tolist()}
        worst = max(came, key=lambda i: (round(abs(float(z[i])), 6), came[i], i))
        found.append(
            Aside(
                votes.names[worst],
                int(n[worst]),
                float(right[worst] / n[worst]),
                float(differs[worst]),
                float(z[worst]),
            )
        )
        votes = votes.chosen(votes.annotator != worst)
    return tuple(found)


def _against_others(asked: live.Sample, votes: Votes) -> tuple[Ints, Ints, Floats, Floats]:
    """Of each annotator: labels; those that agree with the classifier; Mantel-Haenszel's risk
    difference to all others over shifts; its z (Cochran 1954).
    """
    shifts, shift = np.unique(asked.ts_us[votes.row] // _SHIFT_US, return_inverse=True)
    cell, shape = votes.annotator * len(shifts) + shift, (len(votes.names), len(shifts))
    agrees = (asked.predicted[votes.row] == votes.label).astype(np.int64)
    n = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
    right = np.bincount(cell[agrees == 1], minlength=shape[0] * shape[1]).reshape(shape)
    all_n, all_right = n.sum(axis=0), right.sum(axis=0)
    others, others_right = all_n - n, all_right - right
    weight = (n * others / all_n).sum(axis=1)
    difference = ((right * others - others_right * n) / all_n).sum(axis=1)
    spread = np.where(
        all_n > 1,
        n * others * (all_right * (all_n - all_right) / np.maximum(all_n**2 * (all_n - 1), 1)),
        0.0,
    ).sum(axis=1)
    differs = np.divide(difference, weight, out=np.zeros(shape[0]), where=weight > 0)
    z = np.divide(difference, np.sqrt(spread), out=np.zeros(shape[0]), where=spread > 0)
    return n.sum(axis=1), right.sum(axis=1), differs, z


def without(votes: Votes, ts_us: Ints, doubts: Iterable[Doubt]) -> Votes:
    """The votes that no doubt is about. `ts_us`: when each message came, in microseconds, by row."""
    believed = np.ones(len(votes), dtype=np.bool_)
    came = ts_us[votes.row]
    for doubt in doubts:
        if doubt.annotator in votes.names:
            theirs = votes.annotator == votes.names.index(doubt.annotator)
            inside = (came >= times.micros(doubt.start)) & (came < times.micros(doubt.end))
            believed &= ~(theirs & inside)
    return votes.chosen(believed)
