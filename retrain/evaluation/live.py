"""Pure. Live accuracy and recall from sampled labels: each label counts for 1/p messages. The naive mean of such labels is biased; it is shown beside.

The scheduler and the replay call this with the same inputs, which is why it stands here and not with the label commands.
"""

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas import taxonomy
from streams.stats import proportion

_HOUR = dt.timedelta(hours=1)
_ANSWERED_SHARE = 0.5  # an hour whose labels are mostly still to come is left out whole, instead of biasing its day


@dataclass(frozen=True, slots=True)
class Sampled:
    """A message of the measure queue; `label` is None while nobody has said what it meant."""

    ts: dt.datetime
    predicted: str
    confidence: float
    p: float
    label: str | None


@dataclass(frozen=True, slots=True)
class Hour:
    """All answers of an hour: how many, and the sum of their confidences."""

    n: int
    confidence_sum: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """One figure: ratio in [0, 1] with a 95 % interval; None where nothing can be said. `naive` is the unweighted mean."""

    metric: str
    intent: str | None
    estimate: float | None
    low: float | None
    high: float | None
    n_labels: int
    n_effective: float | None
    n_predictions: int
    naive: float | None


def estimates(sampled: Iterable[Sampled], hours: Mapping[dt.datetime, Hour]) -> tuple[Estimate, ...]:
    """live_accuracy, rare_recall and recall of every intent of a window. `hours`: all answers by the start of their hour."""
    found = list(sampled)
    covered = _covered(found, hours)
    inside = [s for s in found if s.ts.replace(minute=0, second=0, microsecond=0) in covered]
    labelled = [s for s in inside if s.label is not None]
    response = len(labelled) / len(inside) if inside else 1.0  # labels still missing in covered hours are taken as missing at random
    n = sum(hours[hour].n for hour in covered)
    mean = math.fsum(hours[hour].confidence_sum for hour in covered) / n if n else 0.0  # exact: a set's order differs from process to process
    recalls = [recall(labelled, (intent,), "recall", intent, n) for intent in taxonomy.INTENTS]
    return (accuracy(labelled, response, n, mean), recall(labelled, taxonomy.RARE, "rare_recall", None, n), *recalls)


def _covered(sampled: Sequence[Sampled], hours: Mapping[dt.datetime, Hour]) -> set[dt.datetime]:
    counts: dict[dt.datetime, list[int]] = defaultdict(lambda: [0, 0])
    for s in sampled:
        count = counts[s.ts.replace(minute=0, second=0, microsecond=0)]
        count[0] += 1
        count[1] += s.label is not None
    return {hour for hour in hours if counts[hour][1] >= _ANSWERED_SHARE * counts[hour][0]}


def accuracy(labelled: Sequence[Sampled], response: float, n: int, mean_confidence: float) -> Estimate:
    """AIPW: mean confidence of all n answers + Horvitz-Thompson total of (correct - confidence) / n (Robins et al. 1994).

    The confidences carry what the labels need not: on the sampled share alone the estimate would be noisier. A message was
    labelled with probability p * response. The variance is that of the n influence values c + (y - c)/p over n.

    >>> s = [Sampled(dt.datetime(2026, 4, 20, tzinfo=dt.UTC), "faq", 0.9, 0.5, "faq" if i else "chitchat") for i in range(10)]
    >>> round(accuracy(s, 1.0, 20, 0.9).estimate, 3)
    0.9
    """
    if not labelled or not n:
        return Estimate("live_accuracy", None, None, None, None, len(labelled), None, n, None)
    total = squares = weights = weights2 = 0.0
    for s in labelled:
        w, correct = 1 / (s.p * response), float(s.predicted == s.label)
        total += (correct - s.confidence) * w
        squares += s.confidence**2 * w + 2 * s.confidence * (correct - s.confidence) * w + ((correct - s.confidence) * w) ** 2
        weights, weights2 = weights + w, weights2 + w * w
    value = min(1.0, max(0.0, mean_confidence + total / n))
    variance = max(squares / n - value**2, value * (1 - value)) / n
    half = proportion.Z95 * math.sqrt(variance)
    naive = sum(s.predicted == s.label for s in labelled) / len(labelled)
    low, high = max(0.0, value - half), min(1.0, value + half)
    return Estimate("live_accuracy", None, value, low, high, len(labelled), weights**2 / weights2, n, naive)


def recall(labelled: Sequence[Sampled], intents: tuple[str, ...], metric: str, intent: str | None, n: int) -> Estimate:
    """Hajek ratio over messages that mean one of `intents`: sum of y/p over sum of 1/p; Wilson's interval at the effective sample size."""
    mine = [s for s in labelled if s.label in intents]
    if not mine:
        return Estimate(metric, intent, None, None, None, 0, None, n, None)
    weights = [1 / s.p for s in mine]
    hits = sum(w for s, w in zip(mine, weights, strict=True) if s.predicted == s.label)
    value, effective = hits / sum(weights), sum(weights) ** 2 / sum(w * w for w in weights)
    low, high = proportion.wilson(value * effective, effective)
    naive = sum(s.predicted == s.label for s in mine) / len(mine)
    return Estimate(metric, intent, value, low, high, len(mine), effective, n, naive)
