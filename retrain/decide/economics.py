"""Pure. What waiting costs against what a retrain costs, from the evidence a decision rests on."""

from collections.abc import Sequence
from typing import Final

from schemas import decisions, policy, verdicts

_WAIT_DAYS: Final = 7  # the question is always: now, or look again in a week?
# Of the training machine; what the recipe of design takes, load test included.
_RETRAIN_HOURS: Final = 1.0


def costs(
    judged: Sequence[verdicts.Verdict],
    rules: policy.Policy,
) -> decisions.Costs | None:
    """None unless accuracy, its reference and the day's traffic are known: then nothing is claimed.

    waiting = 7 days x answers a day x (reference - accuracy) x cost of a wrong route. 5,000 answers
    a day and 3 points lost at 0.50 each: 525.
    """
    by_name = {verdict.signal.signal: verdict.signal for verdict in judged}
    accuracy = by_name.get("live_accuracy")
    day = by_name.get("low_confidence_rate")  # its n: every answer of its window
    if accuracy is None or accuracy.value is None or accuracy.reference is None:
        return None
    if day is None or day.horizon != "1d" or not day.n:
        return None

    prices, before = rules.costs, accuracy.reference
    of_all = _WAIT_DAYS * day.n * prices.wrong_route  # were every answer wrong from now on
    labels = rules.labels.min_to_train * prices.label
    machine = _RETRAIN_HOURS * prices.training_hour
    return decisions.Costs(
        _lost(before, accuracy.value) * of_all,
        labels + machine,
        None if accuracy.high is None else _lost(before, accuracy.high) * of_all,
        None if accuracy.low is None else _lost(before, accuracy.low) * of_all,
    )


def per_point(monthly: float, least: float, accuracy: float, of_least: float) -> float | None:
    """What a point of accuracy costs a month with this model, beside the cheapest one (`least`,
    `of_least`): (monthly - least) / (100 x (accuracy - of_least)). None where it gains none.

    >>> round(per_point(178, 89, 0.921, 0.873), 1), per_point(348, 89, 0.87, 0.873)
    (18.5, None)
    """
    points = 100 * (accuracy - of_least)
    return (monthly - least) / points if points > 0 else None


def _lost(before: float, now: float) -> float:
    return max(0.0, before - now)
