"""The statistics against figures that others have published or that a reader can work by hand, and
against what must hold of them whatever the counts.
"""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import windows
from streams.stats import divergence, histogram, mean, proportion, sequential

PAIRS = st.integers(2, 12).flatmap(
    lambda k: st.tuples(*[st.lists(st.integers(0, 3000), min_size=k, max_size=k)] * 2)
)
TRIALS = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_is_the_one_newcombe_tabled_in_1998(
    k: int, n: int, low: float, high: float
) -> None:
    assert proportion.wilson(k, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_a_difference_has_the_interval_that_newcombe_tabled_as_his_tenth_method(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    value, *interval = proportion.difference(proportion.estimate(*one), proportion.estimate(*other))

    assert value == pytest.approx(one[0] / one[1] - other[0] / other[1])
    assert interval == pytest.approx([low, high], abs=5e-5)


@given(TRIALS)
def test_a_share_lies_in_its_interval_and_that_in_nothing_to_all(trials: tuple[int, int]) -> None:
    value, low, high = proportion.estimate(*trials)

    assert 0 <= low <= value + 1e-12
    assert value - 1e-12 <= high <= 1
    assert low < high


@given(TRIALS)
def test_what_is_counted_the_other_way_round_has_the_mirrored_interval(
    trials: tuple[int, int],
) -> None:
    k, n = trials
    low, high = proportion.wilson(k, n)

    assert proportion.wilson(n - k, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(TRIALS, TRIALS)
def test_a_difference_turned_round_changes_its_sign_and_no_more(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    a, b = proportion.estimate(*one), proportion.estimate(*other)
    value, low, high = proportion.difference(a, b)

    assert proportion.difference(b, a) == pytest.approx((-value, -high, -low))
    assert -1 - 1e-12 <= low <= value <= high <= 1 + 1e-12


@pytest.mark.parametrize("n", [0, -1])
def test_of_no_trial_nothing_is_known(n: int) -> None:
    assert proportion.wilson(0, n) == (0.0, 1.0)


def test_of_no_trial_there_is_no_share() -> None:
    with pytest.raises(ZeroDivisionError):
        proportion.estimate(0, 0)


def test_more_trials_of_the_same_share_narrow_the_interval_by_their_root() -> None:
    widths = [high - low for low, high in (proportion.wilson(n / 2, n) for n in (10_000, 40_000))]

    assert widths[0] / widths[1] == pytest.approx(2, rel=1e-3)


def test_kl_by_hand() -> None:
    """3 and 1 of 4 are, smoothed, 3.5/5 and 1.5/5; the reference's 1 and 1 are 1.5/3 each.

    0.7 ln(0.7/0.5) + 0.3 ln(0.3/0.5) = 0.23553 - 0.15325 = 0.08228 nats.
    """
    assert divergence.kl(live=[3, 1], reference=[1, 1]) == pytest.approx(0.08228, abs=1e-5)


def test_kl_has_a_direction() -> None:
    there = divergence.kl(live=[90, 10], reference=[50, 50])
    back = divergence.kl(live=[50, 50], reference=[90, 10])

    assert (round(there, 3), round(back, 3)) == (0.359, 0.494)


@pytest.mark.parametrize(
    ("live", "reference"),
    [
        ([100, 0], [0, 100]),
        ([10**9, 0], [0, 10**9]),
        ([0, 0], [5, 5]),
        ([5, 5], [0, 0]),
        ([0, 0], [0, 0]),
    ],
)
def test_kl_is_finite_whatever_either_side_lacks(live: list[int], reference: list[int]) -> None:
    assert math.isfinite(divergence.kl(live=live, reference=reference))


@given(PAIRS)
def test_kl_is_never_negative_and_nothing_between_equals(
    pair: tuple[list[int], list[int]],
) -> None:
    live, reference = pair

    assert divergence.kl(live=live, reference=reference) >= 0
    assert divergence.kl(live=live, reference=live) == 0


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_the_intents_does_not_matter(
    pair: tuple[list[int], list[int]], shuffler: random.Random
) -> None:
    rows = list(zip(*pair, strict=True))
    shuffler.shuffle(rows)
    live, reference = (list(side) for side in zip(*rows, strict=True))
    shuffled = {"live": live, "reference": reference}
    straight = {"live": pair[0], "reference": pair[1]}

    assert divergence.kl(**shuffled) == pytest.approx(divergence.kl(**straight), abs=1e-12)
    assert divergence.g_test(**shuffled) == pytest.approx(divergence.g_test(**straight), rel=1e-6)


@given(PAIRS)
def test_the_g_test_asks_both_sides_alike_and_answers_with_a_chance(
    pair: tuple[list[int], list[int]],
) -> None:
    one, other = pair
    p_value = divergence.g_test(live=one, reference=other)

    assert 0 <= p_value <= 1
    assert divergence.g_test(live=other, reference=one) == pytest.approx(p_value, rel=1e-6)


def test_a_g_test_by_hand() -> None:
    """20 of 50 against 30 of 50: expected 25 each, so G = 2 (2 x 20 ln 0.8 + 2 x 30 ln 1.2).

    That is 2 (-8.9257 + 10.9393) = 4.0271, and chi-square of one degree exceeds it at 4.478 %.
    """
    p_value = divergence.g_test(live=[20, 30], reference=[30, 20])

    assert p_value == pytest.approx(0.04478, abs=1e-5)
    assert divergence.g_tests(live=[20, 30], reference=[30, 20]) == pytest.approx([p_value] * 2)


@pytest.mark.parametrize(
    ("live", "reference"),
    [([0, 0], [5, 5]), ([5, 5], [0, 0]), ([0, 0], [0, 0]), ([7, 0], [9, 0])],
    ids=["no logs", "no reference", "neither", "one intent alone"],
)
def test_where_nothing_can_differ_chance_explains_everything(
    live: list[int], reference: list[int]
) -> None:
    assert divergence.g_test(live=live, reference=reference) == 1.0
    assert divergence.g_tests(live=live, reference=reference).tolist() == [1.0, 1.0]


def test_an_intent_neither_side_has_changes_no_test() -> None:
    without = divergence.g_test(live=[10, 90], reference=[50, 50])
    with_it = divergence.g_test(live=[10, 0, 90], reference=[50, 0, 50])

    assert with_it == without


@pytest.mark.parametrize(
    ("k", "n", "m", "floor"),
    [
        (10, 225, None, 0.02),  # 9 / 450
        (10, 450, 450, 0.02),  # 4.5 (1/450 + 1/450)
        (2, 50, None, 0.01),
        (200, 1000, None, 0.0995),
        (1, 10, 10, 0.0),
        (10, 0, 100, math.inf),
        (10, 225, 0, 0.02),  # a reference of no size is taken as exact
    ],
)
def test_the_noise_floor_is_half_the_degrees_over_the_sizes(
    k: int, n: int, m: int | None, floor: float
) -> None:
    assert divergence.noise_floor(k=k, n=n, reference_n=m) == pytest.approx(floor)


@pytest.mark.parametrize("k", [2, 200])
@pytest.mark.parametrize("measured", [0.0, 1e-9, 0.02, 1.0, 7.0])
@pytest.mark.parametrize("n", [1, 30, 10**9])
def test_the_interval_of_a_divergence_never_begins_below_nothing_nor_ends_below_it(
    k: int, measured: float, n: int
) -> None:
    low, high = divergence.interval(measured, k=k, n=n, reference_n=1000)

    assert 0 <= low <= measured <= high
    assert math.isfinite(high)


def test_two_samples_of_one_mix_show_its_noise_floor_on_average() -> None:
    rng = np.random.default_rng(7)
    mix = np.array([0.4, 0.3, 0.2, 0.1])
    drawn = [
        divergence.kl(live=rng.multinomial(500, mix), reference=rng.multinomial(2000, mix))
        for _ in range(1500)
    ]

    assert np.mean(drawn) == pytest.approx(
        divergence.noise_floor(k=4, n=500, reference_n=2000), rel=0.1
    )


def counted(*latencies: float) -> windows.Counts:
    counts = np.zeros(windows.LATENCY_BINS, dtype=np.int64)
    np.add.at(counts, histogram.latency_bins(np.array(latencies)), 1)
    return counts


def test_the_bins_end_beyond_the_longest_latency_that_a_log_may_have() -> None:
    longest = histogram.latency_bins(np.array([600_000.0]))[0]

    assert windows.LATENCY_BINS - 2 <= longest < windows.LATENCY_BINS


@given(st.lists(st.floats(0, 600_000), min_size=2, max_size=50))
def test_a_longer_latency_never_falls_into_an_earlier_bin(values: list[float]) -> None:
    bins = histogram.latency_bins(np.array(sorted(values)))

    assert (np.diff(bins) >= 0).all()


@pytest.mark.parametrize(
    ("q", "rank"), [(0.0, 1), (0.01, 1), (0.25, 1), (0.26, 2), (0.5, 2), (0.75, 3), (1.0, 4)]
)
def test_a_quantile_is_the_value_of_the_rank_rounded_up(q: float, rank: int) -> None:
    """Of 1, 10, 100 and 1000 ms; the lowest rank there is is the first."""
    shown = histogram.quantile_ms(counted(1.0, 10.0, 100.0, 1000.0), q)

    assert shown == pytest.approx(10.0 ** (rank - 1), rel=windows.ALPHA)


def test_one_log_is_every_quantile() -> None:
    for q in (0.01, 0.5, 0.99):
        assert histogram.quantile_ms(counted(12.8), q) == pytest.approx(12.8, rel=windows.ALPHA)


def test_a_latency_of_nothing_is_nothing_and_no_logs_have_none() -> None:
    assert histogram.quantile_ms(counted(0.0, 0.0), 0.95) == 0.0
    assert histogram.quantile_ms(counted(), 0.95) is None


@given(st.lists(st.floats(1e-3, 600_000), min_size=1, max_size=40))
def test_quantiles_rise_with_their_rank(values: list[float]) -> None:
    counts = counted(*values)
    shown = [histogram.quantile_ms(counts, q / 10) or 0.0 for q in range(1, 11)]

    assert shown == sorted(shown)


@pytest.mark.parametrize("hundredths", range(100))
def test_a_confidence_of_whole_percents_falls_into_its_own_bin(hundredths: int) -> None:
    """0.29 and 0.57 times 100 are a hair under 29 and 57 in floating point."""
    assert histogram.confidence_bins(np.array([hundredths / 100]))[0] == hundredths


@given(st.floats(0, 1))
def test_a_confidence_has_a_bin_whatever_it_is(confidence: float) -> None:
    (place,) = histogram.confidence_bins(np.array([confidence])).tolist()

    assert 0 <= place < windows.CONFIDENCE_BINS
    assert place == pytest.approx(confidence * 100, abs=1 + 1e-6)


def confidences(*values: float) -> windows.Counts:
    counts = np.zeros(windows.CONFIDENCE_BINS, dtype=np.int64)
    np.add.at(counts, histogram.confidence_bins(np.array(values)), 1)
    return counts


def test_a_mean_of_two_values_by_hand() -> None:
    """0.405 and 0.605 lie in the middles of their bins: their deviation is 0.1414, the bins may
    hide sqrt(2) / 200 = 0.0071 more. Student's t of one degree is 12.706: half-width 1.334, cut at
    nothing and all.
    """
    assert mean.interval(confidences(0.405, 0.605), 0.505) == (0.0, 1.0)


def test_a_hundred_equal_values_are_known_to_what_their_bin_hides() -> None:
    """s is 0.005 sqrt(100/99) = 0.005025, t of 99 degrees 1.9842: half-width 0.000997."""
    low, high = mean.interval(confidences(*[0.805] * 100), 0.805)

    assert (low, high) == pytest.approx((0.804003, 0.805997), abs=1e-6)


@pytest.mark.parametrize("n", [0, 1])
def test_a_mean_of_fewer_than_two_has_no_interval(n: int) -> None:
    assert mean.interval(confidences(*[0.9] * n), 0.9) == (None, None)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_interval_of_means_stays_between_nothing_and_all(value: float) -> None:
    low, high = mean.interval(confidences(*[value] * 10), value)

    assert low is not None
    assert high is not None
    assert 0.0 <= low <= value <= high <= 1.0


def test_one_bet_by_hand() -> None:
    """One wrong label at a floor of 0.9 multiplies the bets' wealth by 1 + 9 b.

    b is 0.05, 0.1, 0.2, 0.4 and 0.7, so 1.45, 1.9, 2.8, 4.6 and 7.3: their mean is 3.61.
    """
    assert sequential.log10_e_value([0], [1.0], 0.9) == pytest.approx(math.log10(3.61))


LABELS = st.lists(st.booleans(), max_size=40)


@given(LABELS, LABELS)
def test_evidence_once_seen_stays_whatever_comes_later(
    first: list[bool], later: list[bool]
) -> None:
    def evidence(right: list[bool]) -> float:
        return sequential.log10_e_value(right, [1.0] * len(right), 0.9)

    assert evidence(first + later) >= evidence(first) - 1e-12


@given(LABELS, st.integers(0, 39))
def test_one_right_answer_turned_wrong_is_never_less_evidence(right: list[bool], at: int) -> None:
    wrong = [answer and i != at for i, answer in enumerate(right)]
    weights = [1.0] * len(right)

    evidence = sequential.log10_e_value(wrong, weights, 0.8)

    assert evidence >= sequential.log10_e_value(right, weights, 0.8) - 1e-12


@given(LABELS)
def test_labels_that_stand_for_nothing_are_no_evidence(right: list[bool]) -> None:
    assert sequential.log10_e_value(right, [0.0] * len(right), 0.9) == 0.0
