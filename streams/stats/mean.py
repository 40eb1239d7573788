"""Pure. Interval of the mean confidence, which a tally knows exactly, from the spread its histogram
shows.
"""

import numpy as np
from scipy import special

from schemas import windows


def interval(counts: windows.Counts, mean: float) -> tuple[float | None, float | None]:
    """95 % interval mean +- t s / sqrt(n) in [0, 1] of values in [0, 1] in linear bins (Student
    1908); (None, None) under two values. Shape (bins,).

    s is the most the bins allow: a value lies at most half a bin from its middle, so the standard
    deviation is at most that of the middles plus w / 2 sqrt(n / (n - 1)), w the bin's width
    (triangle inequality). 500 values of 0.7 and 500 of 0.9: s is 0.1 + 0.005, half-width 0.0065.

    >>> counts = np.zeros(windows.CONFIDENCE_BINS, dtype=np.int64)
    >>> counts[[70, 90]] = 500
    >>> tuple(round(bound, 4) for bound in interval(counts, 0.8))
    (0.7935, 0.8065)
    """
    n = int(counts.sum())
    if n < 2:
        return None, None
    bins = len(counts)
    width = 1 / bins
    middles = (np.arange(bins) + 0.5) * width
    centre = float(counts @ middles) / n
    variance = float(counts @ (middles - centre) ** 2) / (n - 1)
    s = variance**0.5 + width / 2 * (n / (n - 1)) ** 0.5
    t = float(special.stdtrit(n - 1, 0.975))
    half = t * s / n**0.5
    low = max(0.0, mean - half)
    high = min(1.0, mean + half)
    return low, high
