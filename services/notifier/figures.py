"""Pure. A signal or a gate as words: value, limit, n and 95 % interval, ratios as percent. Never a
number without its n.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from schemas import decisions, runs, signals
from services import units
from services.notifier import limits

Clause, Role = decisions.Clause, signals.Role
_GATES: Final = 16  # lines of one message

_NAMES_OF_GATES: Final = {
    "macro_f1": "macro F1",
    "load_error_rate": "errors under load",
    "p95_latency_ms": "p95 latency",
    "ece": "calibration error",
}
# What a clause of the rule asks for, and on what grounds.
_GROUNDS: Final = {
    Clause.STALE: "Nothing was judged.",
    Clause.BAD_RELEASE: "Bad ever since this model serves, and well under the one before.",
    Clause.UPSTREAM: "Something before or around the model is broken; no training cures it.",
    Clause.COLLAPSE: "A collapse of accuracy asks for a retrain alone.",
    Clause.MIX_MOVED: "The mix of intents alone has moved.",
    Clause.SLOW: "Slow answers, and nothing else that counts.",
    Clause.CALM: "No clause of the rule asks for anything.",
}


def amount(reason: decisions.Reason, value: float) -> str:
    """A figure of a signal with its unit."""
    return units.amount(signals.of(reason.signal).unit, value)


def limit(reason: decisions.Reason) -> str:
    """A signal's limit with its direction."""
    direction = "at least" if signals.of(reason.signal).falls else "at most"
    return f"{direction} {amount(reason, reason.limit)}"


def counted(reason: decisions.Reason) -> str:
    """How much was looked at: labels or logs."""
    return f"n = {reason.n:,} {signals.of(reason.signal).counted}"


def short(reason: decisions.Reason) -> str:
    """A signal in one breath, for the header."""
    value = "no value" if reason.value is None else amount(reason, reason.value)
    words = signals.of(reason.signal).words
    return f"{words} {value} (limit {amount(reason, reason.limit)}, n = {reason.n:,})"


def field(reason: decisions.Reason) -> str:
    """A signal as a field: name and verdict, value and limit, n and interval."""
    value = "no value yet" if reason.value is None else amount(reason, reason.value)
    interval = "no interval"
    if reason.low is not None and reason.high is not None:
        interval = f"95 % interval {amount(reason, reason.low)} to {amount(reason, reason.high)}"
    name = limits.escape(signals.of(reason.signal).words)
    head = f"*{name[:1].upper()}{name[1:]}*: {_state(reason)}"
    return f"{head}\n{value}, limit {limit(reason)}\n{counted(reason)}, {interval}"


def _state(reason: decisions.Reason) -> str:
    if reason.value is None:
        return "no value" + (", BREACH since before" if reason.breached else "")
    beyond = signals.of(reason.signal).beyond(reason.value, reason.limit)
    if reason.breached:
        return "BREACH" if beyond else "BREACH, recovering"
    return _not_yet(reason) or "within limit"


def _not_yet(reason: decisions.Reason) -> str:
    """Why a value that is beyond its limit does not count; empty for all others."""
    signal = signals.of(reason.signal)
    if reason.breached or reason.value is None or not signal.beyond(reason.value, reason.limit):
        return ""
    nearest = reason.high if signal.falls else reason.low
    surely = nearest is None or signal.beyond(nearest, reason.limit)
    return f"{signal.bad} its limit, not {'for long enough to count' if surely else 'surely'}"


def grounds(decision: decisions.Decision) -> Iterator[str]:
    """What is in breach, a line each; the others in one; and the rule they make together under the
    policy in force.
    """
    breached = [reason for reason in decision.reasons if reason.breached]
    for reason in breached:
        yield f"• {_words(reason)} is in breach (limit {limit(reason)})"
    others = [reason for reason in decision.reasons if not reason.breached]
    if others:
        which, are = (
            "other " if breached else "",
            "signal is" if len(others) == 1 else "signals are",
        )
        yield f"• {len(others)} {which}{are} not in breach: {', '.join(map(_calm, others))}"
    if decision.clause is None:  # recorded before decisions named their clause
        return
    roles = {role for reason in decision.reasons if reason.breached for role in reason.roles}
    rule = f"Loss of quality: {_yes(Role.QUALITY in roles)}. Drift: {_yes(Role.DRIFT in roles)}."
    if decision.clause is Clause.DRIFTED:
        witness = (
            "Both together ask"
            if Role.QUALITY in roles
            else "With an open business incident it asks"
        )
        rule += f" {witness} for a retrain."
    else:
        rule += f" {_GROUNDS[decision.clause]}"
    yield rule + (f" Held: {decision.hold_reason}." if decision.hold_reason else "")


def _words(reason: decisions.Reason) -> str:
    return limits.escape(signals.of(reason.signal).words)


def _calm(reason: decisions.Reason) -> str:
    """A signal that is not in breach, with why where one might ask."""
    why = _not_yet(reason)
    return f"{_words(reason)} ({why})" if why else _words(reason)


def _yes(true: bool) -> str:
    return "*yes*" if true else "no"


def _gate_amount(gate: runs.Gate, value: float) -> str:
    """A figure of a gate: latency in milliseconds, all others are ratios."""
    return units.ms(value) if gate.gate.endswith("_ms") else units.percent(value)


def gates_short(gates: Sequence[runs.Gate]) -> str:
    """Gates in one breath, for the header."""
    return (
        ", ".join(f"{_gate_name(gate)} {_against(gate)} (n = {gate.n:,})" for gate in gates)
        or "no gate was measured (n = 0)"
    )


def gate_lines(gates: Sequence[runs.Gate]) -> Iterator[str]:
    """A line a gate, those that do not pass first; of many, as a taxonomy with many critical
    intents has them, how many more there are.
    """
    ordered = sorted(gates, key=lambda gate: gate.verdict is runs.GateVerdict.PASS)
    yield from map(gate_line, ordered[:_GATES])
    if len(ordered) > _GATES:
        yield f"… and {len(ordered) - _GATES} more: `python -m services.show runs --json`"


def gate_line(gate: runs.Gate) -> str:
    """A gate with its verdict, both models' values, n and interval."""
    note = f"; {limits.escape(gate.note)}" if gate.note else ""
    return f"• *{gate.verdict}*: {limits.escape(_gate_name(gate))} {_against(gate)} (n = {gate.n:,}{_interval(gate)}{note})"


def _gate_name(gate: runs.Gate) -> str:
    kind, _, intent = gate.gate.partition(":")
    return f"{kind} of {intent}" if intent else _NAMES_OF_GATES.get(kind) or kind.replace("_", " ")


def _against(gate: runs.Gate) -> str:
    value = "no value" if gate.value is None else _gate_amount(gate, gate.value)
    if gate.champion is not None:
        return f"{value} against {_gate_amount(gate, gate.champion)}"
    return value if gate.margin is None else f"{value}, limit {_gate_amount(gate, gate.margin)}"


def _interval(gate: runs.Gate) -> str:
    """Of the difference where there is a champion, of the value where there is none; a lone lower
    end is the noise floor.
    """
    if gate.low is None:
        return ""
    if gate.high is None:
        return f"; noise floor {_gate_amount(gate, gate.low)}"
    if gate.champion is None:
        return f"; 95 % interval {_gate_amount(gate, gate.low)} to {_gate_amount(gate, gate.high)}"
    return f"; difference {100 * gate.low:+.1f} to {100 * gate.high:+.1f} points, 95 %"
