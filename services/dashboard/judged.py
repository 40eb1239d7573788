"""Pure. The six panels the policy judges: the newest verdict, what it is called, its limits and its
history. Judges nothing itself; what stands beside the value is in evidence.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas import policy, runs, signals, windows
from services.dashboard import board, evidence, facts, words
from streams.signals import judge

Panel = board.Panel
Point = board.Point
State = board.State
Unit = board.Unit
Facts = facts.Facts
Row = facts.Row

_HOUR_S: Final = windows.HORIZONS["1h"].total_seconds()
_NO_REFERENCE: Final = "No reference mix to compare with: it comes with the first promotion."


@dataclass(frozen=True, slots=True)
class Judged:
    """A judged signal's place on the board: the seed's name of its panel. Its key is the policy's
    and that of a window's figure.
    """

    of: signals.Signal
    name: str

    @property
    def key(self) -> str:
        """The signal's name."""
        return self.of.name

    @property
    def unit(self) -> Unit:
        """What its values are measured in."""
        return Unit(self.of.unit)

    @property
    def labelled(self) -> bool:
        """Whether people's labels are behind it; then each hour looks back over the horizon."""
        return self.of.labelled


def panel(
    signal: Judged,
    snapshot: Facts,
    rules: policy.Policy,
) -> Panel:
    """The signal's panel: the newest judged value, or the newest window's with the remark that
    nobody has judged it, or what is missing.
    """
    rule: policy.Level = getattr(rules.signals, signal.key)
    empty = Panel(
        signal.key,
        signal.name,
        signal.unit,
        lead="p95" if signal.of is signals.P95_LATENCY_MS else "",
        counted=signal.of.counted,
        limit=rule.enter,
        at_least=signal.of.falls,
        horizon=rule.horizon,
        notes=evidence.latest_hour(signal.of, snapshot, rule),
        series=_series(signal, snapshot, rule),
    )
    rows = snapshot.of(signal.key)
    if not rows:
        return _unjudged(empty, signal, snapshot, rule)
    return _of_verdict(empty, signal, rows[-1], snapshot, rule)


def _of_verdict(
    empty: Panel,
    signal: Judged,
    row: Row,
    snapshot: Facts,
    rule: policy.Level,
) -> Panel:
    """A panel with its newest verdict."""
    judgement, verdict = standing(signal, row, rule)
    if snapshot.stale(row["end"], row["horizon"]):
        passed = snapshot.stream.clock - row["end"]
        behind = words.span(passed.total_seconds())
        verdict = f"{behind} behind the stream, then {judgement}{_since(snapshot.stream)}"
        judgement = State.STALE

    limit = board.finite(row["limit"])
    beside = evidence.notes(signal.of, row, snapshot)
    return dataclasses.replace(
        empty,
        state=judgement,
        verdict=verdict,
        model=row["model"],
        n=row["n"],
        horizon=row["horizon"],
        end=row["end"],
        value=board.finite(row["value"]),
        low=board.finite(row["low"]),
        high=board.finite(row["high"]),
        noise_floor=board.finite(row["noise_floor"]),
        limit=limit,
        lines=_lines(limit, rule),
        notes=(*beside, *empty.notes),
    )


def no_window(stream: facts.Stream, horizon: str = "1h") -> str:
    """Why there is no complete window, and when there will be one, by what is known of the stream
    worker.
    """
    if not stream.runs("streams"):
        return (
            "No complete window yet, and no stream worker runs: `python -m streams worker`;"
            " `python -m services.doctor streams` names what is missing."
        )
    if stream.watermark is None:
        return (
            "No serving log has been counted yet;"
            " the stream worker runs and waits for the first one."
        )
    end = words.when(stream.next_end(horizon))
    return f"No complete {horizon} window yet: the first one ends at {end}, by the stream's clock."


def unjudged(stream: facts.Stream) -> str:
    """Why what is complete has not been judged, by what is known of the scheduler."""
    if not stream.runs("scheduler"):
        return (
            "no scheduler runs: `python -m services.scheduler`;"
            " `python -m services.doctor scheduler` names what is missing"
        )
    left = stream.unjudged
    if not left:
        return "the scheduler is at work"
    hours = "hour" if left == 1 else "hours"
    return f"the scheduler is at work, {left} {hours} to go"


def no_champion(snapshot: Facts) -> str:
    """Why no model serves yet, by what is known of the first run."""
    run = snapshot.run
    if run is None or run["state"] in runs.ENDED:
        return "No champion yet: `python retrain/run.py run` trains and gates the first one."
    return f"No champion yet: the run {run['id']} is {run['state']}."


def _since(stream: facts.Stream) -> str:
    """Why a figure is behind the stream: its scheduler is, or there was nothing to judge."""
    if stream.unjudged:
        return f": {unjudged(stream)}"
    return ", and nothing has been judged since"


def standing(
    signal: Judged,
    row: Row,
    rule: policy.Level,
) -> tuple[State, str]:
    """What the verdict is called, and why, in words. `in_breach` is the policy's k-of-n rule with
    its hysteresis; `verdict` is one window.
    """
    if row["verdict"] == "blind":
        return _blind(signal, row, rule)
    if row["in_breach"]:
        return State.BREACH, _in_breach(signal, row, rule)
    return _one_window(signal, row, rule)


def _blind(
    signal: Judged,
    row: Row,
    rule: policy.Level,
) -> tuple[State, str]:
    """Of a window with too little evidence: a breach before it stands."""
    n = row["n"]
    wanting = f"{n:,} of the {rule.min_n:,} {signal.of.counted} the policy asks for"
    if row["in_breach"]:
        why = f"was in breach; too little evidence to say it has ended: {wanting}"
        return State.BREACH, why
    return State.BLIND, f"too little evidence: {wanting}"


def _in_breach(
    signal: Judged,
    row: Row,
    rule: policy.Level,
) -> str:
    """Why a signal is in breach, or still is."""
    if row["verdict"] != "breach":
        left = judge.left_at(row["limit"], rule, row["reference"], falls=signal.of.falls)
        back = words.amount(signal.unit, left)
        return f"recovering, but not back past {back} yet"
    if rule.alpha is None:
        return f"{signal.of.bad} the limit, interval and all"
    return "the mix has moved, beyond chance"


def _one_window(
    signal: Judged,
    row: Row,
    rule: policy.Level,
) -> tuple[State, str]:
    """Of a signal that is not in breach: how its newest window stands."""
    verdict, beyond = row["verdict"], signal.of.bad
    if verdict == "breach":
        why = f"{beyond} the limit in this window; {rule.k} of {rule.of} make a breach"
        return State.WATCH, why
    if verdict == "watch" and row["level"]:
        return State.WATCH, f"level {row['level']}: beyond chance"
    if verdict == "watch":
        return State.WATCH, f"{beyond} the limit, but the interval reaches across it"
    p_value = row["p_value"]
    if rule.alpha is not None and p_value is not None and p_value >= rule.alpha:
        return State.OK, "no more than chance"
    return State.OK, "within the limit"


def _unjudged(
    empty: Panel,
    signal: Judged,
    snapshot: Facts,
    rule: policy.Level,
) -> Panel:
    """A panel without any verdict."""
    if not snapshot.windows:
        return dataclasses.replace(empty, missing=no_window(snapshot.stream))

    if snapshot.champion is None:
        why = f"Nothing is judged without a champion. {no_champion(snapshot)}"
    else:
        why = f"Not judged yet: {unjudged(snapshot.stream)}."
    if signal.labelled:
        return dataclasses.replace(empty, missing=why)

    rows = snapshot.served(rule.horizon)
    if not rows:
        missing = no_window(snapshot.stream, rule.horizon)
        return dataclasses.replace(empty, missing=missing)

    row = rows[-1]
    point = _point(signal, row, snapshot)
    if signal.of is signals.INTENT_MIX_KL and point is None and snapshot.champion is not None:
        why = _NO_REFERENCE
    return dataclasses.replace(
        empty,
        state=State.UNJUDGED,
        verdict=why,
        model=row["model"],
        n=row["n"],
        end=row["end"],
        value=point.value if point else None,
        lines=_lines(empty.limit, rule),
    )


def _lines(limit: float | None, rule: policy.Level) -> tuple[board.Line, ...]:
    """The limit and, where the policy has them, the levels before it."""
    lines = []
    if limit is not None:
        lines.append(board.Line("limit", limit, limit=True))
    if rule.watch is not None:
        lines.append(board.Line("watch", rule.watch))
    if rule.alert is not None:
        lines.append(board.Line("alert", rule.alert))
    return tuple(lines)


def _series(
    signal: Judged,
    snapshot: Facts,
    rule: policy.Level,
) -> tuple[board.Series, ...]:
    """The history: as judged; before any verdict, as the windows have it. p95 latency stands
    between p50 and p99.
    """
    rows = snapshot.served(rule.horizon)
    points = [_judged_point(row) for row in snapshot.of(signal.key)]
    if not points and not signal.labelled:
        points = [_point(signal, row, snapshot) for row in rows]

    step = windows.STEPS[rule.horizon].total_seconds()
    if signal.labelled:
        step = _HOUR_S
    drawn = tuple(point for point in points if point)
    main = board.Series(signal.key, step, drawn)
    if signal.of is not signals.P95_LATENCY_MS:
        return (main,)

    p50 = _percentile("p50", rows, step)
    p99 = _percentile("p99", rows, step)
    return main, p50, p99


def _percentile(
    name: str,
    rows: Sequence[Row],
    step: float,
) -> board.Series:
    """The history of another percentile beside the judged one."""
    points = []
    for row in rows:
        value = board.finite(row[f"{name}_latency_ms"])
        if value is not None:
            points.append(Point(row["end"], value, row["n"]))
    return board.Series(name, step, tuple(points))


def _judged_point(row: Row) -> Point | None:
    """The value as it was judged; None where it had none."""
    value = board.finite(row["value"])
    if value is None:
        return None
    low = board.finite(row["low"])
    high = board.finite(row["high"])
    return Point(row["end"], value, row["n"], low, high)


def _point(
    signal: Judged,
    row: Row,
    snapshot: Facts,
) -> Point | None:
    """A window's own figure, for what no monitor has judged."""
    if signal.of is signals.INTENT_MIX_KL:
        value, _ = evidence.kl(row, snapshot)
    else:
        value = board.finite(row[signal.key])
    if value is None:
        return None
    return Point(row["end"], value, row["n"])
