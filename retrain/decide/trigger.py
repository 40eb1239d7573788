"""Pure. Verdicts and history -> a decision, with every reason and the cause it believes. Never
acts: services.scheduler records, retrain.train.job runs.

The rule is CLAUSES, asked in this order; which signals each looks at is data in the policy. A
retrain needs evidence on quality AND evidence of drift, or a proven collapse alone. Latency and
errors are never cured by retraining, a release that was bad from its first hour is rolled back, and
a mix that moved while the answers stay good only moves the reference.
"""

import dataclasses
import datetime as dt
import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from retrain.decide import economics
from schemas import decisions, policy, signals, verdicts, windows
from streams.stats import proportion

Kind, Hold, Cause, Level = decisions.Kind, decisions.HoldReason, decisions.Cause, verdicts.Level
Outcome = tuple[decisions.Kind, decisions.HoldReason | None, decisions.Cause | None]

TRAFFIC: Final = signals.in_role(signals.Role.TRAFFIC)
MIX: Final = signals.INTENT_MIX_KL.name
STARVED: Final = signals.LABEL_STARVED.name
RARE: Final = signals.RARE_RECALL.name
ACCURACY: Final = signals.LIVE_ACCURACY.name
RECENT: Final = signals.RECENT_ACCURACY.name
LATENCY: Final = signals.P95_LATENCY_MS.name


@dataclass(frozen=True, slots=True)
class Evidence:
    """What every clause looks at: the verdicts in the order of their names, what had happened
    before, the policy, the instant.
    """

    found: Sequence[verdicts.Verdict]
    past: decisions.Past
    rules: policy.Policy
    at: dt.datetime

    def breached(self, names: Sequence[str]) -> set[str]:
        """Which of these signals are in breach."""
        return {v.signal.signal for v in self.found if v.in_breach and not self.broken(v)} & set(
            names
        )

    def broken(self, verdict: verdicts.Verdict) -> bool:
        """Whether it is about drift and its window holds hours when something before the model was
        broken: that says nothing of people.
        """
        begins = verdict.signal.end - windows.HORIZONS[verdict.signal.horizon]
        return (
            verdict.signal.signal in self.rules.trigger.drift
            and self.past.last_fix is not None
            and begins < self.past.last_fix
        )

    def level(self, name: str) -> verdicts.Level:
        """How a signal stands; blind where nothing is known of it."""
        return next((v.verdict for v in self.found if v.signal.signal == name), Level.BLIND)


def decision(
    found: Sequence[verdicts.Verdict],
    past: decisions.Past,
    rules: policy.Policy,
    *,
    model: str,
    at: dt.datetime,
) -> decisions.Decision:
    """Decide for one model at one instant. The same arguments give the same sha256 wherever this
    runs, in whatever order the verdicts come.
    """
    ordered = sorted(found, key=lambda v: v.signal.signal)
    known = Evidence(ordered, past, rules, at)
    clause, outcome = wanted(known)
    kind, hold, cause = _permitted(outcome, known)
    reasons = tuple(_reason(verdict, rules.trigger) for verdict in ordered)
    identity = hashlib.sha256(
        f"{model}|{at.astimezone(dt.UTC).isoformat()}|{rules.sha256}".encode()
    ).hexdigest()
    body = {
        "evidence": evidence(ordered, past, model=model, at=at),
        "policy": rules.sha256,
        "outcome": [kind, hold, cause],
    }
    sha256 = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return decisions.Decision(
        f"d_{identity[:16]}", at, model, kind, hold, cause, reasons, rules.sha256, sha256, clause
    )


def evidence(
    found: Sequence[verdicts.Verdict], past: decisions.Past, *, model: str, at: dt.datetime
) -> dict[str, Any]:
    """The arguments as JSON: a stored decision can be taken again from them."""
    return {
        "model": model,
        "at": _plain(at),
        "verdicts": [_plain(v) for v in found],
        "past": _plain(past),
    }


def _plain(value: Any) -> Any:
    names = _fields(value.__class__)
    if names:
        return {name: _plain(getattr(value, name)) for name in names}
    return value.astimezone(dt.UTC).isoformat() if isinstance(value, dt.datetime) else value


@functools.cache
def _fields(kind: type) -> tuple[str, ...]:
    """The names of a dataclass's fields; none of anything else. Asked of every figure of every hour
    of a replayed year.
    """
    return (
        tuple(each.name for each in dataclasses.fields(kind))
        if dataclasses.is_dataclass(kind)
        else ()
    )


def _reason(verdict: verdicts.Verdict, rules: policy.Trigger) -> decisions.Reason:
    s = verdict.signal
    return decisions.Reason(
        s.signal,
        s.value,
        verdict.limit,
        s.n,
        s.low,
        s.high,
        verdict.in_breach,
        rules.roles(s.signal),
    )


def wanted(known: Evidence) -> tuple[decisions.Clause, Outcome]:
    """The first clause that has an answer, and what it asks for, were nothing in the way."""
    for clause in CLAUSES:
        outcome = clause(known)
        if outcome is not None:
            return decisions.Clause(clause.__name__), outcome
    raise AssertionError("calm() always has an answer")


def stale(known: Evidence) -> Outcome | None:
    """Nothing has been judged."""
    return None if known.found else (Kind.HOLD, Hold.STALE_WINDOWS, None)


def _released(known: Evidence) -> bool:
    """Whether the model serves for so short a time that it may be to blame."""
    since = known.past.promoted_at
    return since is not None and known.at - since <= dt.timedelta(
        hours=known.rules.trigger.release_hours
    )


def bad_release(known: Evidence) -> Outcome | None:
    """Bad ever since this model serves, and well under the one before: what changed is the model.
    Nobody goes back to one whose answers were bad.
    """
    if not _released(known) or set(known.past.ill_before) & set(known.rules.trigger.quality):
        return None
    new = known.breached(known.rules.trigger.release) & set(known.past.well_before) - set(
        known.past.well
    )
    if new == {RARE} and not any(_beyond_doubt(v) for v in known.found):
        return None
    return (Kind.ROLLBACK, None, Cause.BAD_RELEASE) if new else None


def _beyond_doubt(verdict: verdicts.Verdict) -> bool:
    """Recall of the rare intents lost by four standard errors. A new release has few labels of
    them, and they are looked at every hour.
    """
    s = verdict.signal
    if s.signal != RARE or s.value is None or s.high is None or s.reference is None:
        return False
    return s.value + 4 * (s.high - s.value) / proportion.Z95 < s.reference


def upstream(known: Evidence) -> Outcome | None:
    """Something before or around the model is broken; training on what it produces would make it
    worse.
    """
    return (
        (Kind.FIX_UPSTREAM, None, Cause.PIPELINE)
        if known.breached(known.rules.trigger.upstream)
        else None
    )


def drifted(known: Evidence) -> Outcome | None:
    """Worse answers, seen by labels or by the business, and messages that have changed."""
    quality = known.breached(known.rules.trigger.quality) or known.past.incidents
    return (
        (Kind.RETRAIN, None, Cause.LANGUAGE)
        if quality and known.breached(known.rules.trigger.drift)
        else None
    )


def collapse(known: Evidence) -> Outcome | None:
    """Accuracy lost by so much, in a week or a day, that no second witness is needed, and not back.
    With neither a release nor anything broken to blame it is the language: answers that are wrong
    and sure move no other signal.
    """
    lost = any(collapsed(v, known.rules.trigger.collapse_margin) for v in known.found)
    if not lost or known.level(RECENT) is Level.OK:  # a week that holds a bad day is no bad week
        return None
    doubtful = _released(known) and ACCURACY not in known.past.well
    return Kind.RETRAIN, None, Cause.UNKNOWN if doubtful else Cause.LANGUAGE


def mix_moved(known: Evidence) -> Outcome | None:
    """People ask for other things than before. Where labels show that the answers are as good, the
    reference is what has to move.
    """
    if known.breached(known.rules.trigger.drift) != {MIX}:
        return None
    if known.level(ACCURACY) is Level.OK and not known.breached(known.rules.trigger.quality):
        return Kind.REWEIGHT, None, Cause.MIX
    return Kind.HOLD, Hold.MIX_ONLY, Cause.MIX


def slow(known: Evidence) -> Outcome | None:
    """Slow answers, and nothing else that counts: for whoever runs the servers."""
    counts = known.breached((*known.rules.trigger.quality, *known.rules.trigger.drift))
    return (
        (Kind.HOLD, Hold.LATENCY_ONLY, None) if known.breached((LATENCY,)) and not counts else None
    )


def calm(known: Evidence) -> Outcome | None:
    """Nothing is to be done; why."""
    others = [v for v in known.found if v.signal.signal != STARVED]
    if any(v.in_breach or v.verdict in (Level.WATCH, Level.BREACH) for v in others):
        return Kind.HOLD, Hold.WATCHING, None
    if {v.verdict for v in known.found if v.signal.signal in TRAFFIC} == {Level.BLIND}:
        return Kind.HOLD, Hold.TOO_FEW_LOGS, None
    if known.level(ACCURACY) is Level.BLIND or known.breached((STARVED,)):
        return Kind.HOLD, Hold.TOO_FEW_LABELS, None
    return Kind.HOLD, Hold.HEALTHY, None


CLAUSES: Final[tuple[Callable[[Evidence], Outcome | None], ...]] = (
    stale,
    bad_release,
    upstream,
    drifted,
    collapse,
    mix_moved,
    slow,
    calm,
)


def collapsed(verdict: verdicts.Verdict, margin: float) -> bool:
    """Accuracy of the week or of the last day proven to lie more than `margin` under its reference:
    its whole interval does.
    """
    s = verdict.signal
    if (
        s.signal not in (ACCURACY, RECENT)
        or not verdict.in_breach
        or verdict.verdict is Level.BLIND
        or s.high is None
        or s.reference is None
    ):
        return False
    return s.high < s.reference - margin


def _permitted(outcome: Outcome, known: Evidence) -> Outcome:
    """What is wanted waits for the run in progress, for the cool-down, for a person's pause; its
    cause stays named.
    """
    kind, _, cause = outcome
    past, trigger = known.past, known.rules.trigger
    if kind is Kind.HOLD:
        return outcome
    if past.paused:
        return Kind.HOLD, Hold.PAUSED, cause
    cool_down = dt.timedelta(hours=trigger.cool_down_hours)
    if (
        kind is Kind.REWEIGHT
        and past.last_reweight is not None
        and known.at - past.last_reweight < cool_down
    ):
        return Kind.HOLD, Hold.MIX_ONLY, cause
    if kind is not Kind.RETRAIN:
        return outcome
    if past.run_in_progress:
        return Kind.HOLD, Hold.RUN_IN_PROGRESS, cause
    recent = [then for then in (past.last_retrain, past.promoted_at) if then is not None]
    if recent and known.at - max(recent) < cool_down:
        return Kind.HOLD, Hold.COOLING_DOWN, cause
    money = economics.costs(known.found, known.rules)
    worth = (
        money is None
        or ACCURACY not in known.breached(trigger.quality)
        or money.waiting >= money.retraining
    )
    return outcome if worth else (Kind.HOLD, Hold.NOT_WORTH_IT, cause)
