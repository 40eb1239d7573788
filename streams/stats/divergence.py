"""Pure. How far a live intent mix lies from its reference, with what pure chance would show at
these sample sizes.

The direction is part of the mathematics: D(live || reference), in nats, keyword-only, because
libraries disagree. Never inf. Label-free; label-based numbers live in retrain.evaluation.
"""

import math

import numpy as np
import numpy.typing as npt

from streams.stats import proportion

# Added to every count on both sides: one unseen intent must not make the number infinite.
JEFFREYS = 0.5

Mix = npt.ArrayLike


def _share(counts: Mix) -> npt.NDArray[np.float64]:
    smoothed: npt.NDArray[np.float64] = np.asarray(counts, dtype=np.float64) + JEFFREYS
    share: npt.NDArray[np.float64] = smoothed / smoothed.sum()
    return share


def kl(*, live: Mix, reference: Mix) -> float:
    """Kullback-Leibler divergence sum_i P_i ln(P_i / Q_i) of counts over the same intents (seed
    6.9). Shapes (K,), result in nats, >= 0.

    >>> round(kl(live=[300, 700], reference=[500, 500]), 4)
    0.0821
    >>> kl(live=[10, 20], reference=[100, 200]) < 1e-3
    True
    """
    p = _share(live)
    q = _share(reference)
    terms = p * np.log(p / q)
    return max(0.0, float(np.sum(terms)))


def contributions(*, live: Mix, reference: Mix) -> npt.NDArray[np.float64]:
    """What each intent adds to `kl`, P_i ln(P_i / Q_i). Shape (K,), in nats, sums to it; single
    terms may be negative.

    >>> contributions(live=[300, 700], reference=[500, 500]).round(4).tolist()
    [-0.1531, 0.2353]
    """
    p = _share(live)
    q = _share(reference)
    terms: npt.NDArray[np.float64] = p * np.log(p / q)
    return terms


def noise_floor(*, k: int, n: int, reference_n: int | None = None) -> float:
    """Mean KL of two samples of the same mix: (K-1)/2 (1/n + 1/m); m infinite when the reference is
    exact. Nats.

    Ten intents and 225 logs already show the seed's alert level of 0.02 with no drift at all:

    >>> noise_floor(k=10, n=225)
    0.02
    """
    if n == 0:
        return float("inf")
    of_reference = 1 / reference_n if reference_n else 0.0
    return (k - 1) / 2 * (1 / n + of_reference)


def interval(
    measured: float,
    *,
    k: int,
    n: int,
    reference_n: int | None = None,
) -> tuple[float, float]:
    """95 % interval in nats of the divergence of which two samples, n and m logs, show `measured`,
    and on average `noise_floor` more than there is; n > 0.

    Of the smoothed mixes; it covers 92 to 99 %. 2 N KL, N = 1/(1/n + 1/m), is noncentral chi-square
    of k - 1 degrees, and its root less (k - 2)/2 about normal with variance 1 (Sankaran 1963).

    >>> tuple(round(end, 3) for end in interval(0.029, k=10, n=1000, reference_n=15_000))
    (0.012, 0.042)
    >>> interval(0.002, k=10, n=1000, reference_n=15_000)
    (0.0, 0.002)
    """
    scale = (k - 1) / noise_floor(k=k, n=n, reference_n=reference_n)
    offset = (k - 2) / 2
    root = math.sqrt(max(0.0, scale * measured - offset))
    low = (max(0.0, root - proportion.Z95) ** 2 - offset) / scale
    high = (max(0.0, root + proportion.Z95) ** 2 - offset) / scale
    return max(0.0, low), max(measured, high)


def noise_floors(
    *, reference: Mix, n: int, reference_n: int | None = None
) -> npt.NDArray[np.float64]:
    """Mean of each of `contributions` with no drift at all: (1 - Q_i)/2 (1/n + 1/m), the
    second-order term of its expansion. Shape (K,), in nats.

    All of them add up to `noise_floor`:

    >>> noise_floors(reference=[900, 100], n=100, reference_n=1000).round(5).tolist()
    [0.00055, 0.00495]
    >>> noise_floor(k=2, n=100, reference_n=1000)
    0.0055
    """
    return (1 - _share(reference)) * noise_floor(k=2, n=n, reference_n=reference_n)


def g_tests(*, live: Mix, reference: Mix) -> npt.NDArray[np.float64]:
    """For each intent the p-value of `g_test` on it against all others: whether its share differs.
    Shape (K,); not corrected for K tests.

    >>> g_tests(live=[10, 90, 100], reference=[100, 400, 500]).round(3).tolist()
    [0.017, 0.191, 1.0]
    """
    counts = _table(live, reference)
    totals = counts.sum(axis=1, keepdims=True)
    if not totals.all():
        return np.ones(counts.shape[1])

    cells = np.stack([counts, totals - counts])
    pooled = cells.sum(axis=1, keepdims=True) / totals.sum()
    expected = pooled * totals
    # Who tests nothing, as the gateway, does not wait for it at the start.
    from scipy import special

    # An intent that neither side has is as expected: the logarithm of 1 adds nothing.
    ratios = np.divide(cells, expected, out=np.ones_like(cells), where=expected > 0)
    terms = special.xlogy(cells, ratios)
    g = np.maximum(0.0, 2 * terms.sum(axis=(0, 1)))
    p_values: npt.NDArray[np.float64] = special.chdtrc(1, g)
    return p_values


def _table(live: Mix, reference: Mix) -> npt.NDArray[np.float64]:
    """Both sides' counts. Shape (2, K)."""
    return np.array([np.asarray(live), np.asarray(reference)], dtype=np.float64)


def g_test(*, live: Mix, reference: Mix) -> float:
    """p-value of the two-sample G-test of homogeneity: both sides are samples. 1.0 where either is
    empty or one intent is left.

    >>> round(g_test(live=[50, 50], reference=[500, 500]), 3)
    1.0
    >>> g_test(live=[10, 90], reference=[500, 500]) < 1e-6
    True
    """
    table = _table(live, reference)
    table = table[:, table.sum(axis=0) > 0]
    k = table.shape[1]
    totals = table.sum(axis=1, keepdims=True)
    if k < 2 or (totals == 0).any():
        return 1.0

    from scipy import special

    expected = totals * table.sum(axis=0) / table.sum()
    terms = special.xlogy(table, table / expected)
    g = max(0.0, 2 * float(terms.sum()))
    # The upper tail of chi2; scipy.stats has it too and takes as long to load as all else together.
    return float(special.chdtrc(k - 1, g))
