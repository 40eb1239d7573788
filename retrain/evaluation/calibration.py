"""Pure. Whether a confidence means what it says: temperature, and the expected calibration error
beside the one chance alone would show.
"""

import numpy as np
import numpy.typing as npt
from scipy import special

BINS = 15
_DRAWS = 200

Floats = npt.NDArray[np.float64]
Flags = Floats | npt.NDArray[np.bool_]  # 1 or true where the answer was right


def probabilities(logits: Floats, temperature: float) -> Floats:
    """Softmax of logits / T (seed 5, step 5). Shape (n, K).

    >>> logits = np.array([[0.8, 1.7, 1.5, -0.2, -1.4, -1.1, -0.6, -1.7, -2.0, -1.0]])
    >>> probabilities(logits, 1.0).round(4)[0, 1].item()
    0.3695
    """
    return np.asarray(special.softmax(logits / temperature, axis=1))


def temperature(logits: Floats, labels: npt.NDArray[np.int64]) -> float:
    """The T > 0 that minimises the mean negative log-likelihood (Guo et al. 2017), searched on log
    T in [-2, 2].
    """
    if not len(labels):
        return 1.0
    # As long to load as all else of the gateway and the scheduler, and only a fit needs it.
    from scipy import optimize

    rows = np.arange(len(labels))

    def loss(log_t: float) -> float:
        scaled = logits / np.exp(log_t)
        total = special.logsumexp(scaled, axis=1)
        return float(np.mean(total - scaled[rows, labels]))

    best = optimize.minimize_scalar(
        loss,
        bounds=(-2.0, 2.0),
        method="bounded",
    )
    return float(np.exp(best.x))


def ece(confidence: Floats, right: Flags, weight: Floats | None = None) -> float:
    """Expected calibration error (seed 10.3): rows in the order of their confidence, 15 bins of
    equal weight, sum over bins of |sum of w (right - confidence)| / sum of w.

    Rows of one confidence stay in one bin, so the order that they come in changes nothing.

    Shapes (n,); without weights every row counts once; 0 of no row.

    >>> round(ece(np.full(100, 0.9), np.repeat([1.0, 0.0], [75, 25])), 9)
    0.15
    """
    if not len(confidence):
        return 0.0
    weights = np.ones(len(confidence)) if weight is None else weight
    order = np.lexsort((right, weights, confidence))
    counts = weights[order]
    off = (right - confidence)[order]

    _, value = np.unique(confidence[order], return_inverse=True)
    heavy = np.bincount(value, weights=counts)
    total = heavy.sum()
    middle = np.cumsum(heavy) - heavy / 2
    place = (middle / total * BINS).astype(np.int64)
    bins = np.minimum(place, BINS - 1)  # the last one's middle may be rounded up to the end

    gaps = np.bincount(bins[value], weights=counts * off, minlength=BINS)
    return float(np.abs(gaps).sum() / total)


def ece_floor(confidence: Floats, seed: int, weight: Floats | None = None) -> float:
    """Mean ECE a perfectly calibrated model shows with these confidences: an ECE of 0.037 on 500
    rows can be none at all.
    """
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(_DRAWS):
        right = rng.random(len(confidence)) < confidence
        drawn.append(ece(confidence, right, weight))
    return float(np.mean(drawn))
