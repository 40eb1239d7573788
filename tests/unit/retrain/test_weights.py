"""Figures of labels that stand for unequal many messages: ratios by hand, their bounds, and what is
left of a small chance when many are looked at.
"""

import math
import random

import builders
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.evaluation import checks, samples, slices
from schemas import slices as kinds

DRAWN = st.integers(0, 9_999).map(random.Random)

FLOATS = st.floats(0.0, 1.0)
WEIGHTED = st.lists(st.tuples(FLOATS, st.floats(1.0, 10_000.0)), min_size=1, max_size=40)


def columns(rows: list[tuple[float, float]]) -> tuple[checks.Floats, checks.Floats]:
    values, weights = zip(*rows, strict=True)
    return np.array(values), np.array(weights)


# Hajek's ratio


def test_a_value_counts_as_often_as_its_weight_says() -> None:
    """(3 x 1 + 1 x 0) / 4 = 0.75. Residuals 3 x 0.25 and 1 x -0.75: half 1.96 x 1.0607 / 4."""
    value, half = checks.ratio(np.array([1.0, 0.0]), np.array([3.0, 1.0]))

    assert value == 0.75
    assert half == pytest.approx(1.959964 * math.sqrt(2 * 0.75**2) / 4)


def test_values_that_are_all_alike_have_no_width_whatever_their_weights() -> None:
    assert checks.ratio(np.full(3, 0.5), np.array([1.0, 7.0, 100.0])) == (0.5, 0.0)


@given(WEIGHTED)
def test_a_ratio_lies_between_the_least_and_the_largest_value(
    rows: list[tuple[float, float]],
) -> None:
    values, weights = columns(rows)

    value, half = checks.ratio(values, weights)

    assert values.min() - 1e-12 <= value <= values.max() + 1e-12
    assert half >= 0.0


@given(WEIGHTED, DRAWN)
def test_the_order_of_rows_changes_no_bit_of_a_ratio(
    rows: list[tuple[float, float]], chance: random.Random
) -> None:
    shuffled = chance.sample(rows, len(rows))

    assert checks.ratio(*columns(shuffled)) == checks.ratio(*columns(rows))


@given(WEIGHTED)
def test_a_share_and_its_interval_stay_within_nothing_and_all(
    rows: list[tuple[float, float]],
) -> None:
    share = checks.share("any", *columns(rows))

    assert share.low is not None
    assert share.high is not None
    assert 0.0 <= share.low <= share.value + 1e-12
    assert share.value - 1e-12 <= share.high <= 1.0
    assert share.n == len(rows)


# Figures of small samples


def figures(sampled: samples.Sample) -> dict[str, checks.Figure]:
    return {figure.name: figure for figure in checks.figures(sampled)}


def test_one_right_label_says_what_it_can_and_names_no_confusion() -> None:
    one = figures(builders.sample([True], confidence=0.9))

    assert set(one) == {"hajek_accuracy", "any_of_accuracy", "live_ece", "misroute_severity"}
    assert (one["hajek_accuracy"].value, one["hajek_accuracy"].n) == (1.0, 1)
    assert one["hajek_accuracy"].low == pytest.approx(0.2065, abs=1e-4)  # Wilson of one in one
    assert one["live_ece"].value == pytest.approx(0.1)
    assert one["misroute_severity"].value == 0.0


def test_one_wrong_label_is_all_the_harm_there_is() -> None:
    worst = figures(builders.sample([False]))["confusion_concentration"]

    assert (worst.value, worst.n, worst.intent) == (1.0, 1, "chitchat")


def test_messages_without_a_label_change_no_figure() -> None:
    labelled = builders.sample([True, False, True])
    waiting = builders.sample([True, False, True, None, None])

    assert checks.figures(waiting) == checks.figures(labelled)


def test_of_two_confusions_that_harm_alike_the_first_of_the_taxonomy_is_named() -> None:
    rows = [(builders.AT, "chitchat", 0.9, 0.5, "faq"), (builders.AT, "faq", 0.9, 0.5, "chitchat")]

    one, other = (figures(samples.sample(each)) for each in (rows, rows[::-1]))

    assert one["confusion_concentration"] == other["confusion_concentration"]
    assert one["confusion_concentration"].n == 2


# Slices at the edge of what may be said


def halves(inside: int, outside: int) -> samples.Sample:
    """So many rightly answered messages in Japanese, so many in Latin letters."""
    bits = [kinds.BITS["japanese"]] * inside + [kinds.BITS["latin"]] * outside
    return builders.sample([True] * (inside + outside), slices=bits)


@pytest.mark.parametrize(
    ("inside", "outside", "compared"),
    [(20, 20, True), (19, 200, False), (200, 19, False), (40, 0, False), (0, 40, False)],
)
def test_a_slice_needs_twenty_labels_and_as_many_to_be_compared_with(
    inside: int, outside: int, compared: bool
) -> None:
    names = {figure.name for figure in slices.figures(halves(inside, outside))}

    assert ("gap_japanese" in names) is compared
    assert ("accuracy_japanese" in names) is compared


def test_a_slice_as_good_as_the_rest_has_no_gap_and_no_surprise() -> None:
    gap = {figure.name: figure for figure in slices.figures(halves(30, 30))}["gap_japanese"]

    assert gap.value == pytest.approx(0.0, abs=1e-12)
    assert gap.p_value == 1.0


@pytest.mark.parametrize(
    ("inside", "outside", "confidence"), [(30, 900, 0.97), (500, 77, 0.61), (21, 700, 0.9)]
)
def test_what_rounding_leaves_of_answers_that_are_all_alike_is_no_gap(
    inside: int, outside: int, confidence: float
) -> None:
    """All right, all equally sure, asked about unequally often: the means of two such columns may
    differ by the last bit of a number, and that by more than their spread.
    """
    sampled = builders.sample(
        [True] * (inside + outside),
        confidence=confidence,
        p=[0.3] * inside + [0.7] * outside,
        slices=[kinds.BITS["japanese"]] * inside + [kinds.BITS["latin"]] * outside,
    )

    chances = [each.p_value for each in slices.figures(sampled) if each.name.startswith("gap_")]

    assert chances == [1.0, 1.0]


def test_a_slice_and_its_complement_have_gaps_of_opposite_sign() -> None:
    """Ten of forty Japanese messages wrong, of forty others none: 0.9 - 0.75 less 0.9 - 1."""
    bits = [kinds.BITS["japanese"]] * 40 + [kinds.BITS["latin"]] * 40
    sampled = builders.sample([False] * 10 + [True] * 70, slices=bits)

    by_name = {figure.name: figure for figure in slices.figures(sampled)}

    assert by_name["gap_japanese"].value == pytest.approx(0.25)
    assert by_name["gap_latin"].value == pytest.approx(-0.25)
    assert by_name["accuracy_japanese"].value == pytest.approx(0.75)


# Chances, corrected for how many are looked at

CHANCES = st.lists(FLOATS, max_size=30)


@given(CHANCES)
def test_no_correction_makes_a_chance_smaller_or_more_than_certain(chances: list[float]) -> None:
    corrected = slices.benjamini_hochberg(chances)

    assert len(corrected) == len(chances)
    for before, after in zip(chances, corrected, strict=True):
        assert before - 1e-12 <= after <= 1.0


@given(CHANCES)
def test_a_smaller_chance_stays_the_smaller_one(chances: list[float]) -> None:
    corrected = slices.benjamini_hochberg(chances)

    in_order = sorted(zip(chances, corrected, strict=True))
    assert [after for _, after in in_order] == sorted(after for _, after in in_order)


@given(CHANCES)
def test_chances_are_corrected_alike_whatever_their_order(chances: list[float]) -> None:
    assert slices.benjamini_hochberg(chances[::-1]) == slices.benjamini_hochberg(chances)[::-1]


def test_one_chance_alone_is_not_corrected_and_none_is_none() -> None:
    assert slices.benjamini_hochberg([0.03]) == [0.03]
    assert slices.benjamini_hochberg([]) == []


def test_the_smallest_of_four_is_multiplied_by_four_unless_the_next_says_better() -> None:
    """0.01 x 4 = 0.04, but 0.012 x 4 / 2 = 0.024 is less, and counts for both."""
    corrected = slices.benjamini_hochberg([0.01, 0.012, 0.5, 0.9])

    assert corrected == pytest.approx([0.024, 0.024, 0.5 * 4 / 3, 0.9])
