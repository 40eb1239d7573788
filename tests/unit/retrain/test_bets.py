"""The bet that accuracy is under its floor: what it wins, on which labels, and what it takes for
granted.
"""

import datetime as dt

import builders
import pytest

from retrain.decide import bets
from retrain.decide.view import View
from retrain.evaluation import samples
from schemas import policy, verdicts

AT = builders.AT
RULES = policy.Policy()


def judged(
    wrong_in_a_hundred: int, n: int = 1_000, expected: float | None = 0.92, labels: int = 20_000
) -> verdicts.Verdict:
    rows = []
    for i in range(n):
        ts = AT - dt.timedelta(hours=24) + i * dt.timedelta(hours=24) / n
        meant = "chitchat" if i * 37 % 100 < wrong_in_a_hundred else "faq"
        rows.append((ts, "faq", 0.9, 1.0, meant))
    before = builders.reference(1_000, accuracy=expected, accuracy_n=labels)
    view = View("v1", AT, {}, before if expected else None, samples.sample(rows), {})
    return bets.verdict(view, expected, RULES)


@pytest.mark.parametrize(
    ("wrong", "level"),
    [(8, verdicts.Level.OK), (20, verdicts.Level.BREACH)],
)
def test_a_day_of_many_wrong_answers_wins_a_thousand_to_one(
    wrong: int, level: verdicts.Level
) -> None:
    assert judged(wrong).verdict is level


def test_a_reference_of_few_labels_promises_less() -> None:
    """Of a hundred labels nobody knows that it was 92 %."""
    sure, unsure = judged(12).signal, judged(12, labels=100).signal
    assert (sure.reference or 0) > (unsure.reference or 0)
    assert (sure.value or 0) > (unsure.value or 0)


def test_without_a_reference_the_level_of_the_policy_is_the_floor() -> None:
    bet = judged(8, expected=None)
    assert bet.signal.reference == RULES.signals.live_accuracy.enter


def test_of_few_labels_it_says_nothing() -> None:
    assert judged(50, n=20).verdict is verdicts.Level.BLIND
