"""Pure. A signal or a gate as words: value, limit, n and 95 % interval, ratios as percent. Never a
number without its n.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final

from schemas import decisions, runs, signals, units, why
from services.notifier import limits

Reason = decisions.Reason
Gate = runs.Gate

_GATES: Final = 16  # lines of one message

_NAMES_OF_GATES: Final = {
    "macro_f1": "macro F1",
    "load_error_rate": "errors under load",
    "p95_latency_ms": "p95 latency",
    "ece": "calibration error",
    runs.LINEAR: "accuracy beside a linear model",
}


def field(reason: Reason, worst: float | None = None) -> str:
    """A signal as a field: name and verdict since when, value and limit, n and interval; `worst`:
    of an alert, the worst it has been.
    """
    value = "no value yet"
    if reason.value is not None:
        value = why.amount(reason, reason.value)
    if worst is not None:
        value += f", worst {why.amount(reason, worst)}"

    interval = "no interval"
    if reason.low is not None and reason.high is not None:
        low = why.amount(reason, reason.low)
        high = why.amount(reason, reason.high)
        interval = f"95 % interval {low} to {high}"

    words = _words(reason)
    name = words[:1].upper() + words[1:]
    began = f" since {_date(reason.since)}" if reason.since and reason.breached else ""
    lines = [
        f"*{name}*: {_state(reason)}{began}",
        f"{value}, limit {why.limit(reason)}",
        f"{why.counted(reason)}, {interval}",
    ]
    if reason.labels_needed:
        lines.append(limits.escape(why.needed(reason)))
    return "\n".join(lines)


def _state(reason: Reason) -> str:
    if reason.value is None:
        return "no value, BREACH since before" if reason.breached else "no value"
    if not reason.breached:
        return _not_yet(reason) or "within limit"

    signal = signals.of(reason.signal)
    beyond = signal.beyond(reason.value, reason.limit)
    return "BREACH" if beyond else "BREACH, recovering"


def _not_yet(reason: Reason) -> str:
    """Why a value that is beyond its limit does not count; empty for all others."""
    if reason.breached or reason.value is None:
        return ""
    signal = signals.of(reason.signal)
    if not signal.beyond(reason.value, reason.limit):
        return ""

    # The end of the interval that is nearest to the limit.
    nearest = reason.high if signal.falls else reason.low
    surely = nearest is None or signal.beyond(nearest, reason.limit)
    wanting = "for long enough to count" if surely else "surely"
    return f"{signal.bad} its limit, not {wanting}"


def _words(reason: Reason) -> str:
    return limits.escape(why.words(reason))


def _date(since: str) -> str:
    return limits.date(dt.datetime.fromisoformat(since))


def _gate_amount(gate: Gate, value: float) -> str:
    """A figure of a gate: latency in milliseconds, all others are ratios."""
    if gate.gate.endswith("_ms"):
        return units.ms(value)
    return units.percent(value)


def gates_short(gates: Sequence[Gate]) -> str:
    """Gates in one breath, for the header."""
    if not gates:
        return "no gate was measured (n = 0)"
    figures = []
    for gate in gates:
        name = _gate_name(gate)
        figures.append(f"{name} {_against(gate)} (n = {gate.n:,})")
    return ", ".join(figures)


def gate_lines(gates: Sequence[Gate]) -> Iterator[str]:
    """A line a gate, those that do not pass first; of many, as a taxonomy with many critical
    intents has them, how many more there are.
    """
    ordered = sorted(gates, key=lambda gate: gate.verdict is runs.GateVerdict.PASS)
    for gate in ordered[:_GATES]:
        yield gate_line(gate)

    more = len(ordered) - _GATES
    if more > 0:
        yield f"… and {more} more: `python -m services.show runs --json`"


def gate_line(gate: Gate) -> str:
    """A gate with its verdict, both models' values, n and interval."""
    name = limits.escape(_gate_name(gate))
    evidence = f"n = {gate.n:,}{_interval(gate)}"
    if gate.note:
        evidence += f"; {limits.escape(gate.note)}"
    return f"• *{gate.verdict}*: {name} {_against(gate)} ({evidence})"


def _gate_name(gate: Gate) -> str:
    kind, _, intent = gate.gate.partition(":")
    if intent:
        return f"{kind} of {intent}"
    return _NAMES_OF_GATES.get(kind) or kind.replace("_", " ")


def _against(gate: Gate) -> str:
    """The candidate's value beside the champion's, or beside the margin where there is none."""
    value = "no value"
    if gate.value is not None:
        value = _gate_amount(gate, gate.value)

    if gate.champion is not None:
        champion = _gate_amount(gate, gate.champion)
        return f"{value} against {champion}"
    if gate.margin is not None:
        margin = _gate_amount(gate, gate.margin)
        return f"{value}, limit {margin}"
    return value


def _interval(gate: Gate) -> str:
    """Of the difference where there is a champion, of the value where there is none; a lone lower
    end is the noise floor.
    """
    if gate.low is None:
        return ""
    if gate.high is None:
        floor = _gate_amount(gate, gate.low)
        return f"; noise floor {floor}"
    if gate.champion is None:
        low = _gate_amount(gate, gate.low)
        high = _gate_amount(gate, gate.high)
        return f"; 95 % interval {low} to {high}"

    low_points = 100 * gate.low
    high_points = 100 * gate.high
    return f"; difference {low_points:+.1f} to {high_points:+.1f} points, 95 %"
