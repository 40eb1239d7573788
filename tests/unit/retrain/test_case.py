"""What a clause of the rule may ask of its case: which signals are in breach and mean it."""

import dataclasses
import datetime as dt
from typing import Any

import builders
import pytest

from retrain.decide import case
from schemas import decisions, policy, seasons, verdicts

AT = builders.AT
DAY = dt.timedelta(days=1)
MIX, UNSURE, ERRORS = "intent_mix_kl", "low_confidence_rise", "error_rate"
ALL = (MIX, UNSURE, ERRORS)


def of(*breached: str, rules: policy.Policy | None = None, **past: Any) -> case.Case:
    judged = [builders.verdict(name, verdicts.Level.BREACH) for name in breached]
    return case.Case(judged, decisions.Past(**past), rules or policy.Policy(), AT)


def test_of_nothing_judged_nothing_is_in_breach_and_all_is_blind() -> None:
    empty = of()
    assert empty.breached(ALL) == set()
    assert empty.verdict(MIX) is None
    assert (empty.level(MIX), empty.well(MIX)) == (verdicts.Level.BLIND, False)


@pytest.mark.parametrize(
    ("hours_ago", "breached"), [(None, set(ALL)), (25, set(ALL)), (23, {ERRORS}), (0, {ERRORS})]
)
def test_a_window_that_holds_hours_of_something_broken_shows_no_drift(
    hours_ago: int | None, breached: set[str]
) -> None:
    fix = None if hours_ago is None else AT - dt.timedelta(hours=hours_ago)
    assert of(*ALL, last_fix=fix).breached(ALL) == breached


def test_an_event_of_the_calendar_explains_the_mix_and_nothing_else() -> None:
    sale = seasons.Event("sale", AT - 2 * DAY, AT - DAY / 2)
    during = of(*ALL, rules=dataclasses.replace(policy.Policy(), calendar=(sale,)))
    assert during.breached(ALL) == {UNSURE, ERRORS}
    assert during.expected(builders.verdict("intent_mix_shift"))

    over = dataclasses.replace(sale, end=AT - DAY)
    later = of(*ALL, rules=dataclasses.replace(policy.Policy(), calendar=(over,)))
    assert later.breached(ALL) == set(ALL)
