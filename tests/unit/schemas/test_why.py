"""Why a decision was taken: the clause in words, the numbers that decided, and no others."""

import dataclasses
from typing import Any

import builders
import pytest

from retrain.decide import trigger
from schemas import decisions, policy, signals, verdicts, why

Clause, Hold, Kind = decisions.Clause, decisions.HoldReason, decisions.Kind
Level = verdicts.Level
RULES = policy.Policy()


def decide(
    *judged: verdicts.Verdict,
    past: decisions.Past = decisions.Past(),  # noqa: B008 - frozen
) -> decisions.Decision:
    return trigger.decision(judged, past, RULES, model="v1", at=builders.AT)


def bad(name: str, value: float = 0.5, **more: Any) -> verdicts.Verdict:
    return builders.verdict(name, Level.BREACH, value=value, **more)


WELL = builders.verdict("live_accuracy")
SLOW = bad("p95_latency_ms", 42.9, limit=15.0)
LOST = bad("live_accuracy", 0.77, reference=0.92, low=0.75, high=0.79)
MOVED = bad("intent_mix_kl", 0.2, limit=0.028)
GRAVE = dataclasses.replace(bad("intent_recall_lost", 0.3, limit=0.1), level="grave")


def rests_on(*judged: verdicts.Verdict, **more: Any) -> tuple[decisions.Clause | None, list[str]]:
    taken = decide(*judged, **more)
    return taken.clause, [reason.signal for reason in why.deciding(taken)]


def test_each_clause_names_what_it_looked_at_and_no_more() -> None:
    """Whatever else is in breach beside it."""
    released = decisions.Past(promoted_at=builders.AT, well_before=("error_rate",))
    errors = bad("error_rate", 0.1, limit=0.005)
    assert rests_on() == (Clause.STALE, [])
    assert rests_on(errors, SLOW, past=released) == (Clause.BAD_RELEASE, ["error_rate"])
    assert rests_on(errors, LOST, SLOW) == (Clause.UPSTREAM, ["error_rate"])
    assert rests_on(MOVED, LOST, SLOW) == (Clause.DRIFTED, ["live_accuracy", "intent_mix_kl"])
    assert rests_on(LOST, SLOW) == (Clause.COLLAPSE, ["live_accuracy"])
    assert rests_on(WELL, GRAVE, SLOW) == (Clause.INTENT_LOST, ["intent_recall_lost"])
    assert rests_on(WELL, MOVED, SLOW) == (Clause.MIX_MOVED, ["intent_mix_kl"])
    assert rests_on(WELL, SLOW) == (Clause.SLOW, ["p95_latency_ms"])
    assert rests_on(WELL) == (Clause.CALM, [])


def test_what_is_only_watched_is_named_where_nothing_is_in_breach() -> None:
    watched = builders.verdict("rare_recall", Level.WATCH, value=0.84)
    spike = bad("escalation_spike", 0.06, limit=0.03)
    assert rests_on(WELL, watched) == (Clause.CALM, ["rare_recall"])
    assert rests_on(WELL, watched, spike) == (Clause.CALM, ["escalation_spike"])


def test_missing_labels_are_what_a_blind_hold_rests_on() -> None:
    blind = builders.verdict("live_accuracy", Level.BLIND, value=None)
    traffic = builders.verdict("p95_latency_ms", value=8.0)
    starved = bad("label_starved", 0.7, limit=0.5)
    assert rests_on(blind, traffic)[1] == ["live_accuracy"]
    assert rests_on(WELL, traffic, starved)[1] == ["label_starved"]
    none = builders.verdict("p95_latency_ms", Level.BLIND)
    assert decide(none).hold_reason is Hold.TOO_FEW_LOGS
    assert rests_on(none)[1] == ["p95_latency_ms"]


@pytest.mark.parametrize(
    ("past", "hold"),
    [
        (decisions.Past(paused=True), Hold.PAUSED),
        (decisions.Past(run_in_progress=True), Hold.RUN_IN_PROGRESS),
        (decisions.Past(last_retrain=builders.AT), Hold.COOLING_DOWN),
    ],
)
def test_what_holds_an_action_back_keeps_its_reasons(
    past: decisions.Past, hold: decisions.HoldReason
) -> None:
    taken = decide(LOST, MOVED, past=past)
    assert why.sentence(taken) == (
        f"Worse answers and changed messages together ask for a retrain: {why.HELD[hold]} ({hold})."
    )
    assert len(why.deciding(taken)) == 2


def test_every_hold_and_every_clause_has_its_words() -> None:
    assert set(why.HELD) == set(Hold)
    assert set(why.GROUNDS) == set(Clause)
    assert len(set(why.HELD.values())) == len(Hold)


def test_odds_come_after_what_people_know() -> None:
    odds = bad("accuracy_e_value", 12.0, limit=3.0)
    accuracy = builders.verdict("live_accuracy", Level.WATCH, value=0.89, reference=0.92)
    taken = decide(odds, accuracy, MOVED)
    assert [reason.signal for reason in why.deciding(taken)] == [
        "accuracy_e_value",
        "intent_mix_kl",
    ]
    assert next(reason.signal for reason in why.telling(taken)) == "live_accuracy"
    both = decide(odds, LOST, MOVED)
    assert [reason.signal for reason in why.telling(both)][:2] == [
        "live_accuracy",
        "accuracy_e_value",
    ]
    silent = decide(odds, builders.verdict("live_accuracy", Level.BLIND, value=None), MOVED)
    assert why.telling(silent) == why.deciding(silent)


@pytest.mark.parametrize("signal", signals.ALL, ids=lambda signal: signal.name)
def test_every_signal_has_its_evidence_in_words(signal: signals.Signal) -> None:
    reason = dataclasses.replace(builders.reason(signal.name, 0.25), reference=0.3)
    said = why.evidence(reason)
    assert f"n = 1,000 {signal.counted}" in said
    rates = ("low_confidence_rate", "unanswered_share")
    assert ("was " in said) is (signal.falls or signal.name in rates)
    assert why.short(reason).startswith(signal.words)


def test_the_cost_of_waiting_is_said_where_a_retrain_is_the_question() -> None:
    traffic = builders.verdict("low_confidence_rate", value=0.05, limit=0.08, n=5_000)
    assert "Waiting a week" in " ".join(why.lines(decide(LOST, MOVED, traffic)))
    assert "Waiting a week" not in " ".join(why.lines(decide(LOST, MOVED)))
    slow = decide(builders.verdict("live_accuracy", reference=0.97), SLOW, traffic)
    assert slow.costs is not None
    assert "Waiting a week" not in " ".join(why.lines(slow))
