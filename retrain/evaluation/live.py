"""Pure. Live accuracy and recall from sampled labels, for the scheduler and the replay alike: each
label counts for 1/p messages. The naive mean of such labels is biased; it is shown beside.
"""

import datetime as dt
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np

from retrain.evaluation import samples
from schemas import present, times, windows
from streams.stats import proportion

_HOUR_US: Final = 3_600_000_000
LABELS_OF_AN_INTENT: Final = 5  # of fewer a recall says next to nothing
# An hour whose labels are mostly still to come is left out whole, instead of biasing its day.
_ANSWERED_SHARE = 0.5
# Between them confidences count as alike: the policy's low confidence, and thirds of the rest.
STRATA: Final = (windows.LOW_CONFIDENCE, 0.75, 0.9)
_ALIKE: Final = 25
# Times the mean: the most that one message may count for. Ours differ by 15 where traffic is even;
# beyond it stands what another producer says of itself, or an hour like no other.
_MAX_WEIGHT: Final = 50.0


@dataclass(frozen=True, slots=True)
class Hour:
    """All answers of an hour: how many, and the sum of their confidences."""

    n: int
    confidence_sum: float


@dataclass(frozen=True, eq=False)
class Covered:
    """The hours of a window of which enough of the sampled messages are answered: all their `n`
    answers with the mean of their confidences, and the sampled messages.
    """

    n: int
    mean_confidence: float
    asked: samples.Sample

    @cached_property
    def labelled(self) -> samples.Sample:
        """Those of them that have a label, `weighted` and `capped`: worked out once it is asked
        for.
        """
        return capped(weighted(self.asked), self.n)


@dataclass(frozen=True, slots=True)
class Estimate:
    """One figure: ratio in [0, 1] with a 95 % interval; None where nothing can be said. `naive` is
    the unweighted mean.
    """

    metric: str
    intent: str | None
    estimate: float | None
    low: float | None
    high: float | None
    n_labels: int
    n_effective: float | None
    n_predictions: int
    naive: float | None


@dataclass(frozen=True, eq=False)
class Figures:
    """What labels say of a window, and what that rests on: accuracy of all answers, and once they
    are asked for the recall of the rare intents together and of every intent, in the order of
    present.INTENTS.
    """

    accuracy: Estimate
    covered: Covered

    @cached_property
    def rare_recall(self) -> Estimate:
        """Of the rare intents together."""
        told = self.covered
        return recall(told.labelled, present.RARE, "rare_recall", None, told.n)

    @cached_property
    def recalls(self) -> tuple[Estimate, ...]:
        """Of every intent alone."""
        return tuple(recalls(self.covered))

    @property
    def every(self) -> tuple[Estimate, ...]:
        """All of them."""
        return self.accuracy, self.rare_recall, *self.recalls


def figures(sampled: samples.Sample, hours: Mapping[dt.datetime, Hour]) -> Figures:
    """The label figures of a window. `hours`: all its answers by the start of their hour.

    Every sum is math.fsum's, correctly rounded whatever the order of rows: the same evidence
    gives the same decision, bit by bit. Labels still missing in covered hours are taken as
    missing at random among messages that are alike (`weighted`); nonresponse.py asks how far that
    is true.
    """
    told = covered(sampled, hours)
    return Figures(overall(told), told)


def overall(covered: Covered) -> Estimate:
    """The accuracy alone: of all the figures the cheapest."""
    return accuracy(covered.labelled, covered.n, covered.mean_confidence)


def covered(sampled: samples.Sample, hours: Mapping[dt.datetime, Hour]) -> Covered:
    """Of the messages and answers of a window what its labels can tell of. An hour of which no
    message was sampled is covered.
    """
    numbers, place = np.unique(sampled.ts_us // _HOUR_US, return_inverse=True)
    asked = np.bincount(place, minlength=len(numbers))
    answered = np.bincount(place[sampled.answered], minlength=len(numbers))
    waiting = set(numbers[answered < _ANSWERED_SHARE * asked].tolist())

    taken = {}
    for start, hour in hours.items():
        number = times.micros(start) // _HOUR_US
        if number not in waiting:
            taken[number] = hour
    n = sum(hour.n for hour in taken.values())
    confidence = math.fsum(hour.confidence_sum for hour in taken.values())

    # Left out, too, is an hour of messages whose answers nobody counted.
    inside = np.array([number in taken for number in numbers.tolist()], dtype=np.bool_)
    messages = sampled.chosen(inside[place])
    return Covered(n, confidence / n if n else 0.0, messages)


def weighted(asked: samples.Sample) -> samples.Sample:
    """The messages that have a label, each with the probability of both being asked about and being
    labelled: p times the share of labelled ones among those alike in confidence, predicted intent
    and script; of fewer than 25 such, of those alike in confidence (weighting classes, Oh and
    Scheuren 1983).

    >>> at = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
    >>> labels = ["faq"] * 3 + [None]
    >>> asked = samples.sample((at, "faq", 0.9, 0.8, label) for label in labels)
    >>> weighted(asked).p.round(3).tolist()
    [0.6, 0.6, 0.6]
    """
    named = asked.named
    sure = sureness(asked.confidence)
    cell = (sure * len(present.INTENTS) + asked.predicted) * 16 + (asked.slices & 15)
    n, response = _response(cell, named)
    _, coarse = _response(sure, named)
    alike = np.where(n >= _ALIKE, response, coarse)
    return replace(asked, p=asked.p * alike).chosen(named)


def capped(labelled: samples.Sample, n: int) -> samples.Sample:
    """The labels of `n` answers, none of which counts for more than fifty times the mean of n over
    their number: that mean is counted, no message has a say in it. Trimmed weights bias little and
    save much variance (Potter 1990).

    >>> at = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
    >>> rows = [(at, "faq", 0.9, p, "faq") for p in (0.5, 0.5, 0.0001)]
    >>> (1 / capped(samples.sample(rows), 6).p).round(3).tolist()
    [2.0, 2.0, 100.0]
    """
    least = len(labelled) / (_MAX_WEIGHT * max(n, 1))
    return replace(labelled, p=np.maximum(labelled.p, min(least, 1.0)))


def sureness(confidence: samples.Floats) -> samples.Ints:
    """Of each message the stratum of its confidence, a place in STRATA's gaps."""
    return np.searchsorted(STRATA, confidence, side="right")


def _response(cell: samples.Ints, named: samples.Mask) -> tuple[samples.Ints, samples.Floats]:
    """Of each message how many are in its cell, and the share of them that has a label."""
    n = np.bincount(cell)
    labelled = np.bincount(cell[named], minlength=len(n))
    return n[cell], (labelled / np.maximum(n, 1))[cell]


def accuracy(
    labelled: samples.Sample,
    n: int,
    mean_confidence: float,
    right: samples.Floats | None = None,
) -> Estimate:
    """AIPW: mean confidence of all n answers + Horvitz-Thompson total of (correct - confidence) / n
    (Robins et al. 1994).

    The confidences carry what the labels need not: on the sampled share alone the estimate would be
    noisier. p: of being asked about and labelled. `right`: of each whether it is, 0 to 1; if not
    told, by its label. The variance is that of the n influence values c + (y - c)/p over n.

    >>> at = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
    >>> labels = ["chitchat"] + ["faq"] * 9
    >>> ten = samples.sample((at, "faq", 0.9, 0.5, label) for label in labels)
    >>> round(accuracy(ten, 20, 0.9).estimate, 3)
    0.9
    """
    if not len(labelled) or not n:
        return nothing("live_accuracy", None, len(labelled), n)
    w = 1 / labelled.p
    c = labelled.confidence
    named_right = labelled.predicted == labelled.label
    y = named_right if right is None else right
    off = y - c
    value = min(1.0, max(0.0, mean_confidence + total(off * w) / n))

    squares = c * c * w + 2 * c * off * w + (off * w) ** 2
    # Never less than the variance of so many answers that are all labelled.
    variance = max(total(squares) / n - value**2, value * (1 - value)) / n
    half = proportion.Z95 * math.sqrt(variance)
    return Estimate(
        metric="live_accuracy",
        intent=None,
        estimate=value,
        low=max(0.0, value - half),
        high=min(1.0, value + half),
        n_labels=len(labelled),
        n_effective=total(w) ** 2 / total(w * w),
        n_predictions=n,
        naive=int(named_right.sum()) / len(labelled),
    )


def recall(
    labelled: samples.Sample,
    intents: tuple[str, ...],
    metric: str,
    intent: str | None,
    n: int,
) -> Estimate:
    """Hajek ratio over messages that mean one of `intents`: sum of y/p over sum of 1/p; Wilson's
    interval at the effective sample size.
    """
    wanted = np.zeros(len(present.INTENTS), dtype=np.bool_)
    wanted[[present.INDEX[name] for name in intents]] = True
    mine = np.flatnonzero(wanted[labelled.label])
    right = labelled.predicted[mine] == labelled.label[mine]
    return _hajek(1 / labelled.p[mine], right, metric, intent, n)


def recalls(covered: Covered) -> Iterator[Estimate]:
    """The recall of every intent alone, in the order of present.INTENTS."""
    labelled = covered.labelled
    weights = 1 / labelled.p
    right = labelled.predicted == labelled.label
    for intent, mine in zip(present.INTENTS, rows_of_intents(labelled.label), strict=True):
        yield _hajek(weights[mine], right[mine], "recall", intent, covered.n)


def rows_of_intents(named: samples.Places) -> list[samples.Ints]:
    """The rows that name each intent, in the order of present.INTENTS.

    >>> [rows.tolist() for rows in rows_of_intents(np.array([1, 0, 1]))][:2]
    [[1], [0, 2]]
    """
    order = np.argsort(named, kind="stable")
    sizes = np.bincount(named, minlength=len(present.INTENTS))
    ends = sizes.cumsum().tolist()
    return [order[begin:end] for begin, end in pairwise([0, *ends])]


def _hajek(
    weights: samples.Floats, right: samples.Mask, metric: str, intent: str | None, n: int
) -> Estimate:
    if not len(weights):
        return nothing(metric, intent, 0, n)
    whole = total(weights)
    value = total(weights[right]) / whole
    effective = whole**2 / total(weights * weights)
    low, high = proportion.wilson(value * effective, effective)
    return Estimate(
        metric=metric,
        intent=intent,
        estimate=value,
        low=low,
        high=high,
        n_labels=len(weights),
        n_effective=effective,
        n_predictions=n,
        naive=int(right.sum()) / len(weights),
    )


def nothing(metric: str, intent: str | None, labels: int, n: int) -> Estimate:
    """A figure that cannot be said."""
    return Estimate(metric, intent, None, None, None, labels, None, n, None)


def total(values: samples.Floats) -> float:
    """The sum, the same in any order."""
    return math.fsum(values.tolist())
