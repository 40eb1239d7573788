"""By how much an intent's recall has fallen, in figures worked by hand: what the reference
promises, the loss with its interval, and how sure it is.
"""

import dataclasses
import math
from collections.abc import Sequence

import builders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.decide import recalls
from retrain.evaluation import live
from schemas import policy, present, runs
from streams.stats import proportion

RULE = policy.Policy().signals.intent_recall_lost
SHARES = st.floats(0.0, 1.0)
# Of nobody knows how many labels: its recalls are taken at their word.
REFERENCE = builders.reference(1_000, recall={"faq": 0.85, "promotion": 0.80})


def recall(
    intent: str,
    value: float | None = 0.55,
    n: int = 60,
    *,
    half: float = 0.10,
) -> live.Estimate:
    """Of one intent, known to `half` on either side."""
    low, high = (None, None) if value is None else (value - half, value + half)
    return live.Estimate("recall", intent, value, low, high, n, float(n), 1_000, value)


def names(losses: Sequence[recalls.Loss]) -> list[str]:
    return [loss.intent for loss in losses]


# What the reference promises


def test_a_figure_of_which_nobody_says_its_labels_is_taken_at_its_word() -> None:
    assert proportion.promise(0.9, None) == (0.9, 0.9, 0.9)
    assert proportion.promise(0.9, 0) == (0.9, 0.9, 0.9)


def test_ninety_of_a_hundred_promise_eighty_three_to_ninety_four_percent() -> None:
    """Wilson: centre (0.9 + 1.92 / 100) / 1.0384 = 0.8852, half 0.0594."""
    value, low, high = proportion.promise(0.9, 100)

    assert (value, low, high) == (
        pytest.approx(0.9),
        pytest.approx(0.8256, abs=1e-4),
        pytest.approx(0.9448, abs=1e-4),
    )


@given(SHARES, st.integers(1, 10_000))
def test_a_promise_lies_within_its_interval_and_that_within_nothing_and_all(
    value: float, n: int
) -> None:
    middle, low, high = proportion.promise(value, n)

    assert 0.0 <= low <= middle + 1e-12
    assert middle - 1e-12 <= high <= 1.0


@given(SHARES, st.integers(1, 1_000))
def test_a_hundred_times_the_labels_promise_more_narrowly(value: float, n: int) -> None:
    _, low, high = proportion.promise(value, n)
    _, lower, higher = proportion.promise(value, 100 * n)

    assert higher - lower < high - low


# The loss of one intent


def test_a_recall_of_55_percent_where_85_were_promised_has_lost_thirty_points() -> None:
    """The promise is exact, so the interval is that of the recall today: 0.10 on either side.
    Thirty points are three of these halves, 3 x 1.96 standard errors.
    """
    (loss, *_) = recalls.losses(REFERENCE, [recall("faq")], least=1)

    assert (loss.value, loss.low, loss.high) == (
        pytest.approx(0.30),
        pytest.approx(0.20),
        pytest.approx(0.40),
    )
    assert (loss.n, loss.then, loss.intent) == (60, 0.85, "faq")
    assert loss.z == pytest.approx(3 * 1.96, abs=1e-3)


def test_a_promise_of_few_labels_widens_the_interval_of_the_loss_on_both_sides() -> None:
    """A tenth of 1,000 labels are faq's, of which 85 % promise 0.767 to 0.907."""
    some = dataclasses.replace(REFERENCE, accuracy_n=1_000)
    loss = recalls.loss(some, recall("faq"), 0.85)

    _, low, high = proportion.promise(0.85, 100)
    assert loss.low == pytest.approx(0.30 - math.hypot(0.85 - low, 0.10))
    assert loss.high == pytest.approx(0.30 + math.hypot(high - 0.85, 0.10))
    assert loss.value == pytest.approx(0.30)


def test_a_recall_that_has_risen_is_a_loss_below_nothing() -> None:
    loss = recalls.loss(REFERENCE, recall("faq", 0.95, half=0.02), 0.85)

    assert loss.value == pytest.approx(-0.10)
    assert loss.z < 0
    assert loss.high < 0


def test_a_loss_without_any_width_is_sure_beyond_measure_and_still_a_number() -> None:
    exact = recalls.loss(REFERENCE, recall("faq", 0.55, half=0.0), 0.85)
    none = recalls.loss(REFERENCE, recall("faq", 0.85, half=0.0), 0.85)

    assert math.isfinite(exact.z)
    assert exact.z > 1e6
    assert none.z == pytest.approx(0.0)


@given(st.floats(0.0, 1.0), st.floats(0.01, 0.4), st.floats(0.01, 0.4))
def test_the_wider_the_interval_the_less_sure_is_the_same_loss(
    value: float, one: float, other: float
) -> None:
    narrow, wide = sorted((one, other))

    surer = recalls.loss(REFERENCE, recall("faq", value, half=narrow), 0.85)
    vaguer = recalls.loss(REFERENCE, recall("faq", value, half=wide), 0.85)

    assert abs(surer.z) >= abs(vaguer.z) - 1e-9


@pytest.mark.parametrize(("half", "is_proven"), [(0.10, True), (0.25, False)])
def test_twenty_eight_points_of_a_hundred_and_forty_four_labels_are_a_loss_among_ten_intents(
    half: float, is_proven: bool
) -> None:
    """Known to 11 points on either side, it is more than ten beyond any doubt; to 25, it may be
    three.
    """
    promised = builders.reference(300, accuracy_n=3_000)
    others = [recalls.loss(promised, recall(each, 0.9), 0.9) for each in present.INTENTS[1:]]
    lost = recalls.loss(promised, recall(present.INTENTS[0], 0.62, n=144, half=half), 0.9)
    assert lost.value == pytest.approx(0.28)

    proven = recalls.proven([lost, *others], RULE)

    assert names(proven) == ([present.INTENTS[0]] if is_proven else [])


# Which intents are looked at


def test_only_intents_that_both_the_reference_and_the_labels_know_are_compared() -> None:
    now = [recall("faq"), recall("promotion", None), recall("chitchat")]

    assert names(recalls.losses(REFERENCE, now, least=0)) == ["faq"]


@pytest.mark.parametrize(("least", "intents"), [(0, 2), (19, 2), (20, 1), (60, 1), (61, 0)])
def test_an_intent_needs_so_many_labels_the_limit_included(least: int, intents: int) -> None:
    now = [recall("faq", n=60), recall("promotion", n=19)]

    assert len(recalls.losses(REFERENCE, now, least=least)) == intents


@pytest.mark.parametrize(
    "before",
    [None, builders.reference(), builders.reference(recall={})],
    ids=["no reference", "no recalls", "recalls of no intent"],
)
def test_where_nothing_was_promised_nothing_is_lost(before: runs.Reference | None) -> None:
    assert recalls.losses(before, [recall("faq")], least=0) == []


def test_losses_come_in_the_order_of_the_labels_figures() -> None:
    every = dict.fromkeys(present.INTENTS, 0.9)
    before = dataclasses.replace(REFERENCE, recall=every)
    now = [recall(intent) for intent in reversed(present.INTENTS)]

    fallen = recalls.losses(before, now, least=1)
    assert names(fallen) == [*reversed(present.INTENTS)]
