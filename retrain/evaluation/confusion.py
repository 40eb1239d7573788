"""Pure. What predictions are worth against labels: one ruler for the gate and for live quality. Labels and predictions are numbers of INTENTS."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas import taxonomy

Labels = npt.NDArray[np.int64]
K = len(taxonomy.INTENTS)
RARE_INDEX = np.array([taxonomy.INDEX[intent] for intent in taxonomy.RARE])
SEVERITY = np.array([[taxonomy.SEVERITY[t, p] for p in taxonomy.INTENTS] for t in taxonomy.INTENTS])  # row the label, column the prediction


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


def matrix(labels: Labels, predicted: Labels) -> Labels:
    """Confusion counts, shape (K, K): row the label, column the prediction.

    >>> matrix(np.array([0, 0, 1]), np.array([0, 1, 1]))[:2, :2].tolist()
    [[1, 1], [0, 1]]
    """
    return np.bincount(labels * K + predicted, minlength=K * K).reshape(K, K).astype(np.int64)


def macro_f1(counts: npt.NDArray[np.float64] | Labels) -> npt.NDArray[np.float64]:
    """Mean F1 = 2PR / (P + R) over the intents that have labels (seed 10.1). Shape (..., K, K) -> (...)."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    labelled, predicted = counts.sum(-1), counts.sum(-2)
    f1 = np.divide(2 * hits, labelled + predicted, out=np.zeros(hits.shape), where=(labelled + predicted) > 0)
    present = labelled > 0
    return np.asarray((f1 * present).sum(-1) / np.maximum(present.sum(-1), 1))


def scores(labels: Labels, predicted: Labels) -> Scores:
    """All figures of one model on one set of rows."""
    counts = matrix(labels, predicted)
    n, support, hits = int(counts.sum()), counts.sum(1), np.diag(counts)
    recall = {intent: float(hits[i] / support[i]) if support[i] else None for i, intent in enumerate(taxonomy.INTENTS)}
    rare = int(support[RARE_INDEX].sum())
    return Scores(
        n=n,
        accuracy=float(hits.sum() / n) if n else 0.0,
        macro_f1=float(macro_f1(counts)),
        rare_recall=float(hits[RARE_INDEX].sum() / rare) if rare else None,
        recall=recall,
        support={intent: int(support[i]) for i, intent in enumerate(taxonomy.INTENTS)},
        severity=float((counts * SEVERITY).sum() / n) if n else 0.0,
    )
