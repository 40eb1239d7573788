"""What a candidate is set beside: figures that one can count, and how each stands."""

import numpy as np
import pytest

from retrain.evaluation import baseline, confusion
from schemas import checks, present

K = len(present.INTENTS)
FAQ, CHITCHAT, ESCALATION = (present.INDEX[name] for name in ("faq", "chitchat", "escalation"))
Level, Range = checks.Level, checks.Range


def places(*numbers: int) -> confusion.Labels:
    return np.array(numbers, dtype=np.int64)


def certain(*answered: int, confidence: float = 1.0) -> baseline.Floats:
    """Probabilities that leave the rest to all intents alike."""
    return confidence * np.eye(K)[list(answered)] + (1 - confidence) / K


def test_a_baseline_is_measured_by_the_ruler_of_the_candidate() -> None:
    """faq 3: two right, one called escalation. escalation 1: right. Each at 0.9 + 0.1 / 10."""
    labels = places(FAQ, FAQ, FAQ, ESCALATION)
    said = certain(FAQ, FAQ, ESCALATION, ESCALATION, confidence=0.9)

    told = baseline.baseline("linear", labels, said, 120, 0.5)

    assert (told.n, told.trained, told.seconds) == (4, 120, 0.5)
    assert (told.accuracy, told.rare_recall) == (0.75, 1.0)
    assert told.macro_f1 == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert told.ece == pytest.approx(0.91 - 0.75)


def test_without_a_rare_row_nothing_is_said_of_rare_intents() -> None:
    assert baseline.baseline("linear", places(FAQ), certain(FAQ), 1, 0.0).rare_recall is None
    assert baseline.out_of_fold(places(FAQ), certain(FAQ)) is None


def test_the_most_frequent_intent_is_as_likely_as_it_was_in_training() -> None:
    said = baseline.majority(places(FAQ, FAQ, FAQ, CHITCHAT), 2)

    assert said.shape == (2, K)
    assert said.argmax(1).tolist() == [FAQ, FAQ]
    told = baseline.baseline("majority", places(FAQ, CHITCHAT), said, 4, 0.0)
    assert (told.accuracy, told.ece) == (0.5, 0.25)


def test_of_no_row_that_trains_nothing_is_likely() -> None:
    assert baseline.majority(places(), 1).tolist() == [[0.0] * K]


def test_out_of_fold_counts_rare_rows_alone() -> None:
    """Of two escalations one is right; what becomes of faq does not count."""
    labels = places(ESCALATION, ESCALATION, FAQ)

    assert baseline.out_of_fold(labels, certain(ESCALATION, FAQ, CHITCHAT)) == baseline.OutOfFold(
        0.5, 2
    )


def scores(*predicted: int) -> confusion.Scores:
    """Of a candidate on three faq and an escalation."""
    return confusion.scores(places(FAQ, FAQ, FAQ, ESCALATION), places(*predicted))


def judged(told: baseline.Baseline, candidate: confusion.Scores) -> dict[str, checks.Check]:
    return {each.name: each for each in baseline.checks([told], candidate)}


def test_a_baseline_that_is_better_than_the_candidate_is_watched() -> None:
    """Three of four against two; of the escalation both know as much."""
    labels = places(FAQ, FAQ, FAQ, ESCALATION)
    told = baseline.baseline("linear", labels, certain(FAQ, FAQ, CHITCHAT, ESCALATION), 9, 0.0)

    by_name = judged(told, scores(FAQ, CHITCHAT, CHITCHAT, ESCALATION))

    assert list(by_name) == ["accuracy:linear", "macro_f1:linear", "rare_recall:linear"]
    accuracy, rare = by_name["accuracy:linear"], by_name["rare_recall:linear"]
    assert (accuracy.stage, accuracy.value, accuracy.n) == (checks.Stage.VALIDATION, 0.75, 4)
    assert (accuracy.healthy, accuracy.level) == (Range(most=0.5), Level.WATCH)
    assert "without a fine-tune" in accuracy.remedy
    assert (rare.value, rare.n, rare.level) == (1.0, 1, Level.OK)


def test_rare_recall_out_of_fold_has_its_own_rows_and_interval() -> None:
    apart = baseline.OutOfFold(0.5, 2)
    told = baseline.baseline("encoder", places(FAQ), certain(FAQ), 9, 0.0, apart)

    check = judged(told, scores(FAQ, FAQ, FAQ, ESCALATION))["rare_recall_out_of_fold:encoder"]

    assert (check.value, check.n, check.level) == (0.5, 2, Level.OK)
    # Wilson of 1 in 2
    assert (check.low, check.high) == (
        pytest.approx(0.0945, abs=1e-4),
        pytest.approx(0.9055, abs=1e-4),
    )
