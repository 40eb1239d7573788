"""Pure. What sampled labels say beside the figures that decide: a second estimator, either of two
wishes, calibration, and how bad wrong routes are.

Each label counts for 1/p messages. Rows are put in one order first, so the order they come in
changes no bit.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain.evaluation import calibration, confusion, live, wishes
from schemas import present
from streams.stats import proportion

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of n labels; `intent` where it is about one."""

    name: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None
    noise_floor: float | None = None
    p_value: float | None = None
    intent: str | None = None


def figures(sampled: live.Sample) -> tuple[Figure, ...]:
    """hajek_accuracy, any_of_accuracy, live_ece, misroute_severity and confusion_concentration of
    the messages that have a label; nothing where none has.
    """
    found = labelled(sampled)
    return tuple(_figures(found)) if len(found) else ()


def labelled(sampled: live.Sample) -> live.Sample:
    """The messages that have a label, in an order that does not depend on the one they came in."""
    known = sampled.chosen(sampled.label != live.UNLABELLED)
    return known.chosen(
        np.lexsort(
            (
                known.slices,
                *known.also.T,
                known.label,
                known.predicted,
                known.p,
                known.ts_us,
                known.confidence,
            )
        )
    )


def _figures(labelled: live.Sample) -> Iterator[Figure]:
    n, weight = len(labelled), 1 / labelled.p
    hajek = live.recall(labelled, present.INTENTS, "hajek_accuracy", None, n)
    assert hajek.estimate is not None
    yield Figure("hajek_accuracy", hajek.estimate, n, hajek.low, hajek.high)
    right = (labelled.predicted == labelled.label).astype(np.float64)
    either = np.maximum(right, wishes.hold(labelled.also, labelled.predicted))
    yield share("any_of_accuracy", either, weight)
    error = calibration.ece(labelled.confidence, right, weight)
    floor = calibration.ece_floor(labelled.confidence, n, weight)  # drawn alike for the same labels
    yield Figure("live_ece", error, n, noise_floor=floor)
    harm = confusion.SEVERITY[labelled.label, labelled.predicted]
    yield share("misroute_severity", harm, weight)
    if harm.any():
        yield _heaviest(labelled, harm * weight)


def share(name: str, values: Floats, weight: Floats) -> Figure:
    """Hajek's ratio of values in [0, 1], with its 95 % interval."""
    value, half = ratio(values, weight)
    return Figure(name, value, len(values), max(0.0, value - half), min(1.0, value + half))


def ratio(values: Floats, weight: Floats) -> tuple[float, float]:
    """Hajek's ratio, sum of w y over sum of w, and half of the 95 % interval of its linearised
    residuals.
    """
    total = math.fsum(weight.tolist())
    value = math.fsum((weight * values).tolist()) / total
    return value, proportion.Z95 * math.sqrt(
        math.fsum(((weight * (values - value)) ** 2).tolist())
    ) / total


def _heaviest(labelled: live.Sample, harm: Floats) -> Figure:
    """The share of all the harm done that one confusion does; `intent` is what its messages meant,
    n how many labels are wrong.
    """
    k = len(present.INTENTS)
    pairs = np.bincount(
        labelled.label.astype(np.int64) * k + labelled.predicted, weights=harm, minlength=k * k
    )
    worst = int(np.argmax(pairs))
    return Figure(
        "confusion_concentration",
        float(pairs[worst] / pairs.sum()),
        int((harm > 0).sum()),
        intent=present.INTENTS[worst // k],
    )
