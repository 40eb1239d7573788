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

from retrain.evaluation import calibration, confusion, live, samples, wishes
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


def figures(sampled: samples.Sample) -> tuple[Figure, ...]:
    """hajek_accuracy, any_of_accuracy, live_ece, misroute_severity and confusion_concentration of
    the messages that have a label; nothing where none has.
    """
    answered = labelled(sampled)
    if not len(answered):
        return ()
    return tuple(_figures(answered))


def labelled(sampled: samples.Sample) -> samples.Sample:
    """The messages that have a label, in an order that does not depend on the one they came in."""
    answered = sampled.chosen(sampled.named)
    columns = (
        answered.slices,
        *answered.also.T,
        answered.label,
        answered.predicted,
        answered.p,
        answered.ts_us,
        answered.confidence,
    )
    return answered.chosen(np.lexsort(columns))


def _figures(labelled: samples.Sample) -> Iterator[Figure]:
    n = len(labelled)
    weight = 1 / labelled.p
    hajek = live.recall(labelled, present.INTENTS, "hajek_accuracy", None, n)
    assert hajek.estimate is not None
    yield Figure("hajek_accuracy", hajek.estimate, n, hajek.low, hajek.high)

    right = (labelled.predicted == labelled.label).astype(np.float64)
    also_right = wishes.hold(labelled.also, labelled.predicted)
    either = np.maximum(right, also_right)
    yield share("any_of_accuracy", either, weight)

    error = calibration.ece(labelled.confidence, right, weight)
    # n is the seed: drawn alike for the same labels.
    floor = calibration.ece_floor(labelled.confidence, n, weight)
    yield Figure("live_ece", error, n, noise_floor=floor)

    harm = confusion.SEVERITY[labelled.label, labelled.predicted]
    yield share("misroute_severity", harm, weight)
    if harm.any():
        yield _heaviest(labelled, harm * weight)


def share(name: str, values: Floats, weight: Floats) -> Figure:
    """Hajek's ratio of values in [0, 1], with its 95 % interval."""
    value, half = ratio(values, weight)
    return Figure(
        name,
        value,
        len(values),
        low=max(0.0, value - half),
        high=min(1.0, value + half),
    )


def ratio(values: Floats, weight: Floats) -> tuple[float, float]:
    """Hajek's ratio, sum of w y over sum of w, and half of the 95 % interval of its linearised
    residuals.
    """
    total = math.fsum(weight.tolist())
    weighted = weight * values
    value = math.fsum(weighted.tolist()) / total

    residuals = weight * (values - value)
    squares = math.fsum((residuals**2).tolist())
    half = proportion.Z95 * math.sqrt(squares) / total
    return value, half


def _heaviest(labelled: samples.Sample, harm: Floats) -> Figure:
    """The share of all the harm done that one confusion does; `intent` is what its messages meant,
    n how many labels are wrong.
    """
    k = len(present.INTENTS)
    pair = labelled.label.astype(np.int64) * k + labelled.predicted
    by_pair = np.bincount(pair, weights=harm, minlength=k * k)
    worst = int(np.argmax(by_pair))
    wrong = int((harm > 0).sum())
    return Figure(
        "confusion_concentration",
        float(by_pair[worst] / by_pair.sum()),
        wrong,
        intent=present.INTENTS[worst // k],
    )
