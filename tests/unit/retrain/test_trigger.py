"""Verdicts to decisions: each clause of the rule has a named case, and the record of a decision is its identity."""

import dataclasses
import datetime as dt
import random

import pytest

from retrain import trigger
from schemas import decisions, policy, verdicts

AT = dt.datetime(2026, 4, 27, tzinfo=dt.UTC)
RULES = policy.Policy()
Kind, Hold, Cause, Level = decisions.Kind, decisions.HoldReason, decisions.Cause, verdicts.Level


def verdict(name: str, level: verdicts.Level = Level.OK, *, breach: bool | None = None, value: float = 0.5, high: float = 0.6) -> verdicts.Verdict:
    signal = verdicts.Signal("v14", "1d", AT, name, value, 1000, low=0.4, high=high, reference=0.92)
    return verdicts.Verdict(signal, level, 0.9, level is Level.BREACH if breach is None else breach)


def all_ok(**changed: verdicts.Level) -> list[verdicts.Verdict]:
    names = (*trigger.TRAFFIC, *trigger.QUALITY)
    return [verdict(name, changed.get(name, Level.OK), high=0.86) for name in names]


def decide(found: list[verdicts.Verdict], past: decisions.Past = decisions.Past()) -> decisions.Decision:  # noqa: B008 - frozen
    return trigger.decision(found, past, RULES, model="v14", at=AT)


CASES = {
    "nothing known": ([], Kind.HOLD, Hold.STALE_WINDOWS, None),
    "all well": (all_ok(), Kind.HOLD, Hold.HEALTHY, None),
    "a watch": (all_ok(intent_mix_kl=Level.WATCH), Kind.HOLD, Hold.WATCHING, None),
    "drift and accuracy": (all_ok(intent_mix_kl=Level.BREACH, live_accuracy=Level.BREACH), Kind.RETRAIN, None, Cause.LANGUAGE),
    "low confidence and rare recall": (all_ok(low_confidence_rate=Level.BREACH, rare_recall=Level.BREACH), Kind.RETRAIN, None, Cause.LANGUAGE),
    "the mix alone": (all_ok(intent_mix_kl=Level.BREACH), Kind.HOLD, Hold.MIX_ONLY, Cause.MIX),
    "accuracy alone, not collapsed": (all_ok(live_accuracy=Level.BREACH), Kind.HOLD, Hold.WATCHING, None),
    "confidence alone": (all_ok(low_confidence_rate=Level.BREACH), Kind.HOLD, Hold.WATCHING, None),
    "latency alone": (all_ok(p95_latency_ms=Level.BREACH), Kind.HOLD, Hold.LATENCY_ONLY, None),
    "errors": (all_ok(error_rate=Level.BREACH, live_accuracy=Level.BREACH), Kind.FIX_UPSTREAM, None, Cause.PIPELINE),
    "no label": (all_ok(live_accuracy=Level.BLIND), Kind.HOLD, Hold.TOO_FEW_LABELS, None),
    "no log": ([verdict(name, Level.BLIND) for name in trigger.TRAFFIC], Kind.HOLD, Hold.TOO_FEW_LOGS, None),
}


@pytest.mark.parametrize("case", CASES)
def test_each_kind_of_evidence_has_its_answer(case: str) -> None:
    found, *wanted = CASES[case]
    taken = decide(found)
    assert [taken.decision, taken.hold_reason, taken.cause] == wanted


def test_a_proven_collapse_needs_no_second_witness() -> None:
    found = [v for v in all_ok() if v.signal.signal != "live_accuracy"] + [verdict("live_accuracy", Level.BREACH, value=0.7, high=0.75)]
    assert decide(found).decision is Kind.RETRAIN


def test_a_business_incident_counts_as_evidence_on_quality() -> None:
    found = all_ok(low_confidence_rate=Level.BREACH)
    assert decide(found, decisions.Past(incidents=1)).decision is Kind.RETRAIN


@pytest.mark.parametrize(
    ("past", "hold"),
    [
        (decisions.Past(run_in_progress=True), Hold.RUN_IN_PROGRESS),
        (decisions.Past(last_retrain=AT - dt.timedelta(hours=71)), Hold.COOLING_DOWN),
        (decisions.Past(promoted_at=AT - dt.timedelta(hours=1)), Hold.COOLING_DOWN),
        (decisions.Past(last_retrain=AT - dt.timedelta(hours=73)), None),
    ],
)
def test_a_retrain_waits_and_keeps_its_cause(past: decisions.Past, hold: decisions.HoldReason | None) -> None:
    taken = decide(all_ok(intent_mix_kl=Level.BREACH, live_accuracy=Level.BREACH), past)
    assert taken.hold_reason is hold
    assert taken.cause is Cause.LANGUAGE


def test_every_signal_is_a_reason_with_its_numbers() -> None:
    taken = decide(all_ok(intent_mix_kl=Level.BREACH, live_accuracy=Level.BREACH))
    assert [r.signal for r in taken.reasons] == sorted((*trigger.TRAFFIC, *trigger.QUALITY))
    assert {r.signal for r in taken.reasons if r.breached} == {"intent_mix_kl", "live_accuracy"}
    assert all(r.n == 1000 for r in taken.reasons)


def test_the_hash_is_of_the_evidence_not_of_its_order_or_zone() -> None:
    found = all_ok(intent_mix_kl=Level.BREACH)
    shuffled = random.Random(1).sample(found, len(found))
    tokyo = dt.timezone(dt.timedelta(hours=9))
    same = trigger.decision(shuffled, decisions.Past(), RULES, model="v14", at=AT.astimezone(tokyo))
    assert (same.id, same.sha256) == (decide(found).id, decide(found).sha256)


def test_one_count_one_threshold_or_the_past_change_the_hash() -> None:
    found = all_ok()
    changed = [dataclasses.replace(found[0], signal=dataclasses.replace(found[0].signal, n=1001)), *found[1:]]
    hashes = {decide(found).sha256, decide(changed).sha256, decide(found, decisions.Past(incidents=1)).sha256}
    hashes.add(trigger.decision(found, decisions.Past(), policy.parse("[labels]\nmin_p = 0.003"), model="v14", at=AT).sha256)
    assert len(hashes) == 4
