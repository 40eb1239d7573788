"""Pure. A signal or a gate as words: value, limit, n and 95 % interval, ratios as percent. Never a
number without its n.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from schemas import decisions, runs, signals
from services import units
from services.notifier import limits

Clause = decisions.Clause
Reason = decisions.Reason
Gate = runs.Gate
Role = signals.Role

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
    Clause.INTENT_LOST: "The recall of one intent is proven lost.",
    Clause.LABELS_BIASED: "Labels do not speak for the messages that annotators leave out.",
    Clause.MIX_MOVED: "The mix of intents alone has moved.",
    Clause.SLOW: "Slow answers, and nothing else that counts.",
    Clause.CALM: "No clause of the rule asks for anything.",
}


def amount(reason: Reason, value: float) -> str:
    """A figure of a signal with its unit."""
    signal = signals.of(reason.signal)
    return units.amount(signal.unit, value)


def limit(reason: Reason) -> str:
    """A signal's limit with its direction."""
    signal = signals.of(reason.signal)
    direction = "at least" if signal.falls else "at most"
    return f"{direction} {amount(reason, reason.limit)}"


def counted(reason: Reason) -> str:
    """How much was looked at: labels or logs."""
    signal = signals.of(reason.signal)
    return f"n = {reason.n:,} {signal.counted}"


def short(reason: Reason) -> str:
    """A signal in one breath, for the header."""
    signal = signals.of(reason.signal)
    value = "no value"
    if reason.value is not None:
        value = amount(reason, reason.value)

    allowed = amount(reason, reason.limit)
    return f"{signal.words} {value} (limit {allowed}, n = {reason.n:,})"


def field(reason: Reason) -> str:
    """A signal as a field: name and verdict, value and limit, n and interval."""
    value = "no value yet"
    if reason.value is not None:
        value = amount(reason, reason.value)

    interval = "no interval"
    if reason.low is not None and reason.high is not None:
        low = amount(reason, reason.low)
        high = amount(reason, reason.high)
        interval = f"95 % interval {low} to {high}"

    words = _words(reason)
    name = words[:1].upper() + words[1:]
    lines = (
        f"*{name}*: {_state(reason)}",
        f"{value}, limit {limit(reason)}",
        f"{counted(reason)}, {interval}",
    )
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


def grounds(decision: decisions.Decision) -> Iterator[str]:
    """What is in breach, a line each; the others in one; and the rule they make together under the
    policy in force.
    """
    breached = []
    calm = []
    for reason in decision.reasons:
        if reason.breached:
            breached.append(reason)
        else:
            calm.append(reason)

    for reason in breached:
        yield f"• {_words(reason)} is in breach (limit {limit(reason)})"
    if calm:
        subject = "signal is" if len(calm) == 1 else "signals are"
        if breached:
            subject = f"other {subject}"
        named = ", ".join(map(_calm, calm))
        yield f"• {len(calm)} {subject} not in breach: {named}"

    # A decision from before decisions named their clause has none.
    if decision.clause is not None:
        rule = _rule(decision.clause, breached)
        held = decision.hold_reason
        yield f"{rule} Held: {held}." if held else rule


def _rule(clause: Clause, breached: Sequence[Reason]) -> str:
    """What is lost and what has moved, and what the clause that answered asks for."""
    roles: set[str] = set()
    for reason in breached:
        roles.update(reason.roles)
    quality = Role.QUALITY in roles
    drift = Role.DRIFT in roles

    if clause is not Clause.DRIFTED:
        asked = _GROUNDS[clause]
    elif quality:
        asked = "Both together ask for a retrain."
    else:
        asked = "With an open business incident it asks for a retrain."
    return f"Loss of quality: {_yes(quality)}. Drift: {_yes(drift)}. {asked}"


def _words(reason: Reason) -> str:
    """A signal as people call it, with the intents or the strata it is about, and its age."""
    words = signals.of(reason.signal).words
    about = (*reason.intents, *reason.strata)
    if about:
        words += f" ({', '.join(about)})"
    if reason.age_hours:
        words += f", of labels that take {reason.age_hours // 24} days"
    return limits.escape(words)


def _calm(reason: Reason) -> str:
    """A signal that is not in breach, with why where one might ask."""
    why = _not_yet(reason)
    words = _words(reason)
    return f"{words} ({why})" if why else words


def _yes(true: bool) -> str:
    return "*yes*" if true else "no"


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
