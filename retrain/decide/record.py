"""Pure. What a decision is remembered by: its reasons, its evidence as JSON, and the hashes that a
replay must give again.
"""

import dataclasses
import datetime as dt
import functools
import hashlib
import json
from collections.abc import Collection, Sequence
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
    """The arguments as JSON: a stored decision can be taken again from them. costs: what follows
    from them, for whoever reads the record. Whose labels are not believed stands there where
    anybody's are not.
    """
    evidence = {
        "model": model,
        "at": _plain(at),
        "verdicts": [_plain(verdict) for verdict in judged],
        "past": _plain(past),
        "costs": _plain(costs),
    }
    if aside:
        evidence["aside"] = [_plain(source) for source in aside]
    return evidence


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
    evidence: dict[str, Any],
    rules: policy.Policy,
    outcome: Sequence[str | None],
) -> str:
    """What a replay is compared by: evidence, policy and outcome."""
    body = {
        "evidence": evidence,
        "policy": rules.sha256,
        "outcome": outcome,
    }
    return _hashed(json.dumps(body, sort_keys=True))


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    names = _fields(value.__class__)
    if names:
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    return value


@functools.cache
def _fields(kind: type) -> tuple[str, ...]:
    """The names of a dataclass's fields; none of anything else. Asked of every figure of every hour
    of a replayed year.
    """
    if not dataclasses.is_dataclass(kind):
        return ()
    return tuple(each.name for each in dataclasses.fields(kind))
