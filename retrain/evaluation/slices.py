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

from retrain.evaluation import checks, live, wishes
from schemas import slices
from streams.stats import proportion

Floats = npt.NDArray[np.float64]
_LEAST: Final = 20  # labels in a slice, and outside it: of fewer a normal interval says too much


def figures(sampled: live.Sample) -> tuple[checks.Figure, ...]:
    """Of every slice with labels enough `accuracy_SLICE` and `gap_SLICE`, this one with its p-value
    as Benjamini and Hochberg (1995) correct it.
    """
    labelled = checks.labelled(sampled)
    weight = 1 / labelled.p
    right = (labelled.predicted == labelled.label).astype(np.float64)
    off = labelled.confidence - right
    inside = [
        (name, mask) for name, mask in _masks(labelled) if min(mask.sum(), (~mask).sum()) >= _LEAST
    ]
    accuracies = [
        checks.share(f"accuracy_{name}", right[mask], weight[mask]) for name, mask in inside
    ]
    gaps = [_gap(f"gap_{name}", off, weight, mask) for name, mask in inside]
    adjusted = benjamini_hochberg([p for _, p in gaps])
    return (
        *accuracies,
        *(replace(gap, p_value=p) for (gap, _), p in zip(gaps, adjusted, strict=True)),
    )


def _masks(labelled: live.Sample) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    for name, bit in slices.BITS.items():
        yield name, labelled.slices & bit != 0
    # Who names the intent a second time has one wish.
    yield slices.TWO_WISHES, wishes.hold_others(labelled.also, labelled.label)


def _gap(
    name: str, off: Floats, weight: Floats, mask: npt.NDArray[np.bool_]
) -> tuple[checks.Figure, float]:
    """Mean confidence less accuracy in the slice, less the same of all others; and the chance of so
    much or more where there is no difference.
    """
    (mine, half_of_mine), (others, half_of_others) = (
        checks.ratio(off[mask], weight[mask]),
        checks.ratio(off[~mask], weight[~mask]),
    )
    value, half = mine - others, math.hypot(half_of_mine, half_of_others)
    p = NormalDist().cdf(-value / half * proportion.Z95) if half else 1.0
    return checks.Figure(name, value, int(mask.sum()), value - half, value + half), p


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Each p-value corrected for all: of those called at level q, about the share q is false on
    average. In their order.

    >>> [round(p, 3) for p in benjamini_hochberg([0.01, 0.5, 0.02])]
    [0.03, 0.5, 0.03]
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i], reverse=True)
    found, least = [0.0] * len(p_values), 1.0
    for behind, i in enumerate(order):
        least = min(least, p_values[i] * len(p_values) / (len(p_values) - behind))
        found[i] = least
    return found
