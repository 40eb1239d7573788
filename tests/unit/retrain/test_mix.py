"""A mix that differs from the reference: a weekend, a sale and the weekend after it, a slow slide,
and one that is here to stay.
"""

import dataclasses
import datetime as dt
from collections.abc import Sequence

import builders
import numpy as np
import pytest

from retrain.decide import evaluate, mix, trigger
from retrain.decide.view import View
from retrain.evaluation import live, samples
from schemas import decisions, policy, present, runs, seasons, verdicts, windows

AT = builders.AT
DAY = dt.timedelta(days=1)
RULES = policy.Policy()
RULE = RULES.signals.intent_mix_kl
Kind, Hold, Level = decisions.Kind, decisions.HoldReason, verdicts.Level

WEEKDAY = np.full(10, 300)
WEEKEND = np.array([450, 200, 450, 200, 200, 200, 450, 200, 200, 450])
SALE = np.array([300, 300, 300, 300, 2_400, 300, 300, 300, 300, 2_400])
MOVED = np.array([600, 600, 150, 150, 300, 300, 300, 300, 150, 150])


# What was met in a shop of 2,400 messages a day: a Saturday, the day of a sale with six times the
# messages, and one intent that somebody floods with 1,000 a day.
_USUAL = np.array([22.1, 15.2, 18.0, 8.0, 12.1, 7.0, 5.0, 4.1, 3.0, 5.5])
_LEISURE = np.array([1.25, 0.8, 1.45, 0.7, 0.55, 0.6, 1.3, 0.8, 0.7, 1.9])
_SOLD = np.array([0, 0, 0, 0, 0, 0, 30.0, 5.9, 0, 0])
_FLOOD = np.array([0, 0, 0, 0, 0, 0, 1_000, 0, 0, 0])


def counted(weights: np.ndarray, n: int) -> np.ndarray:
    counts: np.ndarray = np.rint(weights / weights.sum() * n).astype(int)
    return counts


SHOP, SATURDAY = counted(_USUAL, 2_400), counted(_USUAL * _LEISURE, 2_400)
BARGAINS, FLOODED = counted(_USUAL + _SOLD, 14_400), SHOP + _FLOOD


def tallies(*days: np.ndarray) -> list[windows.Tally]:
    return [builders.tally(counts) for counts in days]


def reference(counts: np.ndarray = WEEKDAY * 10) -> runs.Reference:
    return builders.reference(
        counts.tolist(),
        accuracy=0.9,
        accuracy_n=20_000,
        recall=dict.fromkeys(present.INTENTS, 0.9),
    )


def labelled(wrong_in_ten: int) -> samples.Sample:
    """A week of 2,000 labels over all intents."""
    rows = []
    for i in range(2_000):
        named, meant = i % 10, (i + ((i + i // 10) % 10 < wrong_in_ten)) % 10
        ts = AT - 7 * DAY + i * (7 * DAY / 2_000)
        rows.append((ts, present.INTENTS[named], 0.9, 1.0, present.INTENTS[meant]))
    return samples.sample(rows)


def hours() -> dict[dt.datetime, live.Hour]:
    ends = [AT - back * dt.timedelta(hours=1) for back in range(1, 169)]
    return {end: live.Hour(12, 10.8) for end in ends}


def view(days: Sequence[np.ndarray], usual: np.ndarray | None = None, **more: object) -> View:
    """A midnight after these days, with a week of labels that are nine in ten right."""
    ended = tallies(*days)
    week = ended[0]
    for day in ended[1:]:
        week = week + day
    known = View(
        builders.MODEL,
        AT,
        {"1d": builders.window(ended[-1], "1d"), "7d": builders.window(week, "7d")},
        reference(),
        labelled(1),
        hours(),
        usual_day=None if usual is None else builders.tally(usual * 4),
        last_days=ended,
    )
    return dataclasses.replace(known, **more)  # type: ignore[arg-type]


def since(days: int) -> dict[str, list[verdicts.Verdict]]:
    """The mix has been in breach for so many midnights before this one."""
    before = builders.verdict(mix.KL, Level.BREACH, end=AT - DAY, days=days - 1)
    return {mix.KL: [before]}


def evaluated(known: View, rules: policy.Policy = RULES) -> evaluate.Evaluation:
    return evaluate.evaluate(known, decisions.Past(), rules)


def judged(evaluation: evaluate.Evaluation) -> verdicts.Verdict:
    (verdict,) = [each for each in evaluation.fresh if each.signal.signal == mix.KL]
    return verdict


# Days that agree


@pytest.mark.parametrize(
    ("days", "agree"),
    [
        ((), 0),
        ((WEEKDAY,), 1),
        ((WEEKDAY, WEEKDAY, WEEKDAY), 3),
        ((WEEKDAY, MOVED, MOVED, MOVED), 3),
        ((SALE, WEEKEND, WEEKEND), 2),
        ((WEEKEND, WEEKEND, WEEKDAY), 1),
        ((WEEKDAY, WEEKDAY, SALE), 1),
        # Of a handful nobody can say that they differ.
        ((WEEKDAY // 100, WEEKEND // 100), 2),
        ((np.zeros(10, dtype=int), WEEKDAY), 2),
    ],
)
def test_the_last_days_agree_as_far_as_none_differs_from_the_others(
    days: tuple[np.ndarray, ...], agree: int
) -> None:
    assert mix.agreeing(tallies(*days), RULE) == agree


def test_the_days_that_agree_are_the_new_reference() -> None:
    standing = mix.standing(tallies(WEEKDAY, MOVED, MOVED), RULES)
    assert standing.intent_count.tolist() == (2 * MOVED).tolist()


# What is asked for


def test_three_days_of_one_mix_ask_for_a_new_reference_and_say_what_it_would_change() -> None:
    days = [WEEKDAY] * 4 + [MOVED] * 3
    evaluation = evaluated(view(days, history=since(2)))

    assert judged(evaluation).days_alike == 3
    taken = evaluation.decision
    assert (taken.decision, taken.under_new_reference) == (Kind.REWEIGHT, "hold HEALTHY")


def test_what_another_decision_would_be_is_asked_of_a_reweight_alone() -> None:
    assert evaluated(view([WEEKDAY] * 7)).decision.under_new_reference is None


def test_a_sale_and_the_weekend_after_it_are_three_days_that_ask_for_nothing() -> None:
    days = [WEEKDAY] * 4 + [SALE, WEEKEND, WEEKEND]
    evaluation = evaluated(view(days, usual=WEEKEND, history=since(2)))

    assert judged(evaluation).in_breach
    assert evaluation.decision.hold_reason is Hold.MIX_ONLY


def test_a_mix_that_slides_a_little_every_week_is_not_the_usual_one_for_ever() -> None:
    """Each day is as a week ago; all of the week is far from the reference."""
    evaluation = evaluated(view([MOVED] * 7, usual=MOVED))

    assert judged(evaluation).in_breach
    assert judged(evaluation).signal.reference_n == 30_000
    assert not judged(evaluated(view([WEEKDAY] * 6 + [WEEKEND], usual=WEEKEND))).in_breach


@pytest.mark.parametrize(("days", "kind"), [(6, Kind.HOLD), (7, Kind.REWEIGHT)])
def test_a_window_of_a_week_counts_once_it_holds_nothing_of_before(
    days: int, kind: decisions.Kind
) -> None:
    moved = builders.verdict(mix.KL, Level.BREACH, horizon="7d", days=days - 1)
    moved = dataclasses.replace(moved, days_alike=7)
    taken = trigger.decision(
        [moved, builders.verdict(trigger.ACCURACY)], decisions.Past(), RULES, model="v1", at=AT
    )
    assert taken.decision is kind


def test_it_is_asked_for_where_a_day_ends() -> None:
    moved = builders.verdict(mix.KL, Level.BREACH, end=AT - dt.timedelta(hours=1))
    taken = trigger.decision(
        [moved, builders.verdict(trigger.ACCURACY)], decisions.Past(), RULES, model="v1", at=AT
    )
    assert taken.hold_reason is Hold.MIX_ONLY


@pytest.mark.parametrize(("days", "kind"), [(7, Kind.HOLD), (8, Kind.REWEIGHT)])
def test_a_champion_that_has_not_seen_a_week_has_no_mix_to_move(
    days: int, kind: decisions.Kind
) -> None:
    judged = [builders.verdict(mix.KL, Level.BREACH), builders.verdict(trigger.ACCURACY)]
    past = decisions.Past(promoted_at=AT - days * DAY)
    assert trigger.decision(judged, past, RULES, model="v1", at=AT).decision is kind


# A shop that somebody met


def of_shop(
    days: Sequence[np.ndarray], usual: np.ndarray | None = None, breached: int = 0
) -> evaluate.Evaluation:
    """At the midnight after these days, the mix in breach for so many of them."""
    history = since(breached) if breached > 1 else {}
    return evaluated(view(days, usual, reference=reference(SHOP * 10), history=history))


@pytest.mark.parametrize("day", [SATURDAY, BARGAINS, FLOODED], ids=["weekend", "sale", "flood"])
def test_one_day_of_another_mix_asks_for_nothing(day: np.ndarray) -> None:
    taken = of_shop([SHOP] * 6 + [day]).decision
    assert (taken.hold_reason, taken.cause) == (Hold.MIX_ONLY, decisions.Cause.MIX)


def test_a_weekend_asks_for_nothing_and_the_next_one_is_no_other_mix() -> None:
    both = of_shop([SHOP] * 5 + [SATURDAY] * 2, breached=2)
    assert both.decision.hold_reason is Hold.MIX_ONLY
    assert not judged(of_shop([SHOP] * 6 + [SATURDAY], usual=SATURDAY)).in_breach


def test_a_sale_before_a_weekend_asks_for_nothing() -> None:
    days = [SHOP] * 4 + [BARGAINS, SATURDAY, SATURDAY]
    assert of_shop(days, usual=SATURDAY, breached=3).decision.hold_reason is Hold.MIX_ONLY


def test_whoever_floods_an_intent_that_is_answered_rightly_moves_a_reference_at_most() -> None:
    """And a person is asked, after three days."""
    kinds = [
        of_shop([SHOP] * (7 - days) + [FLOODED] * days, breached=days).decision.decision
        for days in range(1, 8)
    ]
    assert kinds == [Kind.HOLD] * 2 + [Kind.REWEIGHT] * 5


# Events of the calendar


def with_event(start: dt.datetime, end: dt.datetime) -> policy.Policy:
    return dataclasses.replace(RULES, calendar=(seasons.Event("spring sale", start, end),))


def test_in_an_event_of_the_calendar_a_moved_mix_was_to_be_expected() -> None:
    rules = with_event(AT - DAY, AT)
    taken = evaluated(view([WEEKDAY] * 6 + [SALE]), rules).decision

    assert (taken.hold_reason, taken.cause) == (Hold.EXPECTED, decisions.Cause.MIX)
    assert taken.expected == ("spring sale",)


def test_an_event_hides_no_loss() -> None:
    rules = with_event(AT - DAY, AT)
    taken = evaluated(view([WEEKDAY] * 6 + [SALE], sampled=labelled(4)), rules).decision
    assert taken.decision is Kind.RETRAIN


@pytest.mark.parametrize(("over_days_ago", "kind"), [(2, Kind.HOLD), (3, Kind.REWEIGHT)])
def test_days_of_an_event_are_none_that_ask_for_a_new_reference(
    over_days_ago: int, kind: decisions.Kind
) -> None:
    over = AT - over_days_ago * DAY
    moved = builders.verdict(mix.KL, Level.BREACH, days=6)
    taken = trigger.decision(
        [moved, builders.verdict(trigger.ACCURACY)],
        decisions.Past(),
        with_event(over - 4 * DAY, over),
        model="v1",
        at=AT,
    )
    assert taken.decision is kind


def test_an_event_that_has_not_come_yet_changes_nothing() -> None:
    rules = with_event(AT + DAY, AT + 2 * DAY)
    taken = evaluated(view([WEEKDAY] * 4 + [MOVED] * 3, history=since(2)), rules).decision
    assert (taken.decision, taken.expected) == (Kind.REWEIGHT, ())
