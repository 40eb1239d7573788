"""Pure. What predictions are worth against labels: one ruler for the gate and for live quality.
Labels and predictions are places in present.INTENTS.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas import present

Labels = npt.NDArray[np.int64]
Counts = npt.NDArray[np.float64] | Labels
K = len(present.INTENTS)
RARE = np.array([present.INDEX[intent] for intent in present.RARE], dtype=np.int64)


def _severity() -> npt.NDArray[np.float64]:
    intents = present.TAXONOMY.intents
    rows = []
    for meant in intents:
        row = [present.TAXONOMY.severity(meant, given) for given in intents]
        rows.append(row)
    return np.array(rows)


# Row the label, column the prediction.
SEVERITY = _severity()


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
    pair = labels * K + predicted
    counts = np.bincount(pair, minlength=K * K)
    return counts.reshape(K, K).astype(np.int64)


def macro_f1(hits: Counts, labelled: Counts, predicted: Counts) -> npt.NDArray[np.float64]:
    """Mean F1 = 2PR / (P + R) over the intents that have labels (seed 10.1). Shapes (..., K) ->
    (...).
    """
    either = labelled + predicted
    f1 = np.divide(
        2 * hits,
        either,
        out=np.zeros(hits.shape),
        where=either > 0,
    )
    has_labels = labelled > 0
    total = (f1 * has_labels).sum(-1)
    intents = has_labels.sum(-1)
    return np.asarray(total / np.maximum(intents, 1))


def scores(labels: Labels, predicted: Labels) -> Scores:
    """All figures of one model on one set of rows."""
    counts = matrix(labels, predicted)
    n = int(counts.sum())
    labelled = counts.sum(1)
    hits = np.diag(counts)

    recall: dict[str, float | None] = {}
    support = {}
    for i, intent in enumerate(present.INTENTS):
        recall[intent] = _ratio(hits[i], labelled[i])
        support[intent] = int(labelled[i])

    return Scores(
        n=n,
        accuracy=_ratio(hits.sum(), n) or 0.0,
        macro_f1=float(macro_f1(hits, labelled, counts.sum(0))),
        rare_recall=_ratio(hits[RARE].sum(), labelled[RARE].sum()),
        recall=recall,
        support=support,
        severity=_ratio((counts * SEVERITY).sum(), n) or 0.0,
    )


def _ratio(part: Any, whole: Any) -> float | None:
    """None of nothing."""
    return float(part / whole) if whole else None
