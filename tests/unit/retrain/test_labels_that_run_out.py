"""Labels run out half way through the queue, which asks first about the intents of which labels are
missing, and more often. What is measured stays what is true.

Thirty simulated weeks of 10,000 messages: a classifier that misses a quarter of the rare intents,
two messages in five unsure, 350 asked about a day.
"""

import datetime as dt
from collections.abc import Callable
from typing import Final

import builders
import numpy as np
import numpy.typing as npt
import pytest

from retrain.evaluation import live, samples, wishes
from schemas import present, times
from streams import sample

Ints = npt.NDArray[np.int64]
Order = Callable[[Ints, npt.NDArray[np.bool_]], Ints]

WEEKS: Final = 30
HOURS: Final = 168
N: Final = 10_000
K: Final = len(present.INTENTS)
RARE: Final = [present.INDEX[intent] for intent in present.RARE]
SURE: Final = np.array([0.55, 0.8, 0.97])
# Labels of the rare intents are missing.
WEIGHT: Final = np.array(
    [
        [sample.weight(intent, sure, missing=intent in present.RARE) for sure in SURE]
        for intent in present.INTENTS
    ]
)


def oldest_first(hour: Ints, _wanted: npt.NDArray[np.bool_]) -> Ints:
    return np.argsort(hour, kind="stable")


def wanted_first_of_an_hour(hour: Ints, wanted: npt.NDArray[np.bool_]) -> Ints:
    """The queue's order (services/labels/order)."""
    return np.lexsort((~wanted, hour))


def wanted_first_of_all(hour: Ints, wanted: npt.NDArray[np.bool_]) -> Ints:
    return np.lexsort((hour, ~wanted))


def errors(order: Order, answered: float, seed: int) -> tuple[float, float]:
    """By how much accuracy and rare recall are measured too high in a week of which a share of the
    queue was answered.
    """
    rng = np.random.default_rng(seed)
    hour = np.sort(rng.integers(HOURS, size=N))
    truth = rng.integers(K, size=N)
    right = rng.random(N) < np.where(np.isin(truth, RARE), 0.75, 0.92)
    predicted = np.where(right, truth, (truth + rng.integers(1, K, N)) % K)
    # Sure answers are right more often, and all are a little too sure of themselves.
    step = np.where(right, rng.choice(3, N, p=[0.1, 0.2, 0.7]), rng.choice(3, N, p=[0.5, 0.3, 0.2]))
    p = np.minimum(1.0, 350 / (N / 7) * WEIGHT[predicted, step] / sample.MEAN_WEIGHT)

    asked = np.flatnonzero(rng.random(N) < p)
    queue = asked[order(hour[asked], np.isin(predicted[asked], RARE))]
    said = np.full(N, samples.UNLABELLED)
    labelled = queue[: round(answered * len(queue))]
    said[labelled] = truth[labelled]

    begin = times.micros(builders.AT)
    sampled = samples.Sample(
        ts_us=begin + hour[asked] * 3_600_000_000,
        predicted=predicted[asked].astype(np.int16),
        label=said[asked].astype(np.int16),
        confidence=SURE[step[asked]],
        p=p[asked],
        also=wishes.none(len(asked)),
        slices=np.zeros(len(asked), dtype=np.uint16),
    )
    hours = {}
    for number in range(HOURS):
        sure = SURE[step[hour == number]]
        start = builders.AT + dt.timedelta(hours=number)
        hours[start] = live.Hour(len(sure), float(sure.sum()))
    figures = live.figures(sampled, hours)
    assert figures.accuracy.estimate is not None
    assert figures.rare_recall.estimate is not None
    true_recall = right[np.isin(truth, RARE)].mean()
    return (
        figures.accuracy.estimate - float(right.mean()),
        figures.rare_recall.estimate - float(true_recall),
    )


def bias(order: Order, answered: float) -> tuple[float, float]:
    """Of accuracy and of rare recall, over all weeks."""
    weeks = np.array([errors(order, answered, seed) for seed in range(WEEKS)])
    accuracy, recall = weeks.mean(0).tolist()
    return accuracy, recall


@pytest.mark.parametrize("order", [oldest_first, wanted_first_of_an_hour])
@pytest.mark.parametrize("answered", [0.5, 1.0])
def test_what_is_measured_is_true_however_far_the_labels_reach(
    order: Order, answered: float
) -> None:
    accuracy, recall = bias(order, answered)

    assert abs(accuracy) < 0.005
    assert abs(recall) < 0.015


def test_asked_first_of_all_hours_the_missing_intents_would_look_understood() -> None:
    """Of later hours only what was predicted to be rare would be answered: of a recall the hits."""
    _, recall = bias(wanted_first_of_all, 0.5)

    assert recall > 0.05
