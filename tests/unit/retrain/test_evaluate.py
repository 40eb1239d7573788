"""One evaluation: what is judged, what is only measured, and that the second changes nothing in the
first.
"""

import dataclasses

import builders
import numpy as np

from retrain.decide import evaluate, trigger
from retrain.decide.view import View
from retrain.evaluation import samples
from schemas import decisions, policy, runs, signals, slices, windows

RULES = policy.Policy()
REFERENCE = builders.reference(mean_confidence=0.9, script_counts={"latin": 1000})


def even(each: int) -> windows.Tally:
    """So many answers of every intent, one in twenty unsure, all in latin."""
    return builders.tally(
        each, low=each // 20, script_count=np.array([10 * each] + [0] * (len(slices.SCRIPTS) - 1))
    )


def known(reference: runs.Reference | None = REFERENCE) -> View:
    windows_of = {"1h": builders.window(even(200), "1h"), "1d": builders.window(even(600), "1d")}
    return View(builders.MODEL, builders.AT, windows_of, reference, samples.sample(()), {})


def test_what_a_rule_judges_is_not_measured_again() -> None:
    evaluation = evaluate.evaluate(known(), decisions.Past(), RULES)
    judged = {
        (v.signal.signal, v.signal.horizon)
        for v in evaluation.fresh
        if v.signal.signal in trigger.TRAFFIC
    }
    assert judged == {
        ("p95_latency_ms", "1h"),
        ("error_rate", "1h"),
        ("low_confidence_rate", "1d"),
        ("intent_mix_kl", "1d"),
    }
    measured = evaluation.measured
    assert not judged & {(s.signal, s.horizon) for s in measured if s.intent is None}
    assert {
        ("p95_latency_ms", "1d"),
        ("error_rate", "1d"),
        ("low_confidence_rate", "1h"),
        ("intent_mix_kl", "1h"),
    } <= {(s.signal, s.horizon) for s in measured if s.intent is None}
    keys = [(s.horizon, s.signal, s.intent) for s in measured]
    assert len(keys) == len(set(keys))
    assert all(s.n > 0 and s.value is not None for s in measured)


def test_an_hour_with_too_few_logs_leaves_the_judgement_to_the_day() -> None:
    few = dataclasses.replace(
        known(), windows={**known().windows, "1h": builders.window(even(40), "1h")}
    )
    judged = {
        v.signal.signal: v.signal.horizon
        for v in evaluate.evaluate(few, decisions.Past(), RULES).fresh
    }
    assert (judged["error_rate"], judged["p95_latency_ms"]) == ("1d", "1h")


def test_a_horizon_the_policy_moves_a_signal_to_is_judged_there() -> None:
    rules = policy.parse('[signals.error_rate]\nhorizon = "1d"\n')
    evaluation = evaluate.evaluate(known(), decisions.Past(), rules)
    measured = {(s.signal, s.horizon) for s in evaluation.measured if s.intent is None}
    assert ("error_rate", "1h") in measured
    assert ("error_rate", "1d") not in measured


def test_a_decision_rests_on_judged_signals_alone() -> None:
    """What is only measured may change, come or go: neither evidence nor hash does."""
    evaluation = evaluate.evaluate(known(), decisions.Past(), RULES)
    other = dataclasses.replace(REFERENCE, mean_confidence=0.2, script_counts={"japanese": 1000})
    changed = evaluate.evaluate(known(other), decisions.Past(), RULES)
    assert changed.measured != evaluation.measured
    assert changed.decision == evaluation.decision
    assert changed.evidence == evaluation.evidence
    # No earlier week is known to find anything missing or a spike in.
    of_earlier = {"data_missing", "escalation_spike", "fallback_spike"}
    everything = {signal.name for signal in signals.ALL}
    assert {reason.signal for reason in evaluation.decision.reasons} == everything - of_earlier
