"""Pure. What was judged of a run: its checks by stage, and the gates of its candidate."""

from collections.abc import Sequence
from typing import Final

from retrain.pages import markup
from retrain.train.report import account
from schemas import checks, runs, units

Level, Verdict = checks.Level, runs.GateVerdict

# A mark beside the word: nothing is told by colour alone.
_LEVELS: Final = {Level.OK: "✓ ok", Level.WATCH: "! watch", Level.ACT: "✗ act"}
_VERDICTS: Final = {
    Verdict.PASS: "✓ pass",
    Verdict.INCONCLUSIVE: "! inconclusive",
    Verdict.FAIL: "✗ fail",
}
_KINDS: Final = {Verdict.PASS: "ok", Verdict.INCONCLUSIVE: "watch", Verdict.FAIL: "act"}
_CHECKS: Final = ("check", "level", "value", "n", "interval or floor", "healthy", "what to do")
_GATES: Final = (
    "gate",
    "verdict",
    "candidate",
    "champion",
    "margin",
    "interval",
    "n",
    "note",
)


def of_checks(told: Sequence[checks.Check]) -> str:
    """A table a stage that has any."""
    if not told:
        return markup.paragraph("No check has been recorded yet.")
    parts = []
    for stage in checks.Stage:
        rows = [_check(check) for check in told if check.stage is stage]
        if rows:
            parts.append(f"<h3>{stage}</h3>{markup.table(_CHECKS, rows, 'stack')}")
    return "".join(parts)


def _check(check: checks.Check) -> markup.Row:
    spread = markup.interval(check.low, check.high)
    if check.floor is not None:
        spread = f"floor {markup.figure(check.floor)}"
    remedy = "" if check.level is Level.OK else check.remedy
    cells = (
        check.name,
        _LEVELS[check.level],
        markup.figure(check.value),
        f"{check.n:,}",
        spread,
        str(check.healthy),
        remedy,
    )
    return markup.Row(cells, str(check.level))


def of_gates(gates: Sequence[runs.Gate]) -> str:
    """A row a gate."""
    if not gates:
        return markup.paragraph("No gate has been asked yet.")
    rows = [_gate(gate) for gate in gates]
    return markup.table(_GATES, rows, "stack") + markup.paragraph(
        "Beside a champion the interval is that of the difference, 95 %."
    )


def of_load(load: account.Load | None) -> str:
    """How fast the candidate answers: what the gates of latency and errors rest on."""
    if load is None:
        return markup.paragraph("No load test has been recorded.")
    return markup.facts(
        {
            "p50": units.ms(load.p50_ms),
            "p95": units.ms(load.p95_ms),
            "p99": units.ms(load.p99_ms),
            "errors": units.percent(load.error_rate),
            "answers a second": markup.figure(load.rps),
            "messages": f"{load.n:,}",
        }
    )


def _gate(gate: runs.Gate) -> markup.Row:
    spread = markup.interval(gate.low, gate.high)
    if gate.gate == "ece" and gate.low is not None:
        spread = f"floor {markup.figure(gate.low)}"
    cells = (
        gate.gate,
        _VERDICTS[gate.verdict],
        markup.figure(gate.value),
        markup.figure(gate.champion),
        markup.figure(gate.margin),
        spread,
        f"{gate.n:,}",
        gate.note,
    )
    return markup.Row(cells, _KINDS[gate.verdict])
