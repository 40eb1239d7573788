"""What has changed, against what a version was: a champion that has always been unsure, a weekend,
a mix that stays moved, a figure that is under its limit and proves nothing.
"""

import dataclasses
import datetime as dt

import builders
import numpy as np
import pytest

from retrain.decide import evaluate, recalls, trigger
from retrain.decide.view import View
from retrain.evaluation import live, samples
from schemas import decisions, policy, present, runs, verdicts, windows
from streams.signals import judge, measure

AT = builders.AT
DAY = dt.timedelta(days=1)
RULES = policy.Policy()
Kind, Hold, Level = decisions.Kind, decisions.HoldReason, verdicts.Level
WEEKDAY = np.full(10, 300)
WEEKEND = np.array([600, 150, 600, 150, 150, 150, 600, 150, 150, 300])


def day(counts: np.ndarray, unsure: float = 0.0) -> windows.Window:
    low = np.rint(counts * unsure).astype(np.int64)
    return builders.window(builders.tally(counts, low=low), "1d", end=AT)


def reference(**more: object) -> runs.Reference:
    counts = dict(zip(present.INTENTS, (WEEKDAY * 10).tolist(), strict=True))
    known = runs.Reference("v1", int(WEEKDAY.sum()) * 10, counts)
    return dataclasses.replace(known, **more)  # type: ignore[arg-type]


# Confidence


def test_a_rise_is_the_share_now_less_the_share_then_with_both_samples_in_its_interval() -> None:
    """10 % of 3,000 now, 5 % of 30,000 then: 5 points, known to about one."""
    rise = measure.low_confidence_rise(day(WEEKDAY, 0.1), reference(low_confidence_rate=0.05))

    assert rise.value == pytest.approx(0.05)
    assert rise.low == pytest.approx(0.0394, abs=0.001)
    assert rise.high == pytest.approx(0.0615, abs=0.001)
    assert (rise.n, rise.reference, rise.reference_n) == (3_000, 0.05, 30_000)


def test_who_has_always_been_unsure_misses_the_level_and_has_not_changed() -> None:
    always = reference(low_confidence_rate=0.136)
    signals = {signal.signal: signal for signal in measure.signals(day(WEEKDAY, 0.136), always)}

    level = judge.verdict(signals["low_confidence_rate"], RULES.signals.low_confidence_rate, ())
    change = judge.verdict(signals["low_confidence_rise"], RULES.signals.low_confidence_rise, ())

    assert (level.verdict, change.verdict) == (Level.BREACH, Level.OK)
    assert "low_confidence_rate" not in RULES.trigger.drift


@pytest.mark.parametrize(("right", "level"), [(0.84, Level.BREACH), (0.89, Level.WATCH)])
def test_a_champion_under_its_service_level_misses_that_and_has_lost_nothing(
    right: float, level: verdicts.Level
) -> None:
    """What it always was; a point under the level in 1,000 labels proves nothing."""
    before = reference(accuracy=right, accuracy_n=20_000)
    meant = ["faq"] * round(1_000 * right) + ["chitchat"] * round(1_000 * (1 - right))
    sampled = samples.sample([(AT - DAY, "faq", right, 1 / 3, label) for label in meant])
    view = View("v1", AT, {}, before, sampled, {AT - DAY: live.Hour(3_000, 3_000 * right)})
    judged = {v.signal.signal: v for v in evaluate.evaluate(view, decisions.Past(), RULES).fresh}

    assert judged["live_accuracy"].verdict is Level.OK
    assert judged["live_accuracy_level"].verdict is level
    assert judged["live_accuracy_level"].limit == 0.90
    assert judged["live_accuracy_level"].signal.reference == pytest.approx(right)


def test_what_the_reference_does_not_tell_is_no_change() -> None:
    assert measure.low_confidence_rise(day(WEEKDAY, 0.5), reference()).value is None


# The mix


def test_a_weekend_is_like_the_one_before() -> None:
    usual = builders.tally(WEEKEND * 4)
    alone, compared = (
        measure.intent_mix_kl(day(WEEKEND), reference(), known) for known in (None, usual)
    )

    assert judge.verdict(alone, RULES.signals.intent_mix_kl, ()).verdict is Level.BREACH
    assert judge.verdict(compared, RULES.signals.intent_mix_kl, ()).verdict is Level.OK


def test_a_few_answers_of_earlier_weeks_say_nothing() -> None:
    few = builders.tally(WEEKEND // 3)
    assert measure.intent_mix_kl(day(WEEKEND), reference(), few).reference_n == 30_000


@pytest.mark.parametrize(("moved", "n"), [(False, int(WEEKEND.sum()) * 4), (True, 30_000)])
def test_a_mix_that_has_moved_is_held_against_the_reference_until_that_moves(
    moved: bool, n: int
) -> None:
    """Or the moved days would be the usual ones in a few weeks."""
    before = builders.verdict(
        "intent_mix_kl", Level.BREACH if moved else Level.OK, horizon="1d", end=AT - DAY
    )
    sampled = builders.sample([True] * 200)
    view = View(
        "v1",
        AT,
        {"1d": day(WEEKEND)},
        reference(),
        sampled,
        {AT - DAY: live.Hour(3_000, 2_700.0)},
        usual_day=builders.tally(WEEKEND * 4),
        history={"intent_mix_kl": [before]},
    )
    evaluation = evaluate.evaluate(view, decisions.Past(), RULES)

    (mix,) = [v for v in evaluation.fresh if v.signal.signal == "intent_mix_kl"]
    assert mix.signal.reference_n == n


@pytest.mark.parametrize(("value", "kind"), [(0.93, Kind.REWEIGHT), (0.88, Kind.HOLD)])
def test_a_reference_moves_only_where_accuracy_is_well_and_not_just_unproven(
    value: float, kind: decisions.Kind
) -> None:
    judged = [
        builders.verdict(trigger.MIX, Level.BREACH, days=3),
        builders.verdict(trigger.ACCURACY, value=value, limit=0.92),
    ]
    taken = trigger.decision(judged, decisions.Past(), RULES, model="v1", at=AT)
    assert taken.decision is kind


def test_days_that_only_linger_ask_for_no_new_reference() -> None:
    lingers = builders.verdict(trigger.MIX, Level.BLIND, in_breach=True, days=3)
    judged = [lingers, builders.verdict(trigger.ACCURACY)]
    taken = trigger.decision(judged, decisions.Past(), RULES, model="v1", at=AT)
    assert taken.hold_reason is Hold.MIX_ONLY


# Since when


def test_a_breach_remembers_when_it_began_and_no_more_than_three_weeks() -> None:
    rule = policy.Level(horizon="1d", enter=0.1, leave=0.05, min_n=10)
    past: list[verdicts.Verdict] = []
    for back in range(40, -1, -1):
        end = AT - back * DAY
        signal = builders.signal("error_rate", 0.3, low=0.2, high=0.4, horizon="1d", end=end)
        past = [judge.verdict(signal, rule, past[-1:])]
        age = 40 - back
        assert past[0].since == end - min(age, 21) * DAY


# Intents


def test_a_breach_that_lingers_keeps_its_weight_and_names_nobody_new() -> None:
    known = reference(accuracy=0.92, accuracy_n=20_000, recall=dict.fromkeys(present.INTENTS, 0.9))
    before = builders.verdict("intent_recall_lost", Level.BREACH, horizon="7d", end=AT - DAY)
    answers = ["faq"] * 30 + ["chitchat"] * 12
    sampled = samples.sample(
        [(AT - DAY, answered, 0.9, 0.5, "faq") for answered in answers],
    )
    view = View(
        "v1",
        AT,
        {},
        known,
        sampled,
        {AT - DAY: live.Hour(3_000, 2_700.0)},
        history={"intent_recall_lost": [before]},
    )
    rules = policy.parse("[signals.live_accuracy]\nmin_n = 20")
    for weight in (None, "grave"):
        held = dataclasses.replace(
            view, history={"intent_recall_lost": [dataclasses.replace(before, level=weight)]}
        )
        verdict = recalls.verdict(held, held.figures("7d"), rules)
        assert verdict.in_breach
        assert (verdict.level, verdict.intents) == (weight, ())
