"""What one set of held-out rows says of a model, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.evaluation import calibration, confusion, validation
from schemas import present

K = confusion.K
FAQ, ORDER = present.INDEX["faq"], present.INDEX["order_tracking"]


def logits(*answers: tuple[int, float]) -> validation.Floats:
    """Rows that answer a place with a margin of so many logits over all others."""
    rows = np.zeros((len(answers), K))
    for row, (place, margin) in enumerate(answers):
        rows[row, place] = margin
    return rows


def told(labels: list[int], answers: list[tuple[int, float]], temperature: float = 1.0):  # type: ignore[no-untyped-def]
    texts = ["where is vol 3"] * len(labels)
    return validation.validation(
        np.array(labels, dtype=np.int64), logits(*answers), temperature, texts, seed=1
    )


SEEN = told([FAQ, FAQ, FAQ, ORDER], [(FAQ, 4), (FAQ, 3), (ORDER, 2), (ORDER, 5)])


def test_precision_recall_and_f1_of_each_intent_with_their_rows() -> None:
    faq = SEEN.by_intent[FAQ]
    assert (faq.n, faq.predicted, faq.precision) == (3, 2, 1.0)
    assert faq.recall == pytest.approx(2 / 3)
    assert faq.f1 == pytest.approx(0.8)
    assert faq.low is not None
    assert faq.low < 2 / 3 < (faq.high or 0)

    nobody = SEEN.by_intent[present.INDEX["escalation"]]
    assert (nobody.n, nobody.recall, nobody.precision, nobody.f1) == (0, None, None, None)


def test_what_is_taken_for_what_with_how_bad_that_is() -> None:
    (pair,) = SEEN.pairs
    assert (pair.meant, pair.given, pair.n) == ("faq", "order_tracking", 1)
    assert pair.severity == confusion.SEVERITY[FAQ, ORDER]
    assert SEEN.confusion[FAQ][ORDER] == 1
    assert sum(map(sum, SEEN.confusion)) == 4


def test_confidence_where_right_and_where_wrong() -> None:
    sure = calibration.probabilities(logits((ORDER, 2)), 1.0).max()
    assert SEEN.confidence_wrong == pytest.approx(sure)
    assert sum(SEEN.right) == 3
    assert sum(SEEN.wrong) == 1
    assert SEEN.wrong[int(sure * validation.STEPS)] == 1


def test_the_temperature_moves_the_confidence_and_no_answer() -> None:
    cooled = told([FAQ] * 30, [(FAQ, 4), (ORDER, 4)] * 15, temperature=2.0)
    assert cooled.reliability[0].confidence < cooled.reliability_before[0].confidence
    assert cooled.ece < cooled.ece_before


def test_slices_are_told_with_their_rows() -> None:
    assert {each.name: each.n for each in SEEN.slices} == {"latin": 4, "jargon": 4}
    assert SEEN.slices[0].accuracy == 0.75


def test_of_no_row_everything_is_empty_and_nothing_fails() -> None:
    nothing = validation.validation(np.zeros(0, dtype=np.int64), np.zeros((0, K)), 1.0, [], 1)
    assert (nothing.reliability, nothing.pairs, nothing.slices) == ((), (), ())
    assert (nothing.confidence_right, nothing.log_loss) == (None, 0.0)


def test_a_certain_mistake_costs_much_and_stays_a_number() -> None:
    sure = np.array([[1.0, 0.0]])
    assert np.isfinite(validation.log_loss(sure, np.array([1])))
    assert validation.log_loss(sure, np.array([0])) == pytest.approx(0.0)


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_every_row_is_in_one_bin_of_each_plot(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, answers = rng.integers(0, K, n), rng.normal(size=(n, K))
    seen = validation.validation(labels, answers, 0.7, ["hello"] * n, 1)

    assert sum(part.n for part in seen.reliability) == n
    assert sum(seen.right) + sum(seen.wrong) == n
    assert sum(each.n for each in seen.by_intent) == n
    for part in seen.reliability:
        assert part.low <= part.accuracy <= part.high
