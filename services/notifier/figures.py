"""Pure. A signal or a gate as words: value, limit, n and 95 % interval, ratios as percent. Never a number without its n."""

from collections.abc import Iterator, Sequence
from typing import Final

from retrain.decide import moment, quality, trigger
from schemas import decisions, runs
from services import units
from services.notifier import limits

_GATES: Final = 16  # lines of one message
_NAMES_OF_GATES: Final = {"macro_f1": "macro F1", "load_error_rate": "errors under load", "p95_latency_ms": "p95 latency", "ece": "calibration error"}


def amount(name: str, value: float) -> str:
    """A value with the unit its name carries; what has none is a ratio and shown as percent.

    >>> amount("live_accuracy", 0.714), amount("p95_latency_ms", 13.94), amount("intent_mix_kl", 0.0291), amount("load_error_rate", 0.0002)
    ('71.4 %', '13.9 ms', '0.029 nats', '0.02 %')
    """
    if name.endswith("_ms"):
        return units.ms(value)
    if name.endswith("_kl"):
        return units.nats(value)
    if name.endswith("_e_value"):
        return units.odds(value)
    return units.percent(value)


def limit(reason: decisions.Reason) -> str:
    """A signal's limit with its direction: quality must stay above, the rest below."""
    return f"{'at least' if reason.signal in quality.FALLING else 'at most'} {amount(reason.signal, reason.limit)}"


def counted(reason: decisions.Reason) -> str:
    """How much was looked at: labels or logs."""
    return f"n = {reason.n:,} {'labels' if reason.signal in moment.LABELLED else 'logs'}"


def short(reason: decisions.Reason) -> str:
    """A signal in one breath, for the header."""
    value = "no value" if reason.value is None else amount(reason.signal, reason.value)
    return f"{units.called(reason.signal)} {value} (limit {amount(reason.signal, reason.limit)}, n = {reason.n:,})"


def field(reason: decisions.Reason) -> str:
    """A signal as a field: name and verdict, value and limit, n and interval."""
    value = "no value yet" if reason.value is None else amount(reason.signal, reason.value)
    if reason.low is None or reason.high is None:
        interval = "no interval"
    else:
        interval = f"95 % interval {amount(reason.signal, reason.low)} to {amount(reason.signal, reason.high)}"
    name = limits.escape(units.called(reason.signal))
    return f"*{name[:1].upper()}{name[1:]}*: {_state(reason)}\n{value}, limit {limit(reason)}\n{counted(reason)}, {interval}"


def _state(reason: decisions.Reason) -> str:
    if reason.value is None:
        return "no value" + (", BREACH since before" if reason.breached else "")
    beyond = reason.value < reason.limit if reason.signal in quality.FALLING else reason.value > reason.limit
    if reason.breached:
        return "BREACH" if beyond else "BREACH, recovering"
    return "beyond its limit, not surely or not for long enough to count" if beyond else "within limit"


def clauses(decision: decisions.Decision) -> Iterator[str]:
    """One line a reason, yes or no, and the rule they make together."""
    for reason in decision.reasons:
        yield f"• {_yes(reason.breached)}: {limits.escape(units.called(reason.signal))} in breach ({limit(reason)})"
    breached = {reason.signal for reason in decision.reasons if reason.breached}
    worse, drifted = bool(breached & set(trigger.QUALITY)), bool(breached & set(trigger.DRIFT))
    rule = f"Loss of quality: {_yes(worse)}. Drift: {_yes(drifted)}."
    if decision.decision is decisions.Kind.RETRAIN:
        rule += " Both together ask for a retrain." if worse and drifted else " A collapse of accuracy or an open business incident asked for it alone."
    yield rule + (f" Held: {decision.hold_reason}." if decision.hold_reason else "")


def _yes(true: bool) -> str:
    return "*yes*" if true else "no"


def gates_short(gates: Sequence[runs.Gate]) -> str:
    """Gates in one breath, for the header."""
    return ", ".join(f"{_gate_name(gate)} {_against(gate)} (n = {gate.n:,})" for gate in gates) or "no gate was measured (n = 0)"


def gate_lines(gates: Sequence[runs.Gate]) -> Iterator[str]:
    """A line a gate, those that do not pass first; of many, as a taxonomy with many critical intents has them, how many more there are."""
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
    value = "no value" if gate.value is None else amount(gate.gate, gate.value)
    if gate.champion is not None:
        return f"{value} against {amount(gate.gate, gate.champion)}"
    return value if gate.margin is None else f"{value}, limit {amount(gate.gate, gate.margin)}"


def _interval(gate: runs.Gate) -> str:
    """Of the difference where there is a champion, of the value where there is none; a lone lower end is the noise floor."""
    if gate.low is None:
        return ""
    if gate.high is None:
        return f"; noise floor {amount(gate.gate, gate.low)}"
    if gate.champion is None:
        return f"; 95 % interval {amount(gate.gate, gate.low)} to {amount(gate.gate, gate.high)}"
    return f"; difference {100 * gate.low:+.1f} to {100 * gate.high:+.1f} points, 95 %"
