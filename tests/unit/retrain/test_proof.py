"""When a figure in breach is a witness of worse answers, and when it is none."""

import dataclasses

import builders
import pytest

from retrain.decide import proof, trigger
from schemas import decisions, policy, verdicts

Kind, Hold, Level = decisions.Kind, decisions.HoldReason, verdicts.Level
MOVED = builders.verdict("intent_mix_kl", Level.BREACH, value=0.2, limit=0.028)
UNSURE = builders.verdict("low_confidence_rise", Level.BREACH, value=0.08, limit=0.03)
WELL = builders.verdict("live_accuracy", value=0.95, reference=0.92)


def lost(
    name: str, high: float, n: int | None = 380, level: verdicts.Level = Level.BREACH
) -> verdicts.Verdict:
    """A figure that was 94.2 % of `n` held-out rows and is 90.4 %, known to `high`."""
    told = builders.verdict(name, level, value=0.904, high=high, reference=0.942, in_breach=True)
    return dataclasses.replace(told, signal=dataclasses.replace(told.signal, reference_n=n))


def decide(*judged: verdicts.Verdict, past: decisions.Past = decisions.Past()) -> decisions.Kind:  # noqa: B008 - frozen
    rules = policy.Policy()
    return trigger.decision([WELL, *judged], past, rules, model="v1", at=builders.AT).decision


@pytest.mark.parametrize("name", ["rare_recall", "mix_adjusted_accuracy"])
def test_beside_a_moved_mix_a_lucky_reference_is_no_second_witness(name: str) -> None:
    """3.8 points, of which its own error explains 1.2 and the reference's 1.4."""
    doubtful = lost(name, high=0.927)
    assert proof.may_be_flattered(doubtful)
    assert decide(doubtful, MOVED) is Kind.HOLD
    assert decide(doubtful, UNSURE) is Kind.RETRAIN
    assert decide(doubtful, MOVED, UNSURE) is Kind.RETRAIN

    of_many = lost(name, high=0.914, n=20_000)
    assert not proof.may_be_flattered(of_many)
    assert decide(of_many, MOVED) is Kind.RETRAIN


def test_two_doubtful_figures_of_the_same_labels_are_no_witness_either() -> None:
    both = lost("rare_recall", 0.927), lost("mix_adjusted_accuracy", 0.927)
    assert decide(*both, MOVED) is Kind.HOLD


def test_accuracy_of_all_messages_is_a_witness_as_it_is() -> None:
    all_of = lost("accuracy_e_value", 0.927)
    assert not proof.may_be_flattered(all_of)
    assert decide(all_of, MOVED) is Kind.RETRAIN


def test_an_incident_that_people_have_opened_stands_beside_a_moved_mix() -> None:
    doubtful = lost("rare_recall", high=0.927)
    opened = decisions.Past(incidents=1)
    assert decide(doubtful, MOVED, past=opened) is Kind.RETRAIN


@pytest.mark.parametrize("level", [Level.BLIND, Level.OK])
@pytest.mark.parametrize("moved", [MOVED, UNSURE])
def test_what_was_worse_once_and_is_not_seen_so_now_asks_for_nothing(
    level: verdicts.Level, moved: verdicts.Verdict
) -> None:
    """A breach that labels have stopped telling of, or that is too small to prove by now."""
    once = lost("rare_recall", 0.914, n=20_000, level=level)
    assert decide(once, moved) is Kind.HOLD
    assert decide(lost("rare_recall", 0.914, n=20_000, level=Level.WATCH), moved) is Kind.RETRAIN


def test_without_a_reference_the_policys_level_is_what_was_promised() -> None:
    told = builders.verdict("rare_recall", Level.BREACH, value=0.7, high=0.8, reference=None)
    assert not proof.may_be_flattered(told)
    assert decide(told, MOVED) is Kind.RETRAIN
