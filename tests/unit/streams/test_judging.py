"""Where a signal stands: on the edge of its limit, with just too few logs, with and without a past.
What cannot be said is blind, and blind is never ok.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import builders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import policy, verdicts, windows
from streams.signals import judge

Level = verdicts.Level
RULE = policy.Level(horizon="1h", enter=0.10, leave=0.05, min_n=200)
TWO_OF_THREE = dataclasses.replace(RULE, k=2, of=3)
MIX = policy.Level(
    horizon="1d", enter=0.028, leave=0.02, min_n=300, watch=0.012, alert=0.02, alpha=0.001
)
TRIGGER = policy.Trigger()
ACCURACY = policy.Level(horizon="7d", enter=0.90, leave=0.91, min_n=100)


def rate(value: float | None, low: float = 0.0, n: int = 1000, **more: Any) -> verdicts.Signal:
    return builders.signal("error_rate", value, n=n, low=low, high=1.0, **more)


def bad() -> verdicts.Signal:
    return rate(0.30, low=0.20)


def good() -> verdicts.Signal:
    return rate(0.01)


def told_one_after_another(
    signals: Sequence[verdicts.Signal], rule: policy.Level
) -> list[verdicts.Verdict]:
    past: list[verdicts.Verdict] = []
    for signal in signals:
        past.append(judge.verdict(signal, rule, past))
    return past


@pytest.mark.parametrize(
    ("value", "low", "level"),
    [
        (0.0, 0.0, Level.OK),
        (0.10, 0.08, Level.OK),  # at the limit is not beyond it
        (math.nextafter(0.10, 1), 0.08, Level.WATCH),
        (0.12, 0.10, Level.WATCH),  # its interval ends at the limit
        (0.12, math.nextafter(0.10, 1), Level.BREACH),
        (1.0, 0.99, Level.BREACH),
    ],
)
def test_a_rate_is_in_breach_where_its_whole_interval_lies_beyond_the_limit(
    value: float, low: float, level: verdicts.Level
) -> None:
    assert judge.verdict(rate(value, low), RULE, ()).verdict is level


@pytest.mark.parametrize(
    ("value", "n", "level"),
    [
        (0.3, 200, Level.BREACH),
        (0.3, 199, Level.BLIND),
        (0.3, 0, Level.BLIND),
        (None, 1000, Level.BLIND),
        (0.0, 199, Level.BLIND),
    ],
)
def test_with_too_few_logs_or_no_figure_it_is_blind(
    value: float | None, n: int, level: verdicts.Level
) -> None:
    verdict = judge.verdict(rate(value, low=0.2, n=n), RULE, ())

    assert verdict.verdict is level
    assert verdict.limit == RULE.enter


def test_a_figure_without_an_interval_is_watched_and_never_breached() -> None:
    bare = builders.signal("mean_tokens", 5.0, low=None, high=None)

    assert judge.verdict(bare, RULE, ()).verdict is Level.WATCH


@pytest.mark.parametrize(
    ("story", "in_breach"),
    [
        ("b", [False]),
        ("bb", [False, True]),
        ("bgb", [False, False, True]),
        ("bggb", [False] * 4),  # the first lies beyond the last three
        ("bbg", [False, True, False]),
        ("bbgb", [False, True, False, True]),
        ("ggg", [False] * 3),
    ],
)
def test_two_breaches_among_the_last_three_windows_begin_one(
    story: str, in_breach: list[bool]
) -> None:
    signals = [bad() if each == "b" else good() for each in story]

    verdicts_ = told_one_after_another(signals, TWO_OF_THREE)

    assert [verdict.in_breach for verdict in verdicts_] == in_breach


def test_a_breach_lasts_until_the_value_is_back_at_its_leave_level() -> None:
    values = [bad(), rate(0.09), rate(0.051), rate(0.05), rate(0.09)]

    verdicts_ = told_one_after_another(values, RULE)

    assert [verdict.in_breach for verdict in verdicts_] == [True, True, True, False, False]


def test_a_blind_window_between_does_not_end_a_breach() -> None:
    """Of 40 logs nothing can be said, though none of them failed."""
    blind = rate(0.0, n=40)

    verdicts_ = told_one_after_another([bad(), blind, blind], RULE)

    assert [verdict.verdict for verdict in verdicts_] == [Level.BREACH, Level.BLIND, Level.BLIND]
    assert verdicts_[-1].in_breach


def test_a_signal_that_is_no_longer_sent_ends_its_breach() -> None:
    silent = rate(None, n=0)

    verdicts_ = told_one_after_another([bad(), silent], RULE)

    assert [verdict.in_breach for verdict in verdicts_] == [True, False]


def mix(
    value: float, p_value: float | None = 1e-9, floor: float = 0.0, n: int = 1000
) -> verdicts.Signal:
    return builders.signal("intent_mix_kl", value, n=n, p_value=p_value, noise_floor=floor)


@pytest.mark.parametrize(
    ("signal", "level", "name"),
    [
        (mix(0.012), Level.OK, None),
        (mix(0.013), Level.WATCH, "watch"),
        (mix(0.020), Level.WATCH, "watch"),
        (mix(0.021), Level.WATCH, "alert"),
        (mix(0.028), Level.WATCH, "alert"),
        (mix(0.029), Level.BREACH, "retrain"),
        # What chance adds on average is taken off first.
        (mix(0.035, floor=0.010), Level.WATCH, "alert"),
        (mix(0.035, floor=0.030), Level.OK, None),
        # A test that does not reject has the last word, and so has one that was not made.
        (mix(5.0, p_value=0.001), Level.OK, None),
        (mix(5.0, p_value=None), Level.OK, None),
        (mix(5.0, n=299), Level.BLIND, None),
    ],
)
def test_a_mix_has_three_levels_above_what_chance_would_show(
    signal: verdicts.Signal, level: verdicts.Level, name: str | None
) -> None:
    verdict = judge.verdict(signal, MIX, ())

    assert (verdict.verdict, verdict.level) == (level, name)


def test_only_a_rule_with_three_levels_names_them() -> None:
    one_level = dataclasses.replace(MIX, watch=None, alert=None)

    verdict = judge.verdict(mix(0.5), one_level, ())

    assert (verdict.verdict, verdict.level) == (Level.BREACH, None)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 2000))
def test_a_worse_rate_never_stands_better(value: float, worse: float, n: int) -> None:
    order = [Level.OK, Level.WATCH, Level.BREACH]
    here, there = (
        judge.verdict(rate(each, low=each / 2, n=n), RULE, ()).verdict
        for each in sorted((value, worse))
    )

    if n < RULE.min_n:
        assert (here, there) == (Level.BLIND, Level.BLIND)
    else:
        assert order.index(here) <= order.index(there)


@pytest.mark.parametrize(
    ("reference", "margin", "limit"),
    [
        (None, 0.02, 0.90),
        (0.95, 0.02, 0.93),
        (0.85, 0.02, 0.83),
        (0.0, 0.02, -0.02),
    ],
)
def test_a_limit_is_just_under_what_the_model_was_and_the_policys_where_nobody_knows(
    reference: float | None, margin: float, limit: float
) -> None:
    assert judge.lowest(ACCURACY, reference, margin) == pytest.approx(limit)


@pytest.mark.parametrize(
    ("name", "value", "low", "high", "promised"),
    [
        ("mix_adjusted_accuracy", 0.893, 0.836, 0.918, 0.90),
        ("mix_adjusted_accuracy", 0.893, 0.836, 0.918, 0.915),
        ("recent_accuracy", 0.894, 0.868, 0.920, 0.91),
    ],
)
def test_an_interval_that_holds_the_limit_is_no_breach(
    name: str, value: float, low: float, high: float, promised: float
) -> None:
    signal = builders.signal(name, value, low=low, high=high, n=2_000, reference=promised)
    judged = falling(dataclasses.replace(signal, horizon="7d", reference_n=2_000))

    assert low < judged.limit < high
    assert judged.limit == pytest.approx(promised - TRIGGER.accuracy_margin)
    assert (judged.verdict is Level.BREACH, judged.in_breach) == (False, False)


@pytest.mark.parametrize("horizon", windows.HORIZONS)
def test_who_may_be_wrong_less_often_must_be_surer(horizon: str) -> None:
    certainties = [judge.certainty(each, horizon) for each in (100, 10, 1, 0.1, 0)]

    assert certainties == sorted(certainties)
    assert all(map(math.isfinite, certainties))


def test_nobody_is_less_sure_than_a_95_percent_interval_is() -> None:
    assert judge.certainty(1e6, "7d") == pytest.approx(1.959964, abs=1e-6)


def accuracy(value: float | None, half: float = 0.02, n: int = 500, **more: Any) -> verdicts.Signal:
    around = {} if value is None else {"low": value - half, "high": value + half}
    return builders.signal("live_accuracy", value, horizon="7d", n=n, **(around | more))


def falling(
    signal: verdicts.Signal, past: Sequence[verdicts.Verdict] = (), rule: policy.Level = ACCURACY
) -> verdicts.Verdict:
    return judge.falling(signal=signal, rule=rule, trigger=TRIGGER, past=past)


@pytest.mark.parametrize(
    ("n", "needed"), [(0, 100), (1, 99), (99, 1)], ids=["none", "one", "all but one"]
)
def test_with_too_few_labels_it_says_how_many_are_missing(n: int, needed: int) -> None:
    verdict = falling(accuracy(0.5, n=n))

    assert (verdict.verdict, verdict.labels_needed) == (Level.BLIND, needed)


def test_without_a_figure_it_is_blind_and_enough_labels_are_not_the_remedy() -> None:
    verdict = falling(accuracy(None, n=500))

    assert (verdict.verdict, verdict.labels_needed) == (Level.BLIND, None)


def test_at_its_limit_an_accuracy_is_ok() -> None:
    assert falling(accuracy(0.90)).verdict is Level.OK
    assert falling(accuracy(math.nextafter(0.90, 0))).verdict is Level.WATCH


def test_the_labels_that_would_prove_a_loss_by_hand() -> None:
    """A loss of 0.05 against 0.95, known to 0.037 at 95 % of 400 labels.

    At 2.82 standard errors that half-width is 0.0533: (0.0533 / 0.05)^2 is 1.136 times as many
    labels, which is about 54 more. To lie under 0.94 with its whole interval it needs none.
    """
    signal = accuracy(0.90, half=0.037, n=400, reference=0.95)

    verdict = falling(signal)

    assert verdict.verdict is Level.WATCH
    assert verdict.labels_needed == pytest.approx(54, abs=3)


def test_a_proven_loss_asks_for_no_more_labels() -> None:
    verdict = falling(accuracy(0.70, n=2000, reference=0.95))

    assert (verdict.verdict, verdict.in_breach, verdict.labels_needed) == (
        Level.BREACH,
        True,
        None,
    )


def test_it_leaves_a_breach_half_of_the_way_back_to_what_it_was() -> None:
    """The reference was 0.85, so the limit is 0.84; half of the way back it leaves."""
    broken = falling(accuracy(0.60, n=2000, reference=0.85))

    still = falling(accuracy(0.844, reference=0.85), [broken])
    back = falling(accuracy(0.846, reference=0.85), [broken])

    assert (still.verdict, still.in_breach) == (Level.OK, True)
    assert (back.verdict, back.in_breach) == (Level.OK, False)
    assert back.limit == pytest.approx(0.84)


def test_a_breach_stays_while_labels_are_missing() -> None:
    broken = falling(accuracy(0.60, n=2000))

    assert falling(accuracy(0.99, n=5), [broken]).in_breach
    assert falling(accuracy(None, n=0), [broken]).in_breach


@given(st.floats(0.5, 0.899), st.integers(100, 5000), st.floats(0.001, 0.2))
def test_a_watched_loss_needs_at_least_one_label_more_or_no_number_would_do(
    value: float, n: int, half: float
) -> None:
    verdict = falling(accuracy(value, half=half, n=n, reference=0.92))

    if verdict.verdict is Level.WATCH:
        assert verdict.labels_needed is None or verdict.labels_needed >= 1
    else:
        assert verdict.labels_needed is None


def test_a_figure_that_swings_about_what_it_always_was_is_not_watched() -> None:
    """Three points under 0.93, under the limit of 0.92: at 2.58 standard errors known to 0.0303 it
    may be none, at 0.029 it hardly is.
    """
    swings = falling(accuracy(0.90, half=0.0303 * 1.96 / 2.58, reference=0.93))
    fallen = falling(accuracy(0.90, half=0.0290 * 1.96 / 2.58, reference=0.93))

    assert (swings.verdict, swings.labels_needed) == (Level.OK, None)
    assert fallen.verdict is Level.WATCH
    assert fallen.labels_needed
