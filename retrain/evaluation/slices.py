"""Pure. Which messages a model serves worse than its own confidences say: each slice against all
others, corrected for how many are looked at.

A slice may always have been harder, and then its confidences are lower too. What counts is the gap
between confidence and labels, and only beyond the gap of everything else: a model that is too sure
everywhere has no bad slice.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

from retrain.evaluation import checks, samples, wishes
from schemas import slices
from streams.stats import proportion

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
_LEAST: Final = 20  # labels in a slice, and outside it: of fewer a normal interval says too much
_NONE: Final = 1e-9  # half an interval without width: of answers all alike rounding leaves less


def figures(sampled: samples.Sample) -> tuple[checks.Figure, ...]:
    """Of every slice with labels enough `accuracy_SLICE` and `gap_SLICE`, this one with its p-value
    as Benjamini and Hochberg (1995) correct it.
    """
    labelled = checks.labelled(sampled)
    weight = 1 / labelled.p
    right = (labelled.predicted == labelled.label).astype(np.float64)
    off = labelled.confidence - right

    accuracies = []
    gaps = []
    p_values = []
    for name, mask in _masks(labelled):
        inside = int(mask.sum())
        if min(inside, len(mask) - inside) < _LEAST:
            continue
        accuracies.append(checks.share(f"accuracy_{name}", right[mask], weight[mask]))
        gap, p = _gap(f"gap_{name}", off, weight, mask)
        gaps.append(gap)
        p_values.append(p)

    adjusted = []
    for gap, p in zip(gaps, benjamini_hochberg(p_values), strict=True):
        adjusted.append(replace(gap, p_value=p))
    return (*accuracies, *adjusted)


def _masks(labelled: samples.Sample) -> Iterator[tuple[str, Mask]]:
    """Every slice, and which messages are in it: shape (n,)."""
    for name, bit in slices.BITS.items():
        yield name, labelled.slices & bit != 0
    # Who names the intent a second time has one wish.
    yield slices.TWO_WISHES, wishes.hold_others(labelled.also, labelled.label)


def _gap(
    name: str,
    off: Floats,
    weight: Floats,
    mask: Mask,
) -> tuple[checks.Figure, float]:
    """Mean confidence less accuracy in the slice, less the same of all others; and the chance of so
    much or more where there is no difference.
    """
    mine, half_of_mine = checks.ratio(off[mask], weight[mask])
    others, half_of_others = checks.ratio(off[~mask], weight[~mask])
    value = mine - others
    half = math.hypot(half_of_mine, half_of_others)
    figure = checks.Figure(
        name,
        value,
        int(mask.sum()),
        low=value - half,
        high=value + half,
    )
    if half <= _NONE:
        return figure, 1.0
    z = value / half * proportion.Z95
    return figure, NormalDist().cdf(-z)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Each p-value corrected for all: of those called at level q, about the share q is false on
    average. In their order.

    >>> [round(p, 3) for p in benjamini_hochberg([0.01, 0.5, 0.02])]
    [0.03, 0.5, 0.03]
    """
    n = len(p_values)
    largest_first = sorted(range(n), key=lambda i: p_values[i], reverse=True)
    corrected = [0.0] * n
    least = 1.0
    for larger, i in enumerate(largest_first):
        rank = n - larger
        least = min(least, p_values[i] * n / rank)
        corrected[i] = least
    return corrected
