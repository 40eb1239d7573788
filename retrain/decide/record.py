"""Pure. What a decision is remembered by: its reasons, its evidence as JSON, and the hashes that a
replay must give again.
"""

import dataclasses
import datetime as dt
import functools
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from schemas import decisions, policy, times, verdicts


def evidence(
    judged: Sequence[verdicts.Verdict],
    past: decisions.Past,
    *,
    model: str,
    at: dt.datetime,
    costs: decisions.Costs | None,
    aside: Sequence[decisions.Aside] = (),
) -> dict[str, Any]:
    """The arguments: a stored decision can be taken again from them. costs: what follows from them,
    for whoever reads the record. Whose labels are not believed stands there where anybody's are
    not.
    """
    evidence = {
        "model": model,
        "at": at,
        "verdicts": judged,
        "past": past,
        "costs": costs,
    }
    if aside:
        evidence["aside"] = [_source(source) for source in aside]
    return evidence


def _source(source: decisions.Aside) -> dict[str, Any]:
    """As JSON. That gold shows it is told where it does: records of before have no such key."""
    told = dataclasses.asdict(source)
    if not source.gold:
        del told["gold"]
    return told


def plain(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Evidence as JSON has it."""
    plain: dict[str, Any] = json.loads(json.dumps(evidence, default=_plain))
    return plain


def reasons(
    judged: Sequence[verdicts.Verdict],
    rules: policy.Trigger,
    by: Collection[str],
) -> tuple[decisions.Reason, ...]:
    """What the decision looked at. `by`: the signals that it rests on."""
    return tuple(_reason(verdict, rules, by) for verdict in judged)


def _reason(
    verdict: verdicts.Verdict,
    rules: policy.Trigger,
    by: Collection[str],
) -> decisions.Reason:
    signal = verdict.signal
    return decisions.Reason(
        signal.signal,
        signal.value,
        verdict.limit,
        signal.n,
        signal.low,
        signal.high,
        verdict.in_breach,
        rules.roles(signal.signal),
        times.rfc3339(verdict.since) if verdict.since else None,
        intents=verdict.intents,
        strata=verdict.strata,
        age_hours=signal.age_hours,
        decided=signal.signal in by,
        reference=signal.reference,
        labels_needed=verdict.labels_needed,
    )


def identity(model: str, at: dt.datetime, rules: policy.Policy) -> str:
    """The id of the one decision of a model at an instant under a policy."""
    return f"d_{_hashed(f'{model}|{_plain(at)}|{rules.sha256}')[:16]}"


def sha256(
    evidence: Mapping[str, Any],
    rules: policy.Policy,
    outcome: Sequence[str | None],
) -> str:
    """What a replay is compared by: evidence, policy and outcome."""
    body = {
        "evidence": evidence,
        "policy": rules.sha256,
        "outcome": outcome,
    }
    return _hashed(json.dumps(body, sort_keys=True, default=_plain))


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """What JSON has no word for: a time, a dataclass."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    return {name: getattr(value, name) for name in _fields(value.__class__)}


@functools.cache
def _fields(kind: type) -> tuple[str, ...]:
    """The names of a dataclass's fields. Asked of every figure of every hour of a replayed year."""
    return tuple(each.name for each in dataclasses.fields(kind))
