"""The signals nobody judges, by numbers worked by hand and by what must add up."""

import math
from collections.abc import Sequence

import builders
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import present, runs, verdicts, windows
from streams.signals import detail, measure
from streams.stats import divergence, histogram, mean, proportion

K = len(present.INTENTS)
COUNTS = st.lists(st.integers(0, 5000), min_size=K, max_size=K)
SCRIPTS = {"latin": 800, "japanese": 150, "mixed": 50, "other": 0}


def hour(answers: Sequence[int], errors: int = 0, **more: Sequence[int]) -> windows.Window:
    """An hour whose logs took 1, 2, 3 ... milliseconds."""
    return builders.window(
        builders.tally(
            answers, errors=errors, latency_ms=np.arange(1.0, sum(answers) + errors + 1), **more
        )
    )


def signals_of(
    where: windows.Window, known: runs.Reference | None = None
) -> dict[tuple[str, str | None], verdicts.Signal]:
    signals = detail.signals(where, known)
    by_name = {(signal.signal, signal.intent): signal for signal in signals}
    assert len(by_name) == len(signals), "one row each"
    return by_name


def of(name: str, signals: dict[tuple[str, str | None], verdicts.Signal]) -> list[verdicts.Signal]:
    return [
        signal
        for (signal_name, intent), signal in signals.items()
        if signal_name == name and intent
    ]


def test_percentiles_lie_between_the_order_statistics_that_bound_them() -> None:
    """1 .. 1000 ms: of the median's rank 500, Wilson has 469.1 .. 530.9; of rank 990, 981.7 ..
    994.6.
    """
    signals = signals_of(hour([1000] + [0] * 9))
    for name, value, low, high in (
        ("p50_latency_ms", 500, 470, 531),
        ("p99_latency_ms", 990, 982, 995),
    ):
        signal = signals[name, None]
        assert [signal.value, signal.low, signal.high] == pytest.approx(
            [value, low, high], rel=windows.ALPHA
        )
        assert signal.n == 1000


def test_rates_are_over_answers_and_each_intents_over_its_own() -> None:
    signals = signals_of(
        hour([200, 50] + [0] * 8, low=[40, 25] + [0] * 8, fallback=[10, 5] + [0] * 8, errors=50)
    )
    whole = signals["fallback_rate", None]
    assert (whole.value, whole.n) == (15 / 250, 250)
    assert (whole.low, whole.high) == proportion.wilson(15, 250)
    assert [round(bound, 4) for bound in proportion.wilson(15, 250)] == [0.0367, 0.0966]
    first, second = (signals["low_confidence_rate", intent] for intent in present.INTENTS[:2])
    assert [(s.value, s.n) for s in (first, second)] == [(0.2, 200), (0.5, 50)]
    assert signals["fallback_rate", present.INTENTS[1]].value == 0.1


def test_an_intent_without_an_answer_has_a_share_of_nothing_but_no_rate() -> None:
    signals = signals_of(hour([200, 50] + [0] * 8))
    assert [signal.intent for signal in of("low_confidence_rate", signals)] == list(
        present.INTENTS[:2]
    )
    gone = signals["intent_share", present.INTENTS[9]]
    assert (gone.value, gone.n, gone.low) == (0.0, 250, 0.0)
    assert gone.high == pytest.approx(0.0151, abs=1e-4)


def test_means_say_their_n_and_only_confidence_has_an_interval() -> None:
    where = hour([1000] + [0] * 9, errors=7)
    where.tally.tokens_sum, where.tally.margin_sum_micro, where.tally.margin_n = (
        22_000,
        180_000_000,
        600,
    )
    where.tally.confidence_sum_micro = 800_000_000
    where.tally.confidence_bins[[70, 90]] = 500
    signals = signals_of(where, builders.reference([1000] + [0] * 9, mean_confidence=0.84))
    tokens, margin, confidence = (
        signals[name, None] for name in ("mean_tokens", "mean_margin", "mean_confidence")
    )
    assert (tokens.value, tokens.n, tokens.low, tokens.high) == (22.0, 1000, None, None)
    assert (margin.value, margin.n, margin.low, margin.high) == (0.3, 600, None, None)
    assert (confidence.value, confidence.n, confidence.reference, confidence.reference_n) == (
        0.8,
        1000,
        0.84,
        1000,
    )
    assert [confidence.low, confidence.high] == pytest.approx([0.7935, 0.8065], abs=1e-4)


def test_a_margin_nobody_tells_is_no_row() -> None:
    assert ("mean_margin", None) not in signals_of(hour([1000] + [0] * 9))


def test_a_share_stands_beside_its_reference_with_the_chance_of_so_wide_a_gap() -> None:
    share = signals_of(hour([30, 70] + [0] * 8), builders.reference([500, 500] + [0] * 8))[
        "intent_share", present.INTENTS[0]
    ]
    assert (share.value, share.reference, share.reference_n, share.n) == (0.3, 0.5, 1000, 100)
    assert share.p_value == pytest.approx(
        divergence.g_test(live=[30, 70], reference=[500, 500]), rel=1e-9
    )
    without = signals_of(hour([30, 70] + [0] * 8))["intent_share", present.INTENTS[0]]
    assert (without.reference, without.reference_n, without.p_value) == (None, None, None)


def test_the_mix_of_scripts_is_measured_where_the_reference_knows_it() -> None:
    where = hour([1000] + [0] * 9)
    where.tally.script_count[:] = [500, 400, 100, 0]
    assert ("script_mix_kl", None) not in signals_of(where, builders.reference([1000] + [0] * 9))
    signal = signals_of(where, builders.reference([1000] + [0] * 9, script_counts=SCRIPTS))[
        "script_mix_kl", None
    ]
    p, q = np.array([500.5, 400.5, 100.5, 0.5]) / 1002, np.array([800.5, 150.5, 50.5, 0.5]) / 1002
    assert signal.value == pytest.approx(float((p * np.log(p / q)).sum()))
    assert signal.value == pytest.approx(0.2257, abs=1e-4)
    assert (signal.n, signal.reference_n, signal.noise_floor) == (
        1000,
        1000,
        pytest.approx(1.5 * (1 / 1000 + 1 / 1000)),
    )
    assert signal.p_value is not None
    assert signal.p_value < 1e-9


def test_an_empty_window_and_one_of_errors_alone_make_nothing_up() -> None:
    assert (
        detail.signals(
            hour([0] * K), builders.reference([10] * K, mean_confidence=0.9, script_counts=SCRIPTS)
        )
        == ()
    )
    failed = signals_of(hour([0] * K, errors=20), builders.reference([10] * K))
    assert set(failed) == {("p50_latency_ms", None), ("p99_latency_ms", None)}


@given(live=COUNTS, known=COUNTS)
def test_contributions_and_their_floors_add_up_to_the_whole(
    live: list[int], known: list[int]
) -> None:
    where, before = hour(live[:1] + [count // 100 for count in live[1:]]), builders.reference(known)
    whole, parts = (
        measure.intent_mix_kl(where, before),
        of("intent_mix_kl", signals_of(where, before)),
    )
    if not whole.n:
        assert parts == []
        return
    assert whole.value is not None
    assert whole.noise_floor is not None
    assert math.fsum(part.value or 0.0 for part in parts) == pytest.approx(whole.value, abs=1e-12)
    assert math.fsum(part.noise_floor or 0.0 for part in parts) == pytest.approx(
        whole.noise_floor, rel=1e-9
    )
    assert [part.intent for part in parts] == list(present.INTENTS)


@given(live=COUNTS)
def test_shares_add_up_to_one(live: list[int]) -> None:
    shares = of("intent_share", signals_of(hour([count // 100 for count in live])))
    assert not shares or math.fsum(share.value or 0.0 for share in shares) == pytest.approx(1.0)


@given(
    live=st.lists(st.integers(0, 3), min_size=K, max_size=K),
    known=st.lists(st.integers(0, 2), min_size=K, max_size=K),
)
def test_an_intent_is_unseen_exactly_where_it_is_answered_and_the_reference_has_none(
    live: list[int], known: list[int]
) -> None:
    unseen = of("unseen_intent", signals_of(hour(live), builders.reference(known)))
    wanted = [
        intent
        for intent, now, before in zip(present.INTENTS, live, known, strict=True)
        if now and not before and sum(known)
    ]
    assert [signal.intent for signal in unseen] == wanted
    for signal in unseen:
        assert signal.value == live[present.INDEX[signal.intent or ""]] / sum(live)
        assert (signal.n, signal.reference, signal.reference_n) == (sum(live), 0.0, sum(known))


def test_an_intent_the_reference_does_not_even_name_is_unseen() -> None:
    known = runs.Reference("v14", 100, {"faq": 100})
    (signal,) = of("unseen_intent", signals_of(hour([4, 0, 0, 96] + [0] * 6), known))
    assert (signal.intent, signal.value) == ("product_discovery", 0.04)


@given(live=COUNTS, known=COUNTS)
def test_each_intents_p_value_is_the_g_test_of_it_against_the_rest(
    live: list[int], known: list[int]
) -> None:
    p_values = divergence.g_tests(live=live, reference=known)
    for i, p_value in enumerate(p_values):
        table = [[live[i], sum(live) - live[i]], [known[i], sum(known) - known[i]]]
        # Near 1 a p-value magnifies rounding.
        assert p_value == pytest.approx(
            divergence.g_test(live=table[0], reference=table[1]), rel=1e-5
        )


@given(st.lists(st.floats(0, 1), min_size=2, max_size=300))
def test_the_interval_of_a_mean_is_never_narrower_than_its_values_own(values: list[float]) -> None:
    counts = np.bincount(
        histogram.confidence_bins(np.array(values)), minlength=windows.CONFIDENCE_BINS
    )
    centre = float(np.mean(values))
    low, high = mean.interval(counts, centre)
    own = 1.959963984540054 * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    assert low is not None
    assert high is not None
    assert low <= max(0.0, centre - own) + 1e-9
    assert high >= min(1.0, centre + own) - 1e-9


def test_one_value_has_no_interval() -> None:
    counts = np.zeros(windows.CONFIDENCE_BINS, dtype=np.int64)
    counts[90] = 1
    assert mean.interval(counts, 0.905) == (None, None)
