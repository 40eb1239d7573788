"""Pure. Whether a confidence means what it says: temperature, and the expected calibration error
beside the one chance alone would show.
"""

import numpy as np
import numpy.typing as npt

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
    scaled = logits / temperature
    raised = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def temperature(logits: Floats, labels: npt.NDArray[np.int64]) -> float:
    """The T > 0 that minimises the mean negative log-likelihood (Guo et al. 2017), searched on log
    T in [-2, 2].
    """
    if not len(labels):
        return 1.0
    # As long to load as all else of the gateway and the scheduler, and only a fit needs it.
    from scipy import optimize, special

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


def places(confidence: Floats, weight: Floats | None = None) -> npt.NDArray[np.int64]:
    """The bin of each row, shape (n,): 15 bins of equal weight in the order of confidence. Rows of
    one confidence are all in the bin of their middle, so the order they come in changes nothing.

    >>> places(np.array([0.9, 0.5, 0.9, 0.7])).tolist()
    [11, 1, 11, 5]
    """
    _, group = np.unique(confidence, return_inverse=True)
    counts = np.bincount(group, weights=weight)
    middle = np.cumsum(counts) - counts / 2
    place = (middle / counts.sum() * BINS).astype(np.int64)
    bins = np.minimum(place, BINS - 1)  # the last one's middle may be rounded up to the end
    return np.asarray(bins[group])


def ece(confidence: Floats, right: Flags, weight: Floats | None = None) -> float:
    """Expected calibration error (seed 10.3): the rows in the bins of `places`, sum over bins of
    |sum of w (right - confidence)| / sum of w. The same to the last bit in whatever order.

    Shapes (n,); without weights every row counts once; 0 of no row.

    >>> round(ece(np.full(100, 0.9), np.repeat([1.0, 0.0], [75, 25])), 4)
    0.15
    """
    if not len(confidence):
        return 0.0
    counts = np.ones(len(confidence)) if weight is None else weight
    order = np.lexsort((counts, right, confidence))
    sure, counts = confidence[order], counts[order]
    return _off(places(sure, counts), counts * (right[order] - sure), counts.sum())


def _off(bins: npt.NDArray[np.int64], gaps: Floats, total: float) -> float:
    by_bin = np.bincount(bins, weights=gaps, minlength=BINS)
    return float(np.abs(by_bin).sum() / total)


def ece_floor(confidence: Floats, seed: int, weight: Floats | None = None) -> float:
    """Mean ECE a perfectly calibrated model shows with these confidences, in whatever order: an ECE
    of 0.037 on 500 rows can be none at all.
    """
    if not len(confidence):
        return 0.0
    counts = np.ones(len(confidence)) if weight is None else weight
    order = np.lexsort((counts, confidence))
    sure, counts = confidence[order], counts[order]
    bins, total = places(sure, counts), counts.sum()
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(_DRAWS):
        right = rng.random(len(sure)) < sure
        drawn.append(_off(bins, counts * (right - sure), total))
    return float(np.mean(drawn))
