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
from retrain.labels.votes import Votes, named
from schemas import times
from streams.stats import stratified

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
    votes = named(votes)  # what nobody can tell is neither right nor wrong
    while len(np.unique(votes.annotator)) > 1:
        compared = _against_others(asked, votes)
        far = np.abs(compared.gap) > gap
        sure = np.abs(compared.z) > _PROVEN_Z
        beyond = np.flatnonzero(far & sure).tolist()
        if not beyond:
            break
        worst = _worst(votes, compared.z, beyond)
        sources.append(_source(compared, worst, votes.names[worst]))
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


def _against_others(asked: live.Sample, votes: Votes) -> stratified.Compared:
    """How often each annotator agrees with the classifier, against all others of its shifts."""
    shift = asked.ts_us[votes.row] // _SHIFT_US
    agrees = asked.predicted[votes.row] == votes.label
    labels = stratified.by_stratum(votes.annotator, shift, agrees, len(votes.names))
    return stratified.against_others(*labels)


def _source(compared: stratified.Compared, i: int, annotator: str) -> Aside:
    return Aside(
        annotator=annotator,
        n=int(compared.n[i]),
        right=float(compared.hits[i] / compared.n[i]),
        gap=float(compared.gap[i]),
        z=float(compared.z[i]),
    )


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
