"""Whom to ask: a chance that depends on the message and never on anything else, that no message is
without, and that a budget is kept by.
"""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import present
from streams import sample

RATIOS = st.floats(0, 1)
RULES: dict[str, Any] = {"volume_per_day": 10_000, "budget_per_day": 500, "min_p": 0.002}


def choices(count: int, **more: Any) -> list[sample.Choice | None]:
    """What becomes of so many sure answers of a plain intent."""
    telling: dict[str, Any] = {"intent": "faq", "confidence": 0.99, "margin": 0.9, "novelty": 0.0}
    return [sample.choice(f"r{number}", **(telling | RULES | more)) for number in range(count)]


def asked(queue: str, count: int = 4000, **more: Any) -> int:
    return sum(choice is not None and choice.queue == queue for choice in choices(count, **more))


def test_the_lot_of_a_request_is_the_same_everywhere_and_for_ever() -> None:
    """Gateways of two versions side by side must draw alike. The sha256 of "measure:r1" begins with
    097ebde3, which is 0.03709 of ffffffff.
    """
    assert sample.uniform("r1", "measure") == pytest.approx(0.03709, abs=1e-5)


@given(st.text(), st.sampled_from(["measure", "train"]))
def test_a_lot_lies_between_nothing_and_all(req_id: str, purpose: str) -> None:
    assert 0 <= sample.uniform(req_id, purpose) < 1


def test_lots_are_even_and_those_of_the_two_queues_have_nothing_to_do_with_each_other() -> None:
    lots = np.array(
        [[sample.uniform(f"r{i}", queue) for queue in ("measure", "train")] for i in range(20_000)]
    )
    tenths = np.histogram(lots[:, 0], bins=10, range=(0, 1))[0]

    assert tenths.min() > 1_850
    assert tenths.max() < 2_150
    assert abs(np.corrcoef(lots.T)[0, 1]) < 0.03


@pytest.mark.parametrize(
    ("intent", "confidence", "weight"),
    [
        ("faq", 1.0, 1.0),
        ("faq", 0.96, 1.0),  # from here on all are sure alike
        ("faq", 0.9, 1.5),  # sqrt(0.09) / 0.2
        ("faq", 0.8, 2.0),
        ("faq", 0.5, 2.5),
        ("faq", 0.2, 2.0),  # surely wrong is as sure as surely right
        ("faq", 0.0, 1.0),
        ("escalation", 0.8, 6.0),
        ("promotion", 1.0, 3.0),
        ("checkout_help", 0.5, 7.5),
        # Critical, but common.
        ("order_tracking", 1.0, 1.0),
    ],
)
def test_unsure_answers_and_rare_intents_weigh_more(
    intent: str, confidence: float, weight: float
) -> None:
    assert sample.weight(intent, confidence) == pytest.approx(weight)


@pytest.mark.parametrize(("intent", "weight"), [("faq", 2.0), ("escalation", 6.0)])
def test_of_an_intent_of_which_labels_are_missing_twice_as_many_are_asked_about(
    intent: str, weight: float
) -> None:
    assert sample.weight(intent, 1.0, missing=True) == weight
    plain, missing = (
        {choice.p for choice in choices(4000, intent=intent, missing=is_missing) if choice}
        for is_missing in (False, True)
    )
    assert max(missing) == pytest.approx(2 * max(plain))


@given(st.sampled_from(present.INTENTS), RATIOS)
def test_no_message_weighs_more_than_seven_and_a_half_times_another(
    intent: str, confidence: float
) -> None:
    assert 1.0 <= sample.weight(intent, confidence) <= 7.5 + 1e-12


@pytest.mark.parametrize(
    ("budget", "volume", "min_p", "p"),
    [
        (350, 35_000, 0.002, 0.01),
        (350, 350, 0.002, 1.0),
        (350, 10, 0.002, 1.0),  # more budget than messages: all of them
        (350, 0, 0.002, 1.0),  # on its first day a shop has no volume yet
        (0, 35_000, 0.002, 0.002),  # no budget leaves the least chance
        (350, 1e12, 0.002, 0.002),
    ],
)
def test_a_chance_is_the_budgets_share_of_the_volume_within_its_bounds(
    budget: float, volume: float, min_p: float, p: float
) -> None:
    chance = sample.inclusion(1.6, 1.6, budget, volume, min_p)

    assert chance == pytest.approx(p)


@given(st.floats(0, 10), st.floats(0, 10), st.floats(0, 1e6), st.floats(0, 1e9))
def test_who_weighs_more_has_no_smaller_chance(
    light: float, heavy: float, budget: float, volume: float
) -> None:
    less, more = (
        sample.inclusion(weight, 1.6, budget, volume, 0.002) for weight in sorted((light, heavy))
    )

    assert 0.002 <= less <= more <= 1


@given(st.text(), st.sampled_from(present.INTENTS), RATIOS, RATIOS, RATIOS, st.booleans())
def test_whoever_is_chosen_has_a_chance_that_a_label_may_count_for(
    req_id: str, intent: str, confidence: float, margin: float, novelty: float, disputed: bool
) -> None:
    choice = sample.choice(req_id, intent, confidence, margin, novelty, disputed=disputed, **RULES)

    if choice is not None:
        assert choice.queue in ("measure", "train")
        assert 0.002 <= choice.p <= 1
        assert math.isfinite(1 / choice.p)


def test_with_more_budget_than_messages_every_one_is_measured() -> None:
    assert asked("measure", 200, volume_per_day=10) == 200


def test_without_a_budget_a_few_are_measured_all_the_same() -> None:
    assert 0 < asked("measure", 20_000, budget_per_day=0, min_p=0.002) < 100


@pytest.mark.parametrize(
    "telling", [{"confidence": 0.5}, {"margin": 0.0}, {"novelty": 1.0}, {"disputed": True}]
)
def test_what_teaches_most_changes_the_train_queue_alone(telling: dict[str, Any]) -> None:
    plain, interesting = asked("train"), asked("train", **telling)

    assert interesting > 2 * max(plain, 1)
    if "confidence" not in telling:
        # As many are measured as before: that queue must not look at what is interesting.
        assert asked("measure", **telling) == asked("measure")


def test_a_message_half_of_new_words_is_as_new_as_can_be() -> None:
    assert choices(2000, novelty=0.5) == choices(2000, novelty=1.0)
    assert choices(2000, novelty=0.5) != choices(2000, novelty=0.1)
