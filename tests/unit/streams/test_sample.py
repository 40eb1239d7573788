"""The sample's promise: the stored probability is the one with which a message is chosen."""

from typing import Any

import pytest

from schemas import present
from streams import sample


@pytest.mark.parametrize(
    ("intent", "confidence"), [("faq", 0.95), ("faq", 0.5), ("escalation", 0.7)]
)
def test_the_frequency_of_inclusion_is_the_stored_probability(
    intent: str, confidence: float
) -> None:
    choices = [
        sample.choice(
            f"r{i}",
            intent,
            confidence,
            0.4,
            0.0,
            volume_per_day=20_000,
            budget_per_day=500,
            min_p=0.002,
        )
        for i in range(40_000)
    ]
    measured = [c for c in choices if c and c.queue == "measure"]
    p = sample.inclusion(sample.weight(intent, confidence), sample.MEAN_WEIGHT, 350, 20_000, 0.002)
    assert {c.p for c in measured} == {p}
    assert len(measured) == pytest.approx(40_000 * p, rel=0.1)


def test_every_request_keeps_a_chance_and_none_is_over_one() -> None:
    for intent in present.INTENTS:
        for volume in (1.0, 1e9):
            p = sample.inclusion(
                sample.weight(intent, 0.99), sample.MEAN_WEIGHT, 350, volume, 0.002
            )
            assert 0.002 <= p <= 1


def test_the_same_request_is_always_chosen_alike() -> None:
    def ask() -> list[sample.Choice | None]:
        return [
            sample.choice(
                f"r{i}", "faq", 0.8, 0.5, 0.0, volume_per_day=1000, budget_per_day=500, min_p=0.002
            )
            for i in range(100)
        ]

    assert ask() == ask()


@pytest.mark.parametrize(
    "telling",
    [{"confidence": 0.5, "margin": 0.4}, {"margin": 0.1}, {"novelty": 0.5}, {"disputed": True}],
    ids=["unsure", "close", "novel", "disputed"],
)
def test_unsure_close_novel_and_disputed_messages_are_trained_on_more(
    telling: dict[str, Any],
) -> None:
    def trained(
        confidence: float = 0.97,
        margin: float = 0.87,
        novelty: float = 0.0,
        *,
        disputed: bool = False,
    ) -> int:
        rules: dict[str, Any] = {"volume_per_day": 50_000, "budget_per_day": 500, "min_p": 0.002}
        choices = [
            sample.choice(f"r{i}", "faq", confidence, margin, novelty, disputed=disputed, **rules)
            for i in range(20_000)
        ]
        return sum(c is not None and c.queue == "train" for c in choices)

    assert trained(**telling) > 3 * trained()
