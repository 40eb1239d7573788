"""Pure. What annotators made of the same messages, counted: by annotator, by the intent the
classifier named, by shift.

Messages come to annotators whatever they say, so of one shift and one predicted intent all of them
must agree with the classifier about equally often. Cochran and Mantel-Haenszel compare within
strata and add up over them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from retrain.evaluation import samples
from retrain.labels.votes import Votes
from schemas import present
from streams.stats import stratified

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Long enough to hold labels of several sources, too short for a drift to come between them.
SHIFT_US: Final = 3 * 3_600_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Labels, and those that agree with the classifier: shapes (annotators, intents, shifts);
    `begins_us`: when each shift begins, oldest first.
    """

    n: Ints
    right: Ints
    begins_us: Ints

    @property
    def of_all_intents(self) -> "Counts":
        """The same with all intents as one."""
        n = self.n.sum(axis=1, keepdims=True)
        right = self.right.sum(axis=1, keepdims=True)
        return Counts(n, right, self.begins_us)


def counted(asked: samples.Sample, votes: Votes) -> Counts:
    """Count every vote."""
    number = asked.ts_us[votes.row] // SHIFT_US
    shifts, shift = np.unique(number, return_inverse=True)
    predicted = asked.predicted[votes.row]

    shape = len(votes.names), len(present.INTENTS), len(shifts)
    cell = (votes.annotator * shape[1] + predicted) * shape[2] + shift
    cells = shape[0] * shape[1] * shape[2]
    agrees = predicted == votes.label
    n = np.bincount(cell, minlength=cells)
    right = np.bincount(cell[agrees], minlength=cells)
    return Counts(n.reshape(shape), right.reshape(shape), shifts * SHIFT_US)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Of each annotator and intent in the shifts that others labelled, too: labels and those that
    agree, own and others'; how many would agree if all were alike; `weight` = sum of n * others /
    all, by which the difference of both shares is a mean; `spread`: of the own agreeing ones, were
    all alike (variance). Shapes (annotators, intents, spans).
    """

    n: Floats
    right: Floats
    others: Floats
    others_right: Floats
    expected: Floats
    others_expected: Floats
    weight: Floats
    spread: Floats

    @property
    def gap(self) -> Floats:
        """Mantel-Haenszel's risk difference to all others; 0 where there are none."""
        return stratified.quotient(self.right - self.expected, self.weight)

    @property
    def z(self) -> Floats:
        """Its z-score (Cochran 1954)."""
        return stratified.quotient(self.right - self.expected, np.sqrt(self.spread))


def compared(counts: Counts, begins: Ints) -> Compared:
    """Each annotator against all others, over the spans of shifts from each of `begins` (places of
    shifts, shape (spans,)) to the last.
    """
    all_n = counts.n.sum(axis=0)
    all_right = counts.right.sum(axis=0)
    # A shift that nobody else labelled has nothing to compare with.
    shared = (counts.n > 0) & (counts.n < all_n)
    n = np.where(shared, counts.n, 0)
    right = np.where(shared, counts.right, 0)
    others = np.where(shared, all_n - counts.n, 0)
    others_right = np.where(shared, all_right - counts.right, 0)

    share = stratified.quotient(all_right, all_n)
    # A shift of one label has no spread.
    possible = np.maximum(all_n * (all_n - 1), 1)
    variance = all_right * (all_n - all_right) / possible
    weight = n * others / np.maximum(all_n, 1)
    terms = (
        n,
        right,
        others,
        others_right,
        n * share,
        others * share,
        weight,
        weight * variance,
    )
    return Compared(*(_from(term, begins) for term in terms))


def _from(term: npt.NDArray[np.float64] | Ints, begins: Ints) -> Floats:
    """Sums over the shifts from each of `begins` to the last, on the last axis."""
    backwards = np.cumsum(term[..., ::-1], axis=-1, dtype=np.float64)
    return backwards[..., term.shape[-1] - 1 - begins]
