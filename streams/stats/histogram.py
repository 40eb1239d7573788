"""Pure. Log buckets of latency, linear ones of confidence: which bin a value falls into and which
value a quantile has. The layout is schemas.windows.
"""

import math

import numpy as np
import numpy.typing as npt

from schemas import windows

_LOG_GAMMA = math.log(windows.GAMMA)


def latency_bins(latency_ms: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The bin of each latency. Shape (n,) in milliseconds -> (n,) of bin numbers; 0 for values up
    to LATENCY_FLOOR_MS.

    >>> latency_bins(np.array([0.0, 8.1, 8.1001])).tolist()
    [0, 1591, 1591]
    """
    ratio = np.maximum(latency_ms / windows.LATENCY_FLOOR_MS, 1.0)
    exponents = np.ceil(np.log(ratio) / _LOG_GAMMA)
    bins: npt.NDArray[np.int64] = exponents.astype(np.int64)
    return bins


def confidence_bins(confidence: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The linear bin of each confidence, 1 in the last one. The tiny shift keeps 0.6 on its own
    side of an exact edge.

    >>> confidence_bins(np.array([0.0, 0.29, 0.6, 0.599999, 1.0])).tolist()
    [0, 29, 60, 59, 99]
    """
    scaled = confidence * windows.CONFIDENCE_BINS + 1e-9
    last = windows.CONFIDENCE_BINS - 1
    bins: npt.NDArray[np.int64] = np.minimum(scaled.astype(np.int64), last)
    return bins


def quantile_ms(counts: windows.Counts, q: float) -> float | None:
    """The value of rank ceil(q n) in milliseconds, within ALPHA of the exact order statistic; None
    without logs.

    >>> counts = np.zeros(windows.LATENCY_BINS, dtype=np.int64)
    >>> counts[latency_bins(np.array([8.1, 9.0, 12.8]))] = 1
    >>> abs(quantile_ms(counts, 0.5) / 9.0 - 1) <= windows.ALPHA
    True
    """
    total = int(counts.sum())
    if total == 0:
        return None
    rank = max(1, math.ceil(q * total))
    place = int(np.searchsorted(np.cumsum(counts), rank))
    if place == 0:
        return 0.0
    gamma = windows.GAMMA
    return float(windows.LATENCY_FLOOR_MS * 2 * gamma**place / (gamma + 1))
