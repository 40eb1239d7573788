"""Pure. Candidate against champion on the same rows: paired, by group, with an interval. Two equal
models differ by chance on every set.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from retrain.evaluation import confusion
from schemas import present

DRAWS = 2_000
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Counts:
    """Of each intent how many rows were right, mean it, and were given it: shapes (..., K). Whole
    confusions of 200 intents would not fit into memory.
    """

    hits: Floats
    labelled: Floats
    predicted: Floats


Measure = Callable[[Counts], Floats]


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate less champion, with its 95 % interval and the rows it stands on."""

    value: float
    low: float
    high: float
    n: int


def differences(
    labels: confusion.Labels,
    champion: confusion.Labels,
    candidate: confusion.Labels,
    groups: Sequence[str],
    *,
    seed: int,
) -> dict[str, Difference]:
    """Accuracy, macro F1 and recall:<intent> differences; 2,000 bootstrap draws over whole groups,
    since rows of one group stand or fall together.

    Shapes: labels, champion, candidate, groups all (n,).
    """
    once = np.ones(len(labels))
    drawn = _draws(groups, seed)
    old = _counts(labels, champion, once)
    new = _counts(labels, candidate, once)
    old_drawn = _counts(labels, champion, drawn)
    new_drawn = _counts(labels, candidate, drawn)

    by_name = {}
    for (name, intent), measure in _measures(labels).items():
        rows = labels if intent is None else labels[labels == intent]
        spread = np.subtract(measure(new_drawn), measure(old_drawn))
        low, high = np.nanpercentile(spread, [2.5, 97.5])
        by_name[name] = Difference(
            value=float(measure(new) - measure(old)),
            low=float(low),
            high=float(high),
            n=len(rows),
        )
    return by_name


def _measures(labels: confusion.Labels) -> dict[tuple[str, int | None], Measure]:
    """By name, and by the place of the intent that it is about, if it is about one."""
    measures: dict[tuple[str, int | None], Measure] = {
        ("accuracy", None): _accuracy,
        ("macro_f1", None): _macro_f1,
    }
    for i, intent in enumerate(present.INTENTS):
        if (labels == i).any():
            measures[f"recall:{intent}", i] = _recall(i)
    return measures


def _draws(groups: Sequence[str], seed: int) -> Floats:
    """How often each row is drawn in each resample: shape (DRAWS, n). A group comes whole."""
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    rng = np.random.default_rng(seed)
    size = int(member.max()) + 1
    alike = np.full(size, 1 / size)
    times = rng.multinomial(size, alike, size=DRAWS)
    return times[:, member].astype(np.float64)


def _counts(labels: confusion.Labels, predicted: confusion.Labels, weights: Floats) -> Counts:
    """Counts of every resample: shapes (DRAWS, K)."""
    one_hot = np.eye(confusion.K)
    meant = one_hot[labels]
    given = one_hot[predicted]
    return Counts(
        hits=weights @ (meant * given),
        labelled=weights @ meant,
        predicted=weights @ given,
    )


def _accuracy(counts: Counts) -> Floats:
    right = counts.hits.sum(-1)
    n = counts.labelled.sum(-1)
    return np.asarray(right / n)


def _macro_f1(counts: Counts) -> Floats:
    return confusion.macro_f1(counts.hits, counts.labelled, counts.predicted)


def _recall(intent: int) -> Measure:
    def measure(counts: Counts) -> Floats:
        hits = counts.hits[..., intent]
        labelled = counts.labelled[..., intent]
        # A resample without this intent says nothing of its recall.
        unknown = np.full(np.shape(labelled), np.nan)
        recall = np.divide(hits, labelled, out=unknown, where=labelled > 0)
        return np.asarray(recall)

    return measure


def sign_test(one: Flags, other: Flags, groups: Sequence[str]) -> float:
    """How likely two equal models differ so unevenly: p of the exact test, two-sided, on the groups
    in which either is right more often (McNemar's where each row is a group). Shapes (n,); 1 where
    they never differ.

    >>> five = np.ones(5, dtype=bool)
    >>> sign_test(five, ~five, list("abcde")), sign_test(five, ~five, list("aaabb"))
    (0.0625, 0.5)
    """
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    ahead = np.bincount(member, weights=one.astype(np.float64) - other)
    wins, losses = int((ahead > 0).sum()), int((ahead < 0).sum())
    tail = special.bdtr(min(wins, losses), wins + losses, 0.5)
    return min(1.0, 2 * float(tail))


def labels_needed(difference: Difference, margin: float) -> int:
    """About how many more rows would decide: the interval shrinks with the square root of n until
    it clears the margin.
    """
    half = (difference.high - difference.low) / 2
    distance = abs(difference.value + margin)
    if distance == 0 or half == 0:
        return 0
    times = (half / distance) ** 2
    return max(0, math.ceil(difference.n * (times - 1)))
