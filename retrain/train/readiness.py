"""Pure. The gates of a candidate as checks of its readiness."""

from collections.abc import Iterator, Sequence
from typing import Final

from schemas import runs
from schemas.checks import Check, Level, Range, Stage

_LEVELS: Final = {
    runs.GateVerdict.PASS: Level.OK,
    runs.GateVerdict.INCONCLUSIVE: Level.WATCH,
    runs.GateVerdict.FAIL: Level.ACT,
}
_AT_MOST: Final = ("p95_latency_ms", "load_error_rate", "ece")  # of these small is good


def checks(gates: Sequence[runs.Gate]) -> Iterator[Check]:
    """One a gate: how it stands is its verdict, its range what the champion leaves it."""
    for gate in gates:
        yield Check(
            Stage.READINESS,
            gate.gate,
            gate.value,
            gate.n,
            healthy(gate),
            _LEVELS[gate.verdict],
            gate.note,
            floor=gate.low if gate.gate == "ece" else None,
        )


def healthy(gate: runs.Gate) -> Range:
    """The values that a gate lets pass on sight. The interval of a paired gate is that of the
    difference, and decides.

    >>> paired = runs.Gate("accuracy", runs.GateVerdict.PASS, 0.93, 0.92, 0.005, 0.0, 0.02, 900)
    >>> str(healthy(paired))
    'at least 0.915'
    """
    if gate.margin is None:
        return Range()
    if gate.gate in _AT_MOST:
        return Range(most=gate.margin + (gate.champion or 0.0))
    if gate.champion is None:
        return Range(least=gate.margin)
    return Range(least=gate.champion - gate.margin)
