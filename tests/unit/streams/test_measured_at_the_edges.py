"""Signals where hardly anything has been counted, where everything is the same, and where the
reference says nothing: no made-up figure, and no interval beyond what can be.
"""

import math
from collections.abc import Sequence

import builders
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import present, verdicts, windows
from streams.signals import measure

K = len(present.INTENTS)
PLAIN = builders.reference(100)
HANDED_OVER = present.INDEX["escalation"]


def only(intent: str, n: int) -> list[int]:
    """n answers, all of one intent."""
    return [n if each == intent else 0 for each in present.INTENTS]


def hour(answers: Sequence[int] | int, **more: object) -> windows.Window:
    return builders.window(builders.tally(answers, **more))  # type: ignore[arg-type]


def ends(signal: verdicts.Signal) -> tuple[float, float]:
    assert signal.low is not None
    assert signal.high is not None
    return signal.low, signal.high


def test_a_rate_of_none_has_no_value_and_an_interval_from_nothing_to_all() -> None:
    signal = measure.rate(hour(0), "error_rate", 0, 0)

    assert (signal.value, signal.n, *ends(signal)) == (None, 0, 0.0, 1.0)


def test_a_signal_says_which_window_it_is_of() -> None:
    signal = measure.number(builders.window(5, "7d", model="v9"), "mean_tokens", 1.0, 3)

    assert (signal.model, signal.horizon, signal.end) == ("v9", "7d", builders.AT)
    assert (signal.signal, signal.value, signal.n) == ("mean_tokens", 1.0, 3)


@pytest.mark.parametrize("percent", [1, 50, 95, 99])
def test_a_percentile_of_one_log_is_that_log_and_so_are_its_ends(percent: int) -> None:
    signal = measure.latency(hour(only("faq", 1), latency_ms=12.8), percent)

    assert signal.value == pytest.approx(12.8, rel=windows.ALPHA)
    assert ends(signal) == (signal.value, signal.value)
    assert signal.n == 1


def test_a_percentile_of_no_log_is_nothing() -> None:
    signal = measure.latency(hour(0), 95)

    assert (signal.value, signal.low, signal.high, signal.n) == (None, None, None, 0)


@given(st.lists(st.floats(0.01, 600_000), min_size=1, max_size=60))
def test_a_percentile_lies_between_its_ends(latencies: list[float]) -> None:
    window = hour(only("faq", len(latencies)), latency_ms=latencies)

    for percent in (50, 95, 99):
        signal = measure.latency(window, percent)
        low, high = ends(signal)
        assert signal.value is not None
        assert low <= signal.value <= high


def test_a_mix_of_no_answer_measures_nothing_but_says_the_size_of_the_reference() -> None:
    signal = measure.intent_mix_kl(hour(0, errors=9), PLAIN)

    assert (signal.value, signal.n, signal.reference_n) == (None, 0, 1000)
    assert signal.p_value == 1.0


def test_a_mix_against_a_reference_that_names_nothing_is_nothing_that_chance_would_not_do() -> None:
    signal = measure.intent_mix_kl(hour(100), builders.reference(0))

    assert signal.p_value == 1.0
    assert signal.value is not None
    assert math.isfinite(signal.value)


def test_the_largest_shift_by_hand() -> None:
    """A tenth of the reference, half of the answers now: a shift of 0.4."""
    signal = measure.intent_mix_shift(hour([900, *[100] * 9]), PLAIN)

    low, high = ends(signal)
    assert signal.value == pytest.approx(0.4)
    assert (signal.n, signal.reference_n) == (1800, 1000)
    assert 0.3 < low < 0.4 < high < 0.5


def test_a_shift_has_no_sign() -> None:
    """An intent that nobody wants any more has moved as far as one that everybody wants."""
    gone = measure.intent_mix_shift(hour([0, *[100] * 9]), builders.reference([900, *[100] * 9]))
    come = measure.intent_mix_shift(hour([900, *[100] * 9]), builders.reference([0, *[100] * 9]))

    assert gone.value == pytest.approx(0.5)
    assert come.value == pytest.approx(0.5)
    assert min(ends(gone)) > 0.4
    assert min(ends(come)) > 0.4


@given(
    st.lists(st.integers(0, 500), min_size=K, max_size=K),
    st.lists(st.integers(0, 500), min_size=K, max_size=K),
)
def test_a_shift_lies_in_its_interval_and_in_what_can_be(
    live: list[int], before: list[int]
) -> None:
    signal = measure.intent_mix_shift(hour(live), builders.reference(before))

    if signal.value is None:
        assert signal.n == 0
        return
    low, high = ends(signal)
    assert 0 <= low <= signal.value + 1e-12
    assert signal.value - 1e-12 <= high <= 1 + 1e-12
    assert signal.p_value is not None
    assert 0 <= signal.p_value <= 1


@pytest.mark.parametrize("side", ["answers", "reference"])
def test_a_shift_needs_both_sides(side: str) -> None:
    answers, before = (0, 100) if side == "answers" else (100, 0)

    signal = measure.intent_mix_shift(hour(answers), builders.reference(before))

    assert (signal.value, signal.n) == (None, 0)


@pytest.mark.parametrize(
    ("tokens", "mean", "lost"),
    [
        (1000, 10.0, 0.0),
        (500, 10.0, 0.5),
        (0, 10.0, 1.0),
        (2000, 10.0, 0.0),  # longer than ever is nothing lost
        (1000, None, None),
        (1000, 0.0, None),  # of a reference that never had a token nothing can be lost
    ],
)
def test_tokens_lost_are_what_is_missing_from_the_references_mean(
    tokens: int, mean: float | None, lost: float | None
) -> None:
    window = hour(only("faq", 100), tokens_sum=tokens)

    signal = measure.tokens_lost(window, builders.reference(100, mean_tokens=mean))

    assert signal.value == (None if lost is None else pytest.approx(lost))
    assert signal.low == signal.value
    assert signal.n == (0 if lost is None else 100)


@pytest.mark.parametrize(
    ("other", "n", "before", "value"),
    [
        (0, 100, {"latin": 90, "other": 10}, -0.1),
        (10, 100, {"latin": 90, "other": 10}, 0.0),
        (60, 100, {"latin": 90, "other": 10}, 0.5),
        (60, 100, {"latin": 10}, 0.6),
        (60, 100, {}, 0.6),
    ],
)
def test_unreadable_texts_are_those_above_the_references(
    other: int, n: int, before: dict[str, int], value: float
) -> None:
    scripts = np.array([n - other, 0, 0, other])

    signal = measure.other_script_excess(hour(only("faq", n), script_count=scripts), before)

    assert signal.value == pytest.approx(value)
    low, high = ends(signal)
    assert low <= value + 1e-12
    assert value - 1e-12 <= high


@pytest.mark.parametrize(("n", "counted"), [(1, 1), (49, 49), (50, 0), (51, 0)])
def test_fifty_texts_without_a_script_are_a_producer_that_does_not_tell(
    n: int, counted: int
) -> None:
    """Of fewer, all may be broken by chance: no value, but an n that keeps a breach."""
    scripts = np.array([0, 0, 0, n])

    signal = measure.other_script_excess(
        hour(only("faq", n), script_count=scripts), {"latin": 9, "other": 1}
    )

    assert (signal.value, signal.n) == (None, counted)


@pytest.mark.parametrize(
    ("now", "before", "hours", "missing"),
    [
        (100, 400, 4, 0.0),
        (50, 400, 4, 0.5),
        (0, 400, 4, 1.0),
        (500, 400, 4, 0.0),
        (50, 100, 1, 0.5),
        (1, 1_000_000, 1, 0.999999),
    ],
)
def test_logs_are_missing_against_the_mean_of_earlier_hours(
    now: int, before: int, hours: int, missing: float
) -> None:
    signal = measure.data_missing(hour(only("faq", now)), before, hours)

    assert signal.value == pytest.approx(missing)
    assert (signal.n, signal.reference, signal.reference_n) == (
        now + before,
        before / hours,
        before,
    )
    low, high = ends(signal)
    assert 0 <= low <= missing + 1e-9
    assert missing - 1e-9 <= high <= 1


def test_where_nothing_ever_came_nothing_is_missing() -> None:
    signal = measure.data_missing(hour(50), 0, 4)

    assert (signal.value, signal.n) == (None, 0)


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 4))
def test_more_logs_are_never_more_missing(n: int, before: int, hours: int) -> None:
    fewer, more = (
        measure.data_missing(hour(only("faq", each)), before, hours).value for each in (n, n + 100)
    )

    assert fewer is not None
    assert more is not None
    assert 0 <= more <= fewer <= 1


def test_of_earlier_hours_three_things_are_told() -> None:
    earlier = builders.tally(only("faq", 400))
    handed = [0] * K
    handed[HANDED_OVER] = 30
    now = builders.tally([a + b for a, b in zip(only("faq", 70), handed, strict=True)])

    signals = list(measure.against_earlier(builders.window(now), earlier, 4))

    assert [signal.signal for signal in signals] == [
        "data_missing",
        "escalation_spike",
        "fallback_spike",
    ]
    assert [signal.value for signal in signals] == pytest.approx([0.0, 0.3, 0.0])


@pytest.mark.parametrize("quiet", ["now", "then"])
def test_without_answers_on_either_side_there_is_no_spike(quiet: str) -> None:
    nothing, full = builders.tally(0), builders.tally(10)
    now, then = (nothing, full) if quiet == "now" else (full, nothing)

    spikes = list(measure.against_earlier(builders.window(now), then, 1))[1:]

    assert [(spike.value, spike.n) for spike in spikes] == [(None, 0), (None, 0)]


def test_what_compares_with_a_reference_is_left_out_where_there_is_none() -> None:
    alone = [signal.signal for signal in measure.signals(hour(10), None)]

    assert alone == ["p95_latency_ms", "error_rate", "low_confidence_rate"]
    assert list(measure.mix(hour(10), None)) == []


def test_scripts_are_compared_only_where_the_reference_knows_them() -> None:
    knows = builders.reference(100, script_counts={"latin": 1})

    names = [signal.signal for signal in measure.signals(hour(10), knows)]

    assert "other_script_excess" in names
    assert "other_script_excess" not in [each.signal for each in measure.signals(hour(10), PLAIN)]


def test_an_intent_of_another_taxonomy_is_counted_as_none_of_ours() -> None:
    strange = builders.reference(100)
    strange.intent_counts["of_another_shop"] = 500

    assert measure.intents(strange) == [100] * K
