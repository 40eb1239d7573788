"""Pure. What predictions are worth against labels: one ruler for the gate and for live quality.
Labels and predictions are places in present.INTENTS.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas import present

Labels = npt.NDArray[np.int64]
Counts = npt.NDArray[np.float64] | Labels
K = len(present.INTENTS)
RARE_INDEX = np.array([present.INDEX[intent] for intent in present.RARE], dtype=np.int64)
# Row the label, column the prediction.
SEVERITY = np.array(
    [
        [present.TAXONOMY.severity(true, predicted) for predicted in present.TAXONOMY.intents]
        for true in present.TAXONOMY.intents
    ]
)


@dataclass(frozen=True, slots=True)
class Scores:
    """Ratios in [0, 1]; recall of an intent without labels is None."""

    n: int
    accuracy: float
    macro_f1: float
    rare_recall: float | None
    recall: dict[str, float | None]
    support: dict[str, int]
    severity: float


def places(intents: Iterable[str]) -> Labels:
    """The places of these intents, of merged ones those of the intents that took them over. Raises
    KeyError for an unknown one.
    """
    return np.array([present.INDEX[intent] for intent in intents], dtype=np.int64)


def matrix(labels: Labels, predicted: Labels) -> Labels:
    """Confusion counts, shape (K, K): row the label, column the prediction.

    >>> matrix(np.array([0, 0, 1]), np.array([0, 1, 1]))[:2, :2].tolist()
    [[1, 1], [0, 1]]
    """
    return np.bincount(labels * K + predicted, minlength=K * K).reshape(K, K).astype(np.int64)


def macro_f1(hits: Counts, labelled: Counts, predicted: Counts) -> npt.NDArray[np.float64]:
    """Mean F1 = 2PR / (P + R) over the intents that have labels (seed 10.1). Shapes (..., K) ->
    (...).
    """
    f1 = np.divide(
        2 * hits, labelled + predicted, out=np.zeros(hits.shape), where=(labelled + predicted) > 0
    )
    told = labelled > 0
    return np.asarray((f1 * told).sum(-1) / np.maximum(told.sum(-1), 1))


def scores(labels: Labels, predicted: Labels) -> Scores:
    """All figures of one model on one set of rows."""
    counts = matrix(labels, predicted)
    n, support, hits = int(counts.sum()), counts.sum(1), np.diag(counts)
    recall = {
        intent: float(hits[i] / support[i]) if support[i] else None
        for i, intent in enumerate(present.INTENTS)
    }
    rare = int(support[RARE_INDEX].sum())
    return Scores(
        n=n,
        accuracy=float(hits.sum() / n) if n else 0.0,
        macro_f1=float(macro_f1(hits, support, counts.sum(0))),
        rare_recall=float(hits[RARE_INDEX].sum() / rare) if rare else None,
        recall=recall,
        support={intent: int(support[i]) for i, intent in enumerate(present.INTENTS)},
        severity=float((counts * SEVERITY).sum() / n) if n else 0.0,
    )
