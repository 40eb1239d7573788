"""Pure. Candidate against champion on the same rows: paired, by group, with an interval. Two equal
models differ by chance on every set.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain.evaluation import confusion
from schemas import present

DRAWS = 2_000
Floats = npt.NDArray[np.float64]


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
    weights = _draws(groups, seed)
    both = [_counts(labels, predicted, weights) for predicted in (champion, candidate)]
    points = [
        _counts(labels, predicted, np.ones(len(labels))) for predicted in (champion, candidate)
    ]
    found = {}
    for name, measure in _measures(labels).items():
        spread = np.subtract(measure(both[1]), measure(both[0]))
        low, high = np.nanpercentile(spread, [2.5, 97.5])
        n = int((labels == name[1]).sum()) if name[1] is not None else len(labels)
        found[name[0]] = Difference(
            float(measure(points[1]) - measure(points[0])), float(low), float(high), n
        )
    return found


def _measures(labels: confusion.Labels) -> dict[tuple[str, int | None], Measure]:
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
    return rng.multinomial(size, np.full(size, 1 / size), size=DRAWS)[:, member].astype(np.float64)


def _counts(labels: confusion.Labels, predicted: confusion.Labels, weights: Floats) -> Counts:
    """Counts of every resample: shapes (DRAWS, K)."""
    each = np.eye(confusion.K)
    meant, given = each[labels], each[predicted]
    return Counts(weights @ (meant * given), weights @ meant, weights @ given)


def _accuracy(counts: Counts) -> Floats:
    return np.asarray(counts.hits.sum(-1) / counts.labelled.sum(-1))


def _macro_f1(counts: Counts) -> Floats:
    return confusion.macro_f1(counts.hits, counts.labelled, counts.predicted)


def _recall(intent: int) -> Measure:
    def measure(counts: Counts) -> Floats:
        row = counts.labelled[..., intent]
        return np.asarray(
            np.divide(
                counts.hits[..., intent], row, out=np.full(np.shape(row), np.nan), where=row > 0
            )
        )

    return measure


def labels_needed(difference: Difference, margin: float) -> int:
    """About how many more rows would decide: the interval shrinks with the square root of n until
    it clears the margin.
    """
    half = (difference.high - difference.low) / 2
    distance = abs(difference.value + margin)
    if distance == 0 or half == 0:
        return 0
    return max(0, math.ceil(difference.n * ((half / distance) ** 2 - 1)))
