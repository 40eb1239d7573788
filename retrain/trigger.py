"""Pure. Verdicts and history -> a decision, with every reason and the cause it believes. Never acts: services.scheduler records, retrain.job runs.

A retrain needs evidence on quality AND evidence of drift, or a proven collapse alone. Latency and errors are never cured by retraining.
"""

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from schemas import decisions, policy, verdicts

Kind, Hold, Cause = decisions.Kind, decisions.HoldReason, decisions.Cause
Outcome = tuple[decisions.Kind, decisions.HoldReason | None, decisions.Cause | None]

QUALITY = ("live_accuracy", "rare_recall")
DRIFT = ("intent_mix_kl", "low_confidence_rate")
TRAFFIC = ("p95_latency_ms", "error_rate", *DRIFT)


def decision(found: Sequence[verdicts.Verdict], past: decisions.Past, rules: policy.Policy, *, model: str, at: dt.datetime) -> decisions.Decision:
    """Decide for one model at one instant. The same arguments give the same sha256 wherever this runs, in whatever order the verdicts come."""
    ordered = sorted(found, key=lambda v: v.signal.signal)
    kind, hold, cause = _permitted(_wanted(ordered, past, rules), past, rules, at)
    reasons = tuple(_reason(verdict) for verdict in ordered)
    identity = hashlib.sha256(f"{model}|{at.astimezone(dt.UTC).isoformat()}|{rules.sha256}".encode()).hexdigest()
    body = {"evidence": evidence(ordered, past, model=model, at=at), "policy": rules.sha256, "outcome": [kind, hold, cause]}
    sha256 = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return decisions.Decision(f"d_{identity[:16]}", at, model, kind, hold, cause, reasons, rules.sha256, sha256)


def evidence(found: Sequence[verdicts.Verdict], past: decisions.Past, *, model: str, at: dt.datetime) -> dict[str, Any]:
    """The arguments as JSON: a stored decision can be taken again from them."""
    return {"model": model, "at": _plain(at), "verdicts": [_plain(dataclasses.asdict(v)) for v in found], "past": _plain(dataclasses.asdict(past))}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value.astimezone(dt.UTC).isoformat() if isinstance(value, dt.datetime) else value


def _reason(verdict: verdicts.Verdict) -> decisions.Reason:
    s = verdict.signal
    return decisions.Reason(s.signal, s.value, verdict.limit, s.n, s.low, s.high, verdict.in_breach)


def _wanted(found: Sequence[verdicts.Verdict], past: decisions.Past, rules: policy.Policy) -> Outcome:
    """What the evidence asks for, were nothing in the way."""
    breached = {v.signal.signal for v in found if v.in_breach}
    if not found:
        return Kind.HOLD, Hold.STALE_WINDOWS, None
    if "error_rate" in breached:
        return Kind.FIX_UPSTREAM, None, Cause.PIPELINE
    quality, drift = breached & set(QUALITY), breached & set(DRIFT)
    if (quality or past.incidents) and drift:
        return Kind.RETRAIN, None, Cause.LANGUAGE
    if any(collapsed(v, rules.trigger.collapse_margin) for v in found):
        moving = any(v.signal.signal in DRIFT and v.verdict is verdicts.Level.BREACH for v in found)
        return Kind.RETRAIN, None, Cause.LANGUAGE if moving else Cause.UNKNOWN
    if drift == {"intent_mix_kl"}:
        return Kind.HOLD, Hold.MIX_ONLY, Cause.MIX
    if breached == {"p95_latency_ms"}:
        return Kind.HOLD, Hold.LATENCY_ONLY, None
    return Kind.HOLD, _calm(found, bool(breached)), None


def collapsed(verdict: verdicts.Verdict, margin: float) -> bool:
    """Live accuracy proven to lie more than `margin` under its reference: its whole interval does."""
    s = verdict.signal
    if s.signal != "live_accuracy" or not verdict.in_breach or s.high is None or s.reference is None:
        return False
    return s.high < s.reference - margin


def _calm(found: Sequence[verdicts.Verdict], breached: bool) -> decisions.HoldReason:
    levels = {v.signal.signal: v.verdict for v in found}
    if breached or verdicts.Level.WATCH in levels.values() or verdicts.Level.BREACH in levels.values():
        return Hold.WATCHING
    traffic = {levels[name] for name in TRAFFIC if name in levels}
    if traffic == {verdicts.Level.BLIND}:
        return Hold.TOO_FEW_LOGS
    if levels.get("live_accuracy") in (None, verdicts.Level.BLIND):
        return Hold.TOO_FEW_LABELS
    return Hold.HEALTHY


def _permitted(wanted: Outcome, past: decisions.Past, rules: policy.Policy, at: dt.datetime) -> Outcome:
    """A retrain that is wanted waits for the run in progress and for the cool-down; its cause stays named."""
    if wanted[0] is not Kind.RETRAIN:
        return wanted
    if past.run_in_progress:
        return Kind.HOLD, Hold.RUN_IN_PROGRESS, wanted[2]
    recent = [then for then in (past.last_retrain, past.promoted_at) if then is not None]
    if recent and at - max(recent) < dt.timedelta(hours=rules.trigger.cool_down_hours):
        return Kind.HOLD, Hold.COOLING_DOWN, wanted[2]
    return wanted
