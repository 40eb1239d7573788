"""What tells a bad release from a model that has always been so: which signals stood well, which
ill, and for how long a release may be blamed at all.
"""

import dataclasses
import datetime as dt

import builders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.decide import release
from schemas import decisions, policy, verdicts

AT = builders.AT
HOUR = dt.timedelta(hours=1)
RULES = policy.Policy()
Level = verdicts.Level
verdict = builders.verdict

# The policy blames a release for a week and takes labels to be mature after two days.
WEEK, MATURITY = 168 * HOUR, 48 * HOUR


# Which signals stood well


@pytest.mark.parametrize(
    ("level", "in_breach", "well"),
    [
        (Level.OK, False, True),
        (Level.OK, True, False),
        (Level.WATCH, False, False),
        (Level.BREACH, False, False),
        (Level.BREACH, True, False),
        (Level.BLIND, False, False),
        (Level.BLIND, True, False),
    ],
)
def test_a_signal_stands_well_where_it_is_ok_and_out_of_breach(
    level: verdicts.Level, in_breach: bool, well: bool
) -> None:
    one = verdict("error_rate", level, in_breach=in_breach)

    assert release.stood_well([one]) == (("error_rate",) if well else ())


def test_once_well_is_well_and_each_name_comes_once_in_order() -> None:
    judged = [
        verdict("rare_recall"),
        verdict("error_rate"),
        verdict("error_rate", Level.BREACH),
        verdict("error_rate"),
    ]

    assert release.stood_well(judged) == ("error_rate", "rare_recall")


def test_of_nothing_judged_nothing_stood_well() -> None:
    assert release.stood_well([]) == ()
    assert release.last_well({}) == release.last_ill({}) == ()
    assert release.last_well({"error_rate": []}) == release.last_ill({"error_rate": []}) == ()


def test_the_first_labels_say_little_and_latency_says_all_at_once() -> None:
    judged = [
        verdict("live_accuracy", end=AT - HOUR),
        verdict("p95_latency_ms", end=AT - HOUR),
        verdict("rare_recall", end=AT),
    ]

    assert release.stood_well(judged, labelled_from=AT) == ("p95_latency_ms", "rare_recall")
    assert release.stood_well(judged) == ("live_accuracy", "p95_latency_ms", "rare_recall")


@given(st.permutations([*Level, Level.OK, Level.BREACH]))
def test_the_order_of_verdicts_does_not_matter_to_what_ever_stood_well(
    levels: list[verdicts.Level],
) -> None:
    judged = [verdict("error_rate", level) for level in levels]

    assert release.stood_well(judged) == ("error_rate",)


# How the model before stood last


def test_how_a_signal_stood_last_is_what_the_next_model_is_told() -> None:
    history = {
        "error_rate": [verdict("error_rate", Level.BREACH), verdict("error_rate")],
        "rare_recall": [verdict("rare_recall"), verdict("rare_recall", Level.BREACH)],
        "p95_latency_ms": [verdict("p95_latency_ms", Level.WATCH)],
    }

    assert release.last_well(history) == ("error_rate",)
    assert release.last_ill(history) == ("rare_recall",)


def test_a_time_without_labels_does_not_forget_how_well_it_stood_before() -> None:
    blind = verdict("live_accuracy", Level.BLIND)
    history = {"live_accuracy": [verdict("live_accuracy"), blind, blind]}

    assert release.last_well(history) == ("live_accuracy",)
    assert release.last_well({"live_accuracy": [blind, blind]}) == ()


def test_a_breach_that_lasts_through_a_blind_window_is_ill() -> None:
    blind = verdict("live_accuracy", Level.BLIND, in_breach=True)
    history = {"live_accuracy": [verdict("live_accuracy", Level.BREACH), blind]}

    assert release.last_ill(history) == ("live_accuracy",)
    assert release.last_well(history) == ()


def test_a_breach_that_was_over_is_none() -> None:
    over = verdict("live_accuracy", Level.BLIND)
    history = {"live_accuracy": [verdict("live_accuracy", Level.BREACH), over]}

    assert release.last_ill(history) == ()


@given(st.lists(st.tuples(st.sampled_from(list(Level)), st.booleans()), min_size=1, max_size=6))
def test_no_signal_is_well_and_ill_at_once_unless_it_was_blind_last(
    seen: list[tuple[verdicts.Level, bool]],
) -> None:
    history = {
        "error_rate": [verdict("error_rate", level, in_breach=breach) for level, breach in seen]
    }

    both = {*release.last_well(history)} & {*release.last_ill(history)}

    assert not both or seen[-1][0] is Level.BLIND


# For how long a release may be blamed

RELEASED = decisions.Past(
    promoted_at=AT,
    well_before=("error_rate", "live_accuracy"),
    ill_before=("rare_recall",),
    well=("error_rate",),
)


def test_within_its_week_a_release_may_be_blamed_the_last_instant_included() -> None:
    past = release.blamed(RELEASED, AT + WEEK, [], RULES)

    assert past == RELEASED


def test_after_its_week_nothing_is_left_to_blame_it_with() -> None:
    past = release.blamed(RELEASED, AT + WEEK + dt.timedelta(microseconds=1), [], RULES)

    assert (past.well, past.well_before, past.ill_before) == ((), (), ())
    assert past.promoted_at == AT


def test_the_first_model_of_a_shop_is_no_release() -> None:
    first = dataclasses.replace(RELEASED, promoted_at=None)

    past = release.blamed(first, AT, [verdict("error_rate")], RULES)

    assert (past.well, past.well_before, past.ill_before) == ((), (), ())


def test_what_stood_well_since_adds_to_what_is_remembered() -> None:
    judged = [verdict("p95_latency_ms", end=AT + HOUR)]

    past = release.blamed(RELEASED, AT + HOUR, judged, RULES)

    assert past.well == ("error_rate", "p95_latency_ms")


def test_labels_count_for_a_release_from_the_hour_on_in_which_they_are_mature() -> None:
    def well(end: dt.datetime) -> tuple[str, ...]:
        judged = [verdict("live_accuracy", end=end)]
        return release.blamed(RELEASED, AT + 100 * HOUR, judged, RULES).well

    assert well(AT + MATURITY - HOUR) == ("error_rate",)
    assert well(AT + MATURITY) == ("error_rate", "live_accuracy")


def test_the_week_and_the_maturity_are_the_policys() -> None:
    hasty = policy.parse("[trigger]\nrelease_hours = 10\n[labels]\nmaturity_hours = 1")
    judged = [verdict("live_accuracy", end=AT + HOUR)]

    assert release.blamed(RELEASED, AT + 10 * HOUR, judged, hasty).well[-1] == "live_accuracy"
    assert release.blamed(RELEASED, AT + 11 * HOUR, judged, hasty).well == ()


def test_blame_changes_nothing_else_that_is_remembered() -> None:
    busy = dataclasses.replace(
        RELEASED,
        last_retrain=AT - HOUR,
        run_in_progress=True,
        incidents=2,
        paused=True,
        last_fix=AT - 2 * HOUR,
    )

    past = release.blamed(busy, AT + WEEK + HOUR, [], RULES)

    assert past == dataclasses.replace(busy, well=(), well_before=(), ill_before=())


def test_a_verdict_heard_twice_changes_nothing_the_second_time() -> None:
    judged = [verdict("p95_latency_ms"), verdict("error_rate")]
    once = release.blamed(RELEASED, AT + HOUR, judged, RULES)

    assert release.blamed(once, AT + HOUR, [*judged, *judged], RULES) == once


def test_a_breach_that_is_only_not_over_yet_is_not_ill() -> None:
    """It was proven once and is now within chance: who goes back there goes to a good model."""
    swings = verdict("rare_recall", Level.WATCH, in_breach=True)
    assert release.last_ill({"rare_recall": [verdict("rare_recall", Level.BREACH), swings]}) == ()


def test_a_bet_that_nobody_could_have_won_yet_shows_nothing() -> None:
    """Labels take three days: until then there is no evidence, and no accuracy either."""
    late = AT + 60 * HOUR
    bet = verdict("accuracy_e_value", end=late)
    blind = verdict("live_accuracy", Level.BLIND, value=None, end=late)
    assert release.blamed(RELEASED, AT + 61 * HOUR, [bet, blind], RULES).well == RELEASED.well

    known = verdict("live_accuracy", end=late)
    well = release.blamed(RELEASED, AT + 61 * HOUR, [bet, known], RULES).well
    assert well == ("accuracy_e_value", *RELEASED.well, "live_accuracy")
