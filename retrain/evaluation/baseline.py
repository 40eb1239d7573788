"""Pure. What a candidate is set beside on its held-out rows: the most frequent intent, a linear
model, the encoder before it was trained, the champion. One that is not better has cost for nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from retrain.evaluation import calibration, confusion
from schemas import present
from schemas.checks import Check, Range, Stage, check
from streams.stats import proportion

Floats = npt.NDArray[np.float64]
MAJORITY, LINEAR, ENCODER, CHAMPION = "majority", "linear", "encoder", "champion"
_AS_GOOD: Final = "as good without a fine-tune: look at what the rows teach before the next one"


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Recall of the n training rows of rare intents, each answered by a model that has seen no row
    of its group: five folds.
    """

    rare_recall: float
    n: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a model says of n held-out rows, once it has learnt `trained` rows (0: it was there
    already); `seconds` of processor time for both. Ratios in [0, 1].
    """

    name: str
    n: int
    accuracy: float
    macro_f1: float
    rare_recall: float | None
    ece: float
    trained: int
    seconds: float
    out_of_fold: OutOfFold | None = None


def baseline(
    name: str,
    labels: confusion.Labels,
    probabilities: Floats,
    trained: int,
    seconds: float,
    out_of_fold: OutOfFold | None = None,
) -> Baseline:
    """From what it says of the rows. Shapes: labels (n,), probabilities (n, K)."""
    predicted = probabilities.argmax(1)
    scores = confusion.scores(labels, predicted)
    return Baseline(
        name=name,
        n=scores.n,
        accuracy=scores.accuracy,
        macro_f1=scores.macro_f1,
        rare_recall=scores.rare_recall,
        ece=calibration.ece(probabilities.max(1), predicted == labels),
        trained=trained,
        seconds=seconds,
        out_of_fold=out_of_fold,
    )


def majority(labels: confusion.Labels, n: int) -> Floats:
    """The shares of the intents among training rows, as the answer to any of n others: (n, K).

    >>> majority(np.array([0, 0, 0, 1]), 2)[:, :2].tolist()
    [[0.75, 0.25], [0.75, 0.25]]
    """
    shares = np.bincount(labels, minlength=confusion.K) / max(1, len(labels))
    return np.tile(shares, (n, 1))


def out_of_fold(labels: confusion.Labels, probabilities: Floats) -> OutOfFold | None:
    """From out-of-fold probabilities (n, K); None where no row is of a rare intent."""
    scores = confusion.scores(labels, probabilities.argmax(1))
    if scores.rare_recall is None:
        return None
    n = int(np.isin(labels, confusion.RARE).sum())
    return OutOfFold(scores.rare_recall, n)


def checks(told: Sequence[Baseline], candidate: confusion.Scores) -> Iterator[Check]:
    """accuracy, macro_f1 and rare_recall of each, healthy up to the candidate's on the same rows;
    and the rare recall of the two that are cheap enough to be trained five times more, out of fold.
    No fine-tune is: of the candidate only the held-out rows are known.
    """
    for each in told:
        for name in ("accuracy", "macro_f1", "rare_recall"):
            value, n = getattr(each, name), each.n
            if name == "rare_recall":
                n = _rare(candidate)
            yield _beside(f"{name}:{each.name}", value, n, getattr(candidate, name))
        if each.out_of_fold is not None:
            yield _out_of_fold(each.name, each.out_of_fold, candidate.rare_recall)


def _rare(scores: confusion.Scores) -> int:
    return sum(scores.support[intent] for intent in present.RARE)


def _beside(name: str, value: float | None, n: int, most: float | None) -> Check:
    healthy = Range(most=most)
    return check(Stage.VALIDATION, name, value, n, healthy, remedy=_AS_GOOD)


def _out_of_fold(name: str, told: OutOfFold, most: float | None) -> Check:
    low, high = proportion.wilson(told.rare_recall * told.n, told.n)
    return check(
        Stage.VALIDATION,
        f"rare_recall_out_of_fold:{name}",
        told.rare_recall,
        told.n,
        Range(most=most),
        remedy=_AS_GOOD,
        low=low,
        high=high,
    )
