"""One evaluation: what is judged, what is only measured, and that the second changes nothing in the first."""

import dataclasses
import datetime as dt

import numpy as np

from retrain.decide import moment, trigger
from retrain.evaluation import live
from schemas import decisions, policy, present, runs, windows
from streams.stats import histogram

AT = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
RULES = policy.Policy()
REFERENCE = runs.Reference("v14", 1000, dict.fromkeys(present.INTENTS, 100), mean_confidence=0.9, script_counts={"latin": 1000})


def window(horizon: str, each: int) -> windows.Window:
    tally = windows.Tally(n=10 * each, intent_count=np.full(10, each, dtype=np.int64), intent_low=np.full(10, each // 20, dtype=np.int64))
    tally.script_count[0] = tally.n
    tally.latency_bins[histogram.latency_bins(np.array([8.0]))] = tally.n
    return windows.Window("v14", "champion", horizon, AT - windows.HORIZONS[horizon], AT, tally, complete=True)


def known(reference: runs.Reference | None = REFERENCE) -> moment.Moment:
    return moment.Moment("v14", AT, {"1h": window("1h", 200), "1d": window("1d", 600)}, reference, live.sample(()), {})


def test_what_a_rule_judges_is_not_measured_again() -> None:
    found = moment.evaluate(known(), {}, decisions.Past(), RULES)
    judged = {(v.signal.signal, v.signal.horizon) for v in found.fresh if v.signal.signal in trigger.TRAFFIC}
    assert judged == {("p95_latency_ms", "1h"), ("error_rate", "1h"), ("low_confidence_rate", "1d"), ("intent_mix_kl", "1d")}
    measured = moment.measured(known(), found.fresh)
    assert not judged & {(s.signal, s.horizon) for s in measured if s.intent is None}
    assert {("p95_latency_ms", "1d"), ("error_rate", "1d"), ("low_confidence_rate", "1h"), ("intent_mix_kl", "1h")} <= {
        (s.signal, s.horizon) for s in measured if s.intent is None
    }
    keys = [(s.horizon, s.signal, s.intent) for s in measured]
    assert len(keys) == len(set(keys))
    assert all(s.n > 0 and s.value is not None for s in measured)


def test_an_hour_with_too_few_logs_leaves_the_judgement_to_the_day() -> None:
    few = dataclasses.replace(known(), windows={"1h": window("1h", 40), "1d": window("1d", 600)})
    judged = {v.signal.signal: v.signal.horizon for v in moment.evaluate(few, {}, decisions.Past(), RULES).fresh}
    assert (judged["error_rate"], judged["p95_latency_ms"]) == ("1d", "1h")


def test_a_horizon_the_policy_moves_a_signal_to_is_judged_there() -> None:
    rules = policy.parse('[signals.error_rate]\nhorizon = "1d"\n')
    found = moment.evaluate(known(), {}, decisions.Past(), rules)
    measured = {(s.signal, s.horizon) for s in moment.measured(known(), found.fresh) if s.intent is None}
    assert ("error_rate", "1h") in measured
    assert ("error_rate", "1d") not in measured


def test_a_decision_rests_on_judged_signals_alone() -> None:
    """What is only measured may change, come or go: neither evidence nor hash does."""
    found = moment.evaluate(known(), {}, decisions.Past(), RULES)
    other = dataclasses.replace(REFERENCE, mean_confidence=0.2, script_counts={"japanese": 1000})
    changed = moment.evaluate(known(other), {}, decisions.Past(), RULES)
    assert moment.measured(known(other), changed.fresh) != moment.measured(known(), found.fresh)
    assert changed.decision == found.decision
    assert changed.evidence == found.evidence
    known_of = {"intent_mix_shift", "tokenizer_mismatch", "other_script_excess", "tokens_lost"}
    assert {reason.signal for reason in found.decision.reasons} == {*trigger.TRAFFIC, *known_of, *moment.LABELLED}
