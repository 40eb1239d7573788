"""Shops of few labels or few logs: what a day cannot show, two or three days may, and a rate that
is far too high needs no thousand logs.
"""

import datetime as dt

import builders
import pytest

from retrain.decide import evaluate
from retrain.decide.view import View
from retrain.evaluation import live, samples
from schemas import decisions, policy, verdicts, windows

AT = builders.AT
HOUR = dt.timedelta(hours=1)
DAY = 24 * HOUR
RULES = policy.Policy()
Level = verdicts.Level


def week(a_day: int, bad_days: int, right: float = 0.70) -> View:
    """So many labels a day; in the last `bad_days` so many are right, before that 92 in a
    hundred.
    """
    rows = []
    hours = {AT - back * HOUR: live.Hour(100, 90.0) for back in range(1, 169)}
    for back in range(7, 0, -1):
        share = right if back <= bad_days else 0.92
        for i in range(a_day):
            ts = AT - back * DAY + i * DAY / a_day
            meant = "faq" if (i * 37) % 100 < 100 * share else "chitchat"
            rows.append((ts, "faq", 0.9, 0.1, meant))
    before = builders.reference(3_000, accuracy=0.92, accuracy_n=20_000)
    return View("v1", AT, {}, before, samples.sample(rows), hours)


def recent(view: View) -> verdicts.Verdict:
    evaluation = evaluate.evaluate(view, decisions.Past(), RULES)
    (judged,) = [v for v in evaluation.fresh if v.signal.signal == "recent_accuracy"]
    return judged


@pytest.mark.parametrize(
    ("a_day", "bad_days", "level", "n"),
    [
        (400, 1, Level.BREACH, 400),  # a day is enough
        (120, 1, Level.BREACH, 240),  # so bad that it shows with the good day before it
        (120, 2, Level.BREACH, 240),
        (90, 3, Level.BREACH, 270),
        (40, 3, Level.BLIND, 40),  # three days are too little, too
        (120, 0, Level.BLIND, 120),
    ],
)
def test_what_a_day_cannot_show_two_or_three_may(
    a_day: int, bad_days: int, level: verdicts.Level, n: int
) -> None:
    judged = recent(week(a_day, bad_days))
    assert (judged.verdict, judged.signal.n) == (level, n)


def test_a_collapse_is_found_in_a_shop_of_a_hundred_labels_a_day() -> None:
    taken = evaluate.evaluate(week(120, 2, right=0.6), decisions.Past(), RULES).decision
    assert (taken.decision, taken.clause) == (decisions.Kind.RETRAIN, decisions.Clause.COLLAPSE)


@pytest.mark.parametrize(("errors", "level"), [(12, Level.BREACH), (2, Level.BLIND)])
def test_a_day_of_a_hundred_requests_shows_that_a_tenth_of_them_fails(
    errors: int, level: verdicts.Level
) -> None:
    day = builders.window(builders.tally(11, errors=errors), "1d")
    hour = builders.window(builders.tally(1, errors=0), "1h")
    ending: dict[str, windows.Window] = {"1h": hour, "1d": day}
    view = View("v1", AT, ending, None, samples.sample(()), {})
    fresh = evaluate.evaluate(view, decisions.Past(), RULES).fresh
    (judged,) = [v for v in fresh if v.signal.signal == "error_rate"]
    assert judged.verdict is level
