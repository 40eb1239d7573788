"""Gates: paired, with a third verdict; missing evidence never passes."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from retrain.train import beaten, gate
from schemas import policy, present, runs

RULES = policy.Gates()
Verdict = runs.GateVerdict
SERVING = gate.Serving(4.0, 0.0, 1000, parity=True, agreement=0.99, parity_n=600)


def evidence(n: int = 2000, seed: int = 1) -> gate.Evidence:
    rng = np.random.default_rng(seed)
    return gate.Evidence(rng.integers(0, len(present.INTENTS), n), [f"g{i // 2}" for i in range(n)])


def answers(rows: gate.Evidence, accuracy: float, seed: int = 2) -> gate.Answers:
    rng = np.random.default_rng(seed)
    right = rng.random(len(rows.labels)) < accuracy
    predicted = np.where(right, rows.labels, (rows.labels + 1) % len(present.INTENTS))
    return gate.Answers(predicted, np.full(len(rows.labels), accuracy))


def by_name(report: tuple[runs.Gate, ...]) -> dict[str, runs.Gate]:
    return {g.gate: g for g in report}


def test_a_clearly_better_candidate_passes_every_gate() -> None:
    rows = evidence()
    report = gate.report(answers(rows, 0.93), answers(rows, 0.85, seed=3), rows, SERVING, RULES)
    assert gate.overall(report) is Verdict.PASS
    assert {f"recall:{intent}" for intent in present.CRITICAL} < by_name(report).keys()
    assert all(g.n > 0 for g in report)


def test_a_clearly_worse_one_fails() -> None:
    rows = evidence()
    report = gate.report(answers(rows, 0.80), answers(rows, 0.92, seed=3), rows, SERVING, RULES)
    assert by_name(report)["accuracy"].verdict is Verdict.FAIL
    assert gate.overall(report) is Verdict.FAIL


@pytest.mark.parametrize("champion", [None, 0.92])
def test_macro_f1_and_calibration_are_judged_by_themselves(champion: float | None) -> None:
    rows = evidence()
    right = answers(rows, 0.65)
    sure = gate.Answers(right.predicted, np.full(len(rows.labels), 0.99))
    before = answers(rows, champion, seed=3) if champion else None
    report = by_name(gate.report(sure, before, rows, SERVING, RULES))
    assert [report[name].verdict for name in ("macro_f1", "ece")] == [Verdict.FAIL, Verdict.FAIL]


def test_two_equal_models_on_few_rows_are_inconclusive_and_say_how_many_labels_are_missing() -> (
    None
):
    rows = evidence(300)
    accuracy = by_name(
        gate.report(answers(rows, 0.90), answers(rows, 0.90, seed=3), rows, SERVING, RULES)
    )["accuracy"]
    assert accuracy.verdict is Verdict.INCONCLUSIVE
    assert accuracy.note.startswith("label ")


def test_the_first_model_has_absolute_gates_and_the_record_says_so() -> None:
    rows = evidence()
    report = by_name(gate.report(answers(rows, 0.93), None, rows, SERVING, RULES))
    assert report["accuracy"].verdict is Verdict.PASS
    assert "no champion" in report["accuracy"].note
    assert (
        by_name(gate.report(answers(rows, 0.5), None, rows, SERVING, RULES))["accuracy"].verdict
        is Verdict.FAIL
    )


@pytest.mark.parametrize(
    ("change", "name", "verdict"),
    [
        ({"p95_latency_ms": None}, "p95_latency_ms", Verdict.INCONCLUSIVE),
        ({"p95_latency_ms": float("nan")}, "p95_latency_ms", Verdict.INCONCLUSIVE),
        ({"p95_latency_ms": 15.1}, "p95_latency_ms", Verdict.FAIL),
        ({"error_rate": 0.001}, "load_error_rate", Verdict.FAIL),
        ({"parity": None}, "parity", Verdict.INCONCLUSIVE),
        ({"parity": False}, "parity", Verdict.FAIL),
    ],
)
def test_missing_or_bad_serving_figures_never_pass(
    change: dict[str, Any], name: str, verdict: runs.GateVerdict
) -> None:
    rows = evidence()
    serving = dataclasses.replace(SERVING, **change)
    report = gate.report(answers(rows, 0.93), answers(rows, 0.85, seed=3), rows, serving, RULES)
    assert by_name(report)[name].verdict is verdict
    assert gate.overall(report) is verdict


def test_no_held_out_rows_are_inconclusive() -> None:
    rows = gate.Evidence(np.array([], dtype=np.int64), [])
    nothing = gate.Answers(np.array([], dtype=np.int64), np.array([]))
    assert gate.overall(gate.report(nothing, None, rows, SERVING, RULES)) is Verdict.INCONCLUSIVE


def test_a_critical_intent_without_a_row_in_some_part_makes_the_coverage_inconclusive() -> None:
    rows = dataclasses.replace(evidence(), lacking=(("val", "escalation"),))
    report = gate.report(answers(rows, 0.93), answers(rows, 0.85, seed=3), rows, SERVING, RULES)
    assert by_name(report)["coverage"].verdict is Verdict.INCONCLUSIVE
    assert gate.overall(report) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("linear", "verdict"), [(0.97, Verdict.FAIL), (0.93, Verdict.PASS), (0.85, Verdict.PASS)]
)
def test_a_candidate_worse_than_a_linear_model_fails_and_one_that_ties_does_not(
    linear: float, verdict: runs.GateVerdict
) -> None:
    rows = evidence()
    rival = beaten.Rival(answers(rows, linear, seed=4).predicted, np.zeros(2000, dtype=bool))
    rows = dataclasses.replace(rows, rival=rival)
    report = gate.report(answers(rows, 0.93), answers(rows, 0.85, seed=3), rows, SERVING, RULES)
    assert by_name(report)["linear"].verdict is verdict
    assert gate.overall(report) is verdict


def test_without_a_held_out_row_nobody_is_set_beside_the_candidate() -> None:
    empty = np.array([], dtype=np.int64)
    rows = gate.Evidence(empty, [], rival=beaten.Rival(empty, empty.astype(bool)))
    report = gate.report(gate.Answers(empty, np.array([])), None, rows, SERVING, RULES)
    assert "linear" not in by_name(report)


def test_a_critical_intent_that_loses_its_recall_fails() -> None:
    rows = evidence()
    champion, candidate = answers(rows, 0.9), answers(rows, 0.97, seed=3)
    escalation = present.INDEX["escalation"]
    predicted = candidate.predicted.copy()
    predicted[rows.labels == escalation] = present.INDEX["chitchat"]
    report = by_name(
        gate.report(gate.Answers(predicted, candidate.confidence), champion, rows, SERVING, RULES)
    )
    assert report["recall:escalation"].verdict is Verdict.FAIL
