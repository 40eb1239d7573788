"""The ruler of predictions against labels, by its properties: what holds of any confusion, any
confidences and any logits, and how candidate and champion compare at the ends.
"""

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.evaluation import calibration, comparison, confusion
from schemas import present

CHANCES = st.integers(0, 9_999).map(random.Random)

K = len(present.INTENTS)
FAQ, CHITCHAT, ESCALATION = (present.INDEX[name] for name in ("faq", "chitchat", "escalation"))
PAIRS = st.lists(st.tuples(st.integers(0, K - 1), st.integers(0, K - 1)), min_size=1, max_size=60)


def places(*numbers: int) -> confusion.Labels:
    return np.array(numbers, dtype=np.int64)


def columns(pairs: list[tuple[int, int]]) -> tuple[confusion.Labels, confusion.Labels]:
    labels, predicted = zip(*pairs, strict=True)
    return places(*labels), places(*predicted)


# Confusion


@given(PAIRS)
def test_a_confusion_counts_every_row_once(pairs: list[tuple[int, int]]) -> None:
    counts = confusion.matrix(*columns(pairs))

    assert counts.shape == (K, K)
    assert int(counts.sum()) == len(pairs)
    for meant, given_instead in pairs:
        assert counts[meant, given_instead] == pairs.count((meant, given_instead))


@given(PAIRS, PAIRS)
def test_the_confusions_of_two_sets_of_rows_add_up(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    together = confusion.matrix(*columns(one + other))

    assert (together == confusion.matrix(*columns(one)) + confusion.matrix(*columns(other))).all()


@given(PAIRS)
def test_accuracy_is_the_mean_of_the_recalls_by_their_support(
    pairs: list[tuple[int, int]],
) -> None:
    scores = confusion.scores(*columns(pairs))

    hits = [(scores.recall[name] or 0.0) * scores.support[name] for name in present.INTENTS]
    assert scores.n == sum(scores.support.values()) == len(pairs)
    assert scores.accuracy == pytest.approx(sum(hits) / len(pairs))


@given(PAIRS)
def test_every_score_is_a_ratio(pairs: list[tuple[int, int]]) -> None:
    scores = confusion.scores(*columns(pairs))

    ratios = [scores.accuracy, scores.macro_f1, scores.severity, scores.rare_recall or 0.0]
    ratios += [recall or 0.0 for recall in scores.recall.values()]
    assert all(0.0 <= ratio <= 1.0 for ratio in ratios)


@given(st.lists(st.integers(0, K - 1), min_size=1))
def test_a_model_that_is_always_right_has_full_marks_and_does_no_harm(labels: list[int]) -> None:
    scores = confusion.scores(places(*labels), places(*labels))

    assert (scores.accuracy, scores.macro_f1, scores.severity) == (1.0, 1.0, 0.0)


def test_a_right_route_does_no_harm_and_a_wrong_one_at_most_all() -> None:
    assert (np.diag(confusion.SEVERITY) == 0.0).all()
    assert confusion.SEVERITY.min() >= 0.0
    assert confusion.SEVERITY.max() <= 1.0
    off_diagonal = confusion.SEVERITY[~np.eye(K, dtype=bool)]
    assert (off_diagonal > 0.0).all()


def test_intents_are_places_in_the_order_of_the_taxonomy() -> None:
    assert confusion.places(present.INTENTS).tolist() == list(range(K))
    assert confusion.places([]).tolist() == []
    assert confusion.places(iter(["faq", "faq"])).tolist() == [FAQ, FAQ]


@pytest.mark.parametrize("name", ["", "FAQ", "faq ", "horoscope", "\u202efaq"])
def test_a_name_that_is_no_intent_has_no_place(name: str) -> None:
    with pytest.raises(KeyError):
        confusion.places(["faq", name])


def test_macro_f1_of_many_resamples_is_that_of_each() -> None:
    """Two resamples in one call: all right (1), and half of faq called chitchat (2 x 1 / 3)."""
    hits, labelled, predicted = (np.zeros((2, K)) for _ in range(3))
    hits[:, FAQ] = [2, 1]
    labelled[:, FAQ] = 2
    predicted[:, FAQ] = [2, 1]
    predicted[1, CHITCHAT] = 1

    both = confusion.macro_f1(hits, labelled, predicted)

    assert both.tolist() == [1.0, pytest.approx(2 / 3)]


def test_macro_f1_of_no_row_is_nothing() -> None:
    nothing = np.zeros(K)

    assert float(confusion.macro_f1(nothing, nothing, nothing)) == 0.0


# Candidate against champion


def compared(labels: confusion.Labels, old: Any, new: Any) -> dict[str, comparison.Difference]:
    groups = [f"g{i}" for i in range(len(labels))]
    return comparison.differences(labels, old, new, groups, seed=11)


def test_candidate_and_champion_exchanged_change_the_sign_of_every_difference() -> None:
    rng = np.random.default_rng(4)
    labels, one, other = (rng.integers(0, K, 120) for _ in range(3))

    forth, back = compared(labels, one, other), compared(labels, other, one)

    for name, difference in forth.items():
        assert back[name].value == pytest.approx(-difference.value), name
        assert back[name].low == pytest.approx(-difference.high), name
        assert back[name].high == pytest.approx(-difference.low), name


def test_one_row_has_a_difference_without_any_width() -> None:
    only = compared(places(FAQ), places(CHITCHAT), places(FAQ))

    assert set(only) == {"accuracy", "macro_f1", "recall:faq"}
    assert only["accuracy"] == comparison.Difference(value=1.0, low=1.0, high=1.0, n=1)


def test_rows_of_one_single_group_are_one_piece_of_evidence() -> None:
    """Every resample draws the whole group: there is nothing to vary, and no width that could be
    told.
    """
    labels = places(*[FAQ] * 10)
    old = places(*[FAQ] * 5, *[CHITCHAT] * 5)

    together = comparison.differences(labels, old, labels, ["same"] * 10, seed=1)

    assert together["accuracy"] == comparison.Difference(value=0.5, low=0.5, high=0.5, n=10)


def test_a_rare_intent_that_is_missing_in_some_resamples_still_has_a_recall() -> None:
    """One of thirty rows is an escalation: about a third of all resamples hold none, and say
    nothing of it.
    """
    labels = places(ESCALATION, *[FAQ] * 29)
    old = places(FAQ, *[FAQ] * 29)

    recall = compared(labels, old, labels)["recall:escalation"]

    assert recall == comparison.Difference(value=1.0, low=1.0, high=1.0, n=1)


@given(
    st.floats(-0.2, 0.2),
    st.floats(0.001, 0.2),
    st.integers(1, 100_000),
    st.floats(0.001, 0.05),
)
def test_how_many_more_rows_are_needed_is_a_count_and_none_where_the_margin_is_cleared(
    value: float, half: float, n: int, margin: float
) -> None:
    difference = comparison.Difference(value, value - half, value + half, n)

    needed = comparison.labels_needed(difference, margin)

    assert needed >= 0
    cleared = abs(value + margin) > half * 1.001
    assert not (cleared and needed)


# Calibration

CONFIDENCES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=80)


@given(CONFIDENCES, CHANCES)
def test_a_calibration_error_is_a_ratio_and_no_more_than_every_rows_own(
    confidences: list[float], chance: random.Random
) -> None:
    confidence = np.array(confidences)
    right = np.array([chance.random() < 0.5 for _ in confidences])

    error = calibration.ece(confidence, right)

    assert 0.0 <= error <= float(np.abs(right - confidence).mean()) + 1e-12


@pytest.mark.parametrize("confidence", [0.0, 0.5, 1.0])
def test_a_single_answer_is_off_by_its_own_doubt(confidence: float) -> None:
    one = np.array([confidence])

    assert calibration.ece(one, np.array([True])) == pytest.approx(1 - confidence)
    assert calibration.ece(one, np.array([False])) == pytest.approx(confidence)


@given(
    st.lists(st.tuples(st.sampled_from([0.5, 0.7, 0.9, 0.95]), st.booleans(), st.floats(1, 9))),
    CHANCES,
)
def test_no_order_of_the_rows_changes_a_bit(
    rows: list[tuple[float, bool, float]], chance: random.Random
) -> None:
    """Where confidences tie, as those of logs with two decimals do."""

    def figures(rows: list[tuple[float, bool, float]]) -> tuple[float, ...]:
        confidence, weight = (np.array([row[i] for row in rows]) for i in (0, 2))
        right = np.array([row[1] for row in rows], dtype=bool)
        return (
            calibration.ece(confidence, right),
            calibration.ece(confidence, right, weight),
            calibration.ece_floor(confidence, 3, weight),
        )

    shuffled = chance.sample(rows, len(rows))

    assert figures(shuffled) == figures(rows)


def test_a_row_of_weight_three_counts_like_three_rows() -> None:
    """0.9 right three times, 0.5 wrong once, each in bins of its own: (3 x 0.1 + 0.5) / 4 = 0.2."""
    confidence = np.array([0.9, 0.5])
    right = np.array([True, False])

    weighted = calibration.ece(confidence, right, np.array([3.0, 1.0]))

    assert weighted == pytest.approx(0.2)


@given(
    st.lists(st.tuples(st.sampled_from([0.3, 0.5, 0.9, 1.0]), st.booleans()), max_size=80),
    CHANCES,
)
def test_equal_confidences_are_of_one_bin_in_whatever_order_rows_come(
    answers: list[tuple[float, bool]], chance: random.Random
) -> None:
    """A producer that logs two decimals has many ties; by hand: each value's rows are one lump."""

    def error(rows: list[tuple[float, bool]]) -> float:
        confidence = np.array([each[0] for each in rows])
        return calibration.ece(confidence, np.array([each[1] for each in rows]))

    shuffled = chance.sample(answers, len(answers))

    assert error(shuffled) == error(answers)


@pytest.mark.parametrize("reverse", [False, True])
def test_five_hundred_answers_of_one_confidence_have_one_error(reverse: bool) -> None:
    """442 of 500 right at 0.90: 0.9 - 0.884 = 0.016, errors first or last."""
    right = np.repeat([True, False], [442, 58])

    error = calibration.ece(np.full(500, 0.9), right[::-1] if reverse else right)

    assert error == pytest.approx(0.016)


@given(st.floats(1e-6, 1e6))
def test_the_scale_of_the_weights_does_not_matter(scale: float) -> None:
    rng = np.random.default_rng(8)
    confidence, right, weight = rng.random(50), rng.random(50) < 0.5, rng.random(50) + 0.1

    error = calibration.ece(confidence, right, weight)

    assert calibration.ece(confidence, right, scale * weight) == pytest.approx(error)


def test_the_floor_is_drawn_alike_for_a_seed_and_is_nothing_for_a_model_that_is_always_sure() -> (
    None
):
    confidence = np.linspace(0.5, 1.0, 60)

    assert calibration.ece_floor(confidence, seed=4) == calibration.ece_floor(confidence, seed=4)
    assert calibration.ece_floor(confidence, seed=4) != calibration.ece_floor(confidence, seed=5)
    assert calibration.ece_floor(np.ones(60), seed=4) == 0.0
    assert calibration.ece_floor(np.array([]), seed=4) == 0.0


LOGITS = st.lists(st.lists(st.floats(-30, 30), min_size=3, max_size=3), min_size=1, max_size=10)


@given(LOGITS, st.floats(0.2, 5.0))
def test_probabilities_add_up_to_one_and_keep_the_order_of_the_logits(
    rows: list[list[float]], temperature: float
) -> None:
    logits = np.array(rows)

    probabilities = calibration.probabilities(logits, temperature)

    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(rows)))
    chosen = probabilities.argmax(axis=1)
    largest = logits[np.arange(len(rows)), chosen]
    assert largest == pytest.approx(logits.max(axis=1), abs=1e-9)


def test_a_higher_temperature_is_less_sure_and_an_enormous_logit_no_overflow() -> None:
    logits = np.array([[2.0, 0.0, 0.0]])
    sure, cool = (calibration.probabilities(logits, t)[0, 0] for t in (1.0, 4.0))

    assert cool < sure
    assert cool > 1 / 3
    assert calibration.probabilities(np.array([[1e5, 0.0]]), 1.0).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize(("right", "end"), [(True, -2.0), (False, 2.0)])
def test_the_temperature_stays_within_its_bounds_where_every_row_says_the_same(
    right: bool, end: float
) -> None:
    """All right: the surer the better, to the lower bound; all wrong: the less sure the better, to
    the upper.
    """
    logits = np.tile([3.0, 0.0], (50, 1))
    labels = places(*[0 if right else 1] * 50)

    assert math.log(calibration.temperature(logits, labels)) == pytest.approx(end, abs=1e-3)
