"""Pure. Everything that one set of held-out rows says of one model: what it takes for what, how
sure it is where it is right and where it is wrong, and whether that confidence means what it says.

Labels and predictions are places in present.INTENTS.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain.evaluation import calibration, confusion
from schemas import present, slices
from streams.stats import proportion

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
STEPS = 20  # of a histogram of confidences
_PAIRS = 10  # of what is taken for what


@dataclass(frozen=True, slots=True)
class OfIntent:
    """Of one intent: precision of `predicted` answers, recall of `n` rows with its 95 % interval
    (Wilson), their F1; None where there are none.
    """

    intent: str
    n: int
    predicted: int
    precision: float | None
    recall: float | None
    low: float | None
    high: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Bin:
    """Of a reliability plot: n rows of like confidence, its mean, and the share that is right with
    its 95 % interval (Wilson).
    """

    n: int
    confidence: float
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Pair:
    """`n` rows that mean `meant` were answered as `given`: a false negative of the one and a false
    positive of the other.
    """

    meant: str
    given: str
    n: int
    severity: float


@dataclass(frozen=True, slots=True)
class Slice:
    """The accuracy of the n rows of a kind, with its 95 % interval (Wilson)."""

    name: str
    n: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Validation:
    """All of it. `confusion`: counts, row the label, column the answer. `reliability`: with the raw
    confidence and with the calibrated one. `right`, `wrong`: how many rows have a confidence in
    each of STEPS equal steps.
    """

    intents: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    by_intent: tuple[OfIntent, ...]
    reliability_before: tuple[Bin, ...]
    reliability: tuple[Bin, ...]
    ece_before: float
    ece: float
    ece_floor: float
    right: tuple[int, ...]
    wrong: tuple[int, ...]
    confidence_right: float | None
    confidence_wrong: float | None
    pairs: tuple[Pair, ...]
    slices: tuple[Slice, ...]
    log_loss: float


def validation(
    labels: Labels,
    logits: Floats,
    temperature: float,
    texts: Sequence[str],
    seed: int,
) -> Validation:
    """Of n rows: labels of shape (n,), logits of shape (n, K), the texts as people typed them.
    `seed`: of the draws for the noise floor.
    """
    predicted = logits.argmax(1)
    raw, sure = (calibration.probabilities(logits, t) for t in (1.0, temperature))
    before, after = raw.max(1), sure.max(1)
    right = predicted == labels
    counts = confusion.matrix(labels, predicted)
    return Validation(
        intents=present.INTENTS,
        confusion=tuple(tuple(row) for row in counts.tolist()),
        by_intent=tuple(_of_intent(counts, place) for place in range(confusion.K)),
        reliability_before=bins(before, right),
        reliability=bins(after, right),
        ece_before=calibration.ece(before, right),
        ece=calibration.ece(after, right),
        ece_floor=calibration.ece_floor(after, seed),
        right=_histogram(after[right]),
        wrong=_histogram(after[~right]),
        confidence_right=mean(after[right]),
        confidence_wrong=mean(after[~right]),
        pairs=pairs(counts),
        slices=_slices(texts, right),
        log_loss=log_loss(sure, labels),
    )


def _of_intent(counts: Labels, place: int) -> OfIntent:
    hits, n = int(counts[place, place]), int(counts[place].sum())
    predicted = int(counts[:, place].sum())
    low, high = proportion.wilson(hits, n) if n else (None, None)
    return OfIntent(
        intent=present.INTENTS[place],
        n=n,
        predicted=predicted,
        precision=hits / predicted if predicted else None,
        recall=hits / n if n else None,
        low=low,
        high=high,
        f1=2 * hits / (n + predicted) if n + predicted else None,
    )


def bins(confidence: Floats, right: npt.NDArray[np.bool_]) -> tuple[Bin, ...]:
    """The rows by their bins of calibration.places, those that hold any, shapes (n,).

    >>> [bin.n for bin in bins(np.linspace(0.5, 1, 30), np.ones(30, dtype=bool))][:3]
    [2, 2, 2]
    """
    if not len(confidence):
        return ()
    places = calibration.places(confidence)
    parts = []
    for place in np.unique(places):
        rows = places == place
        n = int(rows.sum())
        share, low, high = proportion.estimate(int(right[rows].sum()), n)
        parts.append(Bin(n, float(confidence[rows].mean()), share, low, high))
    return tuple(parts)


def pairs(counts: Labels) -> tuple[Pair, ...]:
    """What is most often taken for what, the most frequent first. Shape (K, K)."""
    wrong = counts * (1 - np.eye(len(counts), dtype=np.int64))
    worst = np.argsort(-wrong, axis=None, kind="stable")[:_PAIRS]
    taken = []
    for meant, given in zip(*np.unravel_index(worst, wrong.shape), strict=True):
        if wrong[meant, given]:
            names = present.INTENTS[meant], present.INTENTS[given]
            severity = float(confusion.SEVERITY[meant, given])
            taken.append(Pair(*names, int(wrong[meant, given]), severity))
    return tuple(taken)


def _slices(texts: Sequence[str], right: npt.NDArray[np.bool_]) -> tuple[Slice, ...]:
    """Accuracy by the scripts and other marks of the texts."""
    marks = np.array([slices.of(text) for text in texts], dtype=np.int64)
    every = []
    for name, bit in slices.BITS.items():
        mine = (marks & bit) != 0
        if mine.any():
            n = int(mine.sum())
            every.append(Slice(name, n, *proportion.estimate(int(right[mine].sum()), n)))
    return tuple(every)


def _histogram(confidence: Floats) -> tuple[int, ...]:
    places = np.minimum((confidence * STEPS).astype(np.int64), STEPS - 1)
    return tuple(np.bincount(places, minlength=STEPS).tolist())


def mean(confidence: Floats) -> float | None:
    """Of n confidences; None of none."""
    return float(confidence.mean()) if len(confidence) else None


def log_loss(probabilities: Floats, labels: Labels) -> float:
    """The mean negative log-likelihood of the labels, in nats; 0 of no row.

    >>> round(log_loss(np.array([[0.3695, 0.6305]]), np.array([0])), 4)
    0.9956
    """
    if not len(labels):
        return 0.0
    named = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(named, np.finfo(np.float64).tiny)).mean())
