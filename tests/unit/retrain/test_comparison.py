"""One ruler for predictions against labels, and two models on the same rows: tables small enough to
count.
"""

import math

import numpy as np
import pytest

from retrain.evaluation import calibration, comparison, confusion
from schemas import present

FAQ, ORDER, ESCALATION = (present.INDEX[name] for name in ("faq", "order_tracking", "escalation"))


def places(*numbers: int) -> confusion.Labels:
    return np.array(numbers, dtype=np.int64)


def severity(true: int, predicted: int) -> float:
    intents = present.TAXONOMY.intents
    return present.TAXONOMY.severity(intents[true], intents[predicted])


def test_scores_of_eight_rows_one_can_count() -> None:
    """faq 4: three right, one called order. order 3: two right, one called faq. escalation 1:
    called faq.
    """
    labels = places(FAQ, FAQ, FAQ, FAQ, ORDER, ORDER, ORDER, ESCALATION)
    predicted = places(FAQ, FAQ, FAQ, ORDER, ORDER, ORDER, FAQ, FAQ)
    scores = confusion.scores(labels, predicted)
    assert (scores.n, scores.accuracy) == (8, 5 / 8)
    assert (scores.recall["faq"], scores.recall["order_tracking"], scores.recall["escalation"]) == (
        3 / 4,
        pytest.approx(2 / 3),
        0.0,
    )
    assert (scores.recall["chitchat"], scores.support["chitchat"]) == (None, 0)
    assert scores.rare_recall == 0.0
    # F1 = 2 hits / (labelled + predicted): faq 6/9, order 4/6, escalation 0/1; intents without a
    # label do not count.
    assert scores.macro_f1 == pytest.approx((6 / 9 + 4 / 6 + 0) / 3)
    # one faq among the orders, one order among the faqs, one person nobody heard
    harm = severity(FAQ, ORDER) + severity(ORDER, FAQ) + 1.0
    assert scores.severity == pytest.approx(harm / 8)


def test_without_a_row_nothing_is_claimed() -> None:
    scores = confusion.scores(places(), places())
    assert (scores.n, scores.accuracy, scores.macro_f1, scores.rare_recall, scores.severity) == (
        0,
        0.0,
        0.0,
        None,
        0.0,
    )
    assert set(scores.recall.values()) == {None}


def test_an_intent_that_is_only_predicted_costs_the_others_and_is_none_of_the_mean() -> None:
    """All four are faq; one is called escalation, which nobody meant: F1 of faq is 6/7, and there
    is nothing else to average.
    """
    counts = confusion.matrix(places(*[FAQ] * 4), places(FAQ, FAQ, FAQ, ESCALATION))
    mean = confusion.macro_f1(np.diagonal(counts), counts.sum(1), counts.sum(0))
    assert float(mean) == pytest.approx(6 / 7)


def test_a_candidate_that_mends_ten_rows_of_a_hundred_is_ten_points_better() -> None:
    labels = places(*[FAQ] * 50, *[ORDER] * 50)
    champion = labels.copy()
    champion[:10] = ORDER
    differences = comparison.differences(
        labels, champion, labels, [f"g{i}" for i in range(100)], seed=1
    )
    assert set(differences) == {"accuracy", "macro_f1", "recall:faq", "recall:order_tracking"}
    assert (differences["accuracy"].value, differences["accuracy"].n) == (pytest.approx(0.10), 100)
    assert differences["accuracy"].low < 0.10 < differences["accuracy"].high
    assert differences["accuracy"].low > 0, "never worse on any row"
    assert (differences["recall:faq"].value, differences["recall:faq"].n) == (
        pytest.approx(0.2),
        50,
    )
    assert (
        differences["recall:order_tracking"].value,
        differences["recall:order_tracking"].low,
        differences["recall:order_tracking"].high,
    ) == (0.0, 0.0, 0.0)


def test_the_same_model_twice_differs_by_nothing_and_the_same_seed_says_the_same() -> None:
    rng = np.random.default_rng(3)
    labels, mine, other = (rng.integers(0, 10, 200) for _ in range(3))
    groups = [f"g{i // 2}" for i in range(200)]
    equal = comparison.differences(labels, mine, mine, groups, seed=7)
    assert {(each.value, each.low, each.high) for each in equal.values()} == {(0.0, 0.0, 0.0)}
    assert comparison.differences(labels, mine, other, groups, seed=7) == comparison.differences(
        labels, mine, other, groups, seed=7
    )


def test_rows_that_stand_and_fall_together_are_less_evidence_than_as_many_apart() -> None:
    labels = places(*[FAQ] * 200)
    champion, candidate = labels.copy(), labels.copy()
    champion[:40] = ORDER
    candidate[40:60] = ORDER
    apart = comparison.differences(
        labels, champion, candidate, [f"g{i}" for i in range(200)], seed=2
    )["accuracy"]
    together = comparison.differences(
        labels, champion, candidate, [f"g{i // 20}" for i in range(200)], seed=2
    )["accuracy"]
    assert apart.value == together.value == pytest.approx(0.1)
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_how_many_rows_would_decide_goes_with_the_square() -> None:
    """An interval of +-0.04 around -0.01 must shrink to 0.02 to clear a margin of 0.03: four times
    the rows, three times as many more.
    """
    unsure = comparison.Difference(-0.01, -0.05, 0.03, 400)
    assert comparison.labels_needed(unsure, 0.03) == pytest.approx(1200, abs=1)
    assert comparison.labels_needed(comparison.Difference(0.10, 0.08, 0.12, 400), 0.03) == 0, (
        "it is clear already"
    )
    assert comparison.labels_needed(comparison.Difference(-0.03, -0.05, -0.01, 400), 0.03) == 0, (
        "on the margin itself no number decides"
    )
    assert comparison.labels_needed(comparison.Difference(0.0, 0.0, 0.0, 400), 0.03) == 0


def test_a_temperature_makes_sure_answers_as_sure_as_they_are_right() -> None:
    """Logits of ln 9 against 0 say 90 %; three of four are right, which is ln 3: the temperature is
    ln 9 / ln 3 = 2.
    """
    logits = np.tile([math.log(9), 0.0], (400, 1))
    labels = places(*[0] * 300, *[1] * 100)
    temperature = calibration.temperature(logits, labels)
    assert temperature == pytest.approx(2.0, rel=1e-3)
    assert calibration.probabilities(logits, temperature)[0].tolist() == pytest.approx(
        [0.75, 0.25], abs=1e-3
    )
    assert calibration.temperature(np.zeros((0, 10)), places()) == 1.0


def test_the_calibration_error_of_bins_one_can_count() -> None:
    """Of 0.6 half are right, of 0.9 all: gaps 0.1 and 0.1, whichever rows come first."""
    confidence, right = np.array([0.6, 0.6, 0.9, 0.9]), np.array([True, False, True, True])
    assert calibration.ece(confidence, right) == pytest.approx(0.1)
    many = calibration.ece(
        np.repeat([0.6, 0.9], 1500),
        np.concatenate([np.arange(1500) % 2 == 0, np.ones(1500, dtype=bool)]),
    )
    assert many == pytest.approx(0.1)
    assert calibration.ece(np.array([]), np.array([], dtype=bool)) == 0.0


def test_chance_alone_shows_less_the_more_rows_there_are() -> None:
    few, many = (calibration.ece_floor(np.linspace(0.85, 0.95, n), seed=1) for n in (100, 10_000))
    assert 0.03 < few < 0.12
    assert many < few / 5


def test_rows_of_one_confidence_are_one_bin_with_the_floor_of_one_share() -> None:
    """A share of 0.9 of 100 is off by sqrt(2 / pi) sqrt(0.9 x 0.1 / 100) = 0.024 on average."""
    assert calibration.ece_floor(np.full(100, 0.9), seed=1) == pytest.approx(0.024, abs=0.003)
