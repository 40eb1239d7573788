"""Pure. Live accuracy and recall from sampled labels: each label counts for 1/p messages. The naive
mean of such labels is biased; it is shown beside.

The scheduler and the replay call this with the same inputs, which is why it stands here and not
with the label commands.
"""

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrain.evaluation import wishes
from schemas import events, present, times, windows
from streams.stats import proportion

Ints = windows.Counts
Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int16]
Bits = npt.NDArray[np.uint16]

UNLABELLED: Final = -1
_HOUR_US: Final = 3_600_000_000
LABELS_OF_AN_INTENT: Final = 5  # of fewer a recall says next to nothing
# An hour whose labels are mostly still to come is left out whole, instead of biasing its day.
_ANSWERED_SHARE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """n messages of the measure queue as columns of shape (n,), in any order: time in microseconds
    since 1970; the predicted intent and the one people named, as places in present.INTENTS
    (UNLABELLED while nobody has said what it meant); confidence; inclusion probability p; what else
    people named, as wishes has it; its slices, as schemas.slices has them.
    """

    ts_us: Ints
    predicted: Places
    label: Places
    confidence: Floats
    p: Floats
    also: wishes.Sets
    slices: Bits

    def __len__(self) -> int:
        """How many messages."""
        return len(self.ts_us)

    def chosen(self, rows: Any) -> "Sample":
        """Some of the messages: `rows` is a slice, a mask of shape (n,), or places."""
        return Sample(
            self.ts_us[rows],
            self.predicted[rows],
            self.label[rows],
            self.confidence[rows],
            self.p[rows],
            self.also[rows],
            self.slices[rows],
        )

    def between(self, start: dt.datetime, end: dt.datetime) -> "Sample":
        """The messages with start <= ts < end."""
        begun = self.ts_us >= times.micros(start)
        over = self.ts_us >= times.micros(end)
        return self.chosen(begun & ~over)


def sample(
    rows: Iterable[tuple[dt.datetime, str, float, float, str | None]],
    slices: Sequence[int] = (),
) -> Sample:
    """Columns of messages: aware time, predicted intent, confidence, p, and the label or None; and
    the slices of each, if told. Raises KeyError for an unknown intent.
    """
    ts_us = []
    predicted = []
    labels = []
    confidences = []
    ps = []
    for at, intent, confidence, p, label in rows:
        ts_us.append(times.micros(at))
        predicted.append(present.INDEX[intent])
        labels.append(UNLABELLED if label is None else present.INDEX[label])
        confidences.append(confidence)
        ps.append(p)

    n = len(ts_us)
    return Sample(
        ts_us=np.array(ts_us, dtype=np.int64),
        predicted=np.array(predicted, dtype=np.int16),
        label=np.array(labels, dtype=np.int16),
        confidence=np.array(confidences, dtype=np.float64),
        # No message speaks for more than the contract lets one.
        p=np.maximum(np.array(ps, dtype=np.float64), events.P_FLOOR),
        also=wishes.none(n),
        slices=np.array(slices or [0] * n, dtype=np.uint16),
    )


@dataclass(frozen=True, slots=True)
class Hour:
    """All answers of an hour: how many, and the sum of their confidences."""

    n: int
    confidence_sum: float


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


@dataclass(frozen=True, slots=True)
class Figures:
    """What labels say of a window: accuracy of all answers, recall of the rare intents together
    and of every intent, in the order of present.INTENTS.
    """

    accuracy: Estimate
    rare_recall: Estimate
    recalls: tuple[Estimate, ...]

    @property
    def every(self) -> tuple[Estimate, ...]:
        """All of them."""
        return self.accuracy, self.rare_recall, *self.recalls


def figures(sampled: Sample, hours: Mapping[dt.datetime, Hour]) -> Figures:
    """The label figures of a window. `hours`: all its answers by the start of their hour.

    Every sum is math.fsum's, correctly rounded whatever the order of rows: the same evidence
    gives the same decision, bit by bit. Labels still missing in covered hours are taken as
    missing at random.
    """
    covered, inside = _covered(sampled, hours)
    labelled = inside.chosen(inside.label != UNLABELLED)
    response = len(labelled) / len(inside) if len(inside) else 1.0

    n = sum(hour.n for hour in covered)
    confidence = math.fsum(hour.confidence_sum for hour in covered)
    mean = confidence / n if n else 0.0

    recalls = [recall(labelled, (one,), "recall", one, n) for one in present.INTENTS]
    return Figures(
        accuracy=accuracy(labelled, response, n, mean),
        rare_recall=recall(labelled, present.RARE, "rare_recall", None, n),
        recalls=tuple(recalls),
    )


def _covered(sampled: Sample, hours: Mapping[dt.datetime, Hour]) -> tuple[list[Hour], Sample]:
    """The hours of which enough of the sampled messages have their label (one without any such
    message is covered), and the messages in them.
    """
    numbers, place = np.unique(sampled.ts_us // _HOUR_US, return_inverse=True)
    asked = np.bincount(place, minlength=len(numbers))
    has_label = sampled.label != UNLABELLED
    answered = np.bincount(place[has_label], minlength=len(numbers))
    enough = answered >= _ANSWERED_SHARE * asked
    complete = dict(zip(numbers.tolist(), enough.tolist(), strict=True))

    covered = {}
    for start, hour in hours.items():
        number = times.micros(start) // _HOUR_US
        if complete.get(number, True):
            covered[number] = hour
    # Left out, too, is an hour of messages whose answers nobody counted.
    taken = np.array([number in covered for number in numbers.tolist()], dtype=np.bool_)
    return list(covered.values()), sampled.chosen(taken[place])


def accuracy(labelled: Sample, response: float, n: int, mean_confidence: float) -> Estimate:
    """AIPW: mean confidence of all n answers + Horvitz-Thompson total of (correct - confidence) / n
    (Robins et al. 1994).

    The confidences carry what the labels need not: on the sampled share alone the estimate would be
    noisier. A message was labelled with probability p * response. The variance is that of the n
    influence values c + (y - c)/p over n.

    >>> at = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
    >>> labels = ["chitchat"] + ["faq"] * 9
    >>> ten = sample((at, "faq", 0.9, 0.5, label) for label in labels)
    >>> round(accuracy(ten, 1.0, 20, 0.9).estimate, 3)
    0.9
    """
    if not len(labelled) or not n:
        return _nothing("live_accuracy", None, len(labelled), n)
    w = 1 / (labelled.p * response)
    c = labelled.confidence
    right = labelled.predicted == labelled.label
    off = right - c
    value = min(1.0, max(0.0, mean_confidence + _sum(off * w) / n))

    squares = c * c * w + 2 * c * off * w + (off * w) ** 2
    # Never less than the variance of so many answers that are all labelled.
    variance = max(_sum(squares) / n - value**2, value * (1 - value)) / n
    half = proportion.Z95 * math.sqrt(variance)
    return Estimate(
        metric="live_accuracy",
        intent=None,
        estimate=value,
        low=max(0.0, value - half),
        high=min(1.0, value + half),
        n_labels=len(labelled),
        n_effective=_sum(w) ** 2 / _sum(w * w),
        n_predictions=n,
        naive=int(right.sum()) / len(labelled),
    )


def recall(
    labelled: Sample,
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
    if not len(mine):
        return _nothing(metric, intent, 0, n)

    weights = 1 / labelled.p[mine]
    right = labelled.predicted[mine] == labelled.label[mine]
    total = _sum(weights)
    value = _sum(weights[right]) / total
    effective = total**2 / _sum(weights * weights)
    low, high = proportion.wilson(value * effective, effective)
    return Estimate(
        metric=metric,
        intent=intent,
        estimate=value,
        low=low,
        high=high,
        n_labels=len(mine),
        n_effective=effective,
        n_predictions=n,
        naive=int(right.sum()) / len(mine),
    )


def at_mix(recalls: Sequence[Estimate], counts: Mapping[str, int]) -> Estimate:
    """mix_adjusted_accuracy: the mean of the intents' recalls by the shares that `counts` gives
    them (direct standardisation), all of which need one. A mix that moves changes no recall, so
    what this loses a moved mix may hide, but has not caused. The interval combines those of the
    recalls (MOVER, Zou and Donner 2008). No figure without counts. n_predictions: of the whole
    window.

    >>> rest = (0.5, 0.4, 0.6, 100, 100.0, 1000, 0.5)
    >>> half = [Estimate("recall", intent, *rest) for intent in present.INTENTS]
    >>> at_mix(half, {"faq": 80, "promotion": 20}).estimate
    0.5
    """
    counted = [each for each in recalls if each.intent in counts]
    labels = sum(each.n_labels for each in counted)
    n = max((each.n_predictions for each in recalls), default=0)
    if not counted:
        return _nothing("mix_adjusted_accuracy", None, labels, n)

    rows = []
    for each in counted:
        count = counts[str(each.intent)]
        rows.append((count, each.estimate, each.low, each.high, each.naive))
    count, value, low, high, naive = np.array(rows).T
    share = count / sum(counts.values())

    mean = _sum(share * value)
    under = math.sqrt(_sum((share * (value - low)) ** 2))
    over = math.sqrt(_sum((share * (high - value)) ** 2))
    return Estimate(
        metric="mix_adjusted_accuracy",
        intent=None,
        estimate=mean,
        low=mean - under,
        high=mean + over,
        n_labels=labels,
        n_effective=None,
        n_predictions=n,
        naive=_sum(share * naive),
    )


def _nothing(metric: str, intent: str | None, labels: int, n: int) -> Estimate:
    """A figure that cannot be said."""
    return Estimate(metric, intent, None, None, None, labels, None, n, None)


def _sum(values: Floats) -> float:
    return math.fsum(values.tolist())
