"""Pure. The ten panels of the production board, in their order: six the policy judges, four that
are only watched.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from schemas import policy, present, signals, windows
from services.dashboard import board, champions, facts, judged, words
from streams.stats import proportion

Panel = board.Panel
Point = board.Point
State = board.State
Unit = board.Unit
Facts = facts.Facts
Row = facts.Row

_SHOWN: Final = 12  # intents in one panel
# What a volume is compared with, the first that there is.
_EARLIER: Final = {
    "a week": windows.HORIZONS["7d"],
    "a day": windows.HORIZONS["1d"],
}

LATENCY: Final = judged.Judged(signals.P95_LATENCY_MS, "P50 / P95 / P99 latency")
ERRORS: Final = judged.Judged(signals.ERROR_RATE, "Error rate")
UNSURE: Final = judged.Judged(signals.LOW_CONFIDENCE_RATE, "Low-confidence rate")
MIX: Final = judged.Judged(signals.INTENT_MIX_KL, "KL divergence")
ACCURACY: Final = judged.Judged(signals.LIVE_ACCURACY, "Sampled accuracy")
RARE: Final = judged.Judged(signals.RARE_RECALL, "Rare-class recall")
JUDGED: Final = (LATENCY, ERRORS, UNSURE, MIX, ACCURACY, RARE)


def panels(snapshot: Facts, rules: policy.Policy) -> tuple[Panel, ...]:
    """All ten."""
    return (
        judged.panel(LATENCY, snapshot, rules),
        volume(snapshot),
        judged.panel(ERRORS, snapshot, rules),
        judged.panel(UNSURE, snapshot, rules),
        mix(snapshot, rules.signals.intent_mix_kl.horizon),
        judged.panel(MIX, snapshot, rules),
        judged.panel(ACCURACY, snapshot, rules),
        judged.panel(RARE, snapshot, rules),
        fallback(snapshot),
        champions.panel(snapshot),
    )


def volume(snapshot: Facts) -> Panel:
    """Logs of the newest complete hour, errors included."""
    panel = Panel(
        "request_volume",
        "Request volume",
        Unit.LOGS,
        horizon="1h",
    )
    rows = snapshot.served("1h")
    if not rows:
        return _without_window(panel, snapshot)

    points = []
    for row in rows:
        n = row["n"]
        points.append(Point(row["end"], float(n), n))

    newest = rows[-1]
    notes = []
    usual = _usual(rows)
    if usual:
        notes.append(usual)
    late = newest["late"]
    if late:
        notes.append(f"{late:,} of them came late")
    return _watched(
        panel,
        newest,
        snapshot,
        tuple(points),
        value=float(newest["n"]),
        notes=tuple(notes),
    )


def _without_window(panel: Panel, snapshot: Facts) -> Panel:
    why = judged.no_window(snapshot.stream)
    return dataclasses.replace(panel, missing=why)


def _usual(rows: Sequence[Row]) -> str:
    """The same hour a week before, else the day before: what to compare a volume with."""
    newest = rows[-1]["end"]
    for name, back in _EARLIER.items():
        end = newest - back
        for row in rows:
            if row["end"] == end:
                logs = words.amount(Unit.LOGS, row["n"])
                return f"The same hour {name} before: {logs}"
    return ""


def fallback(snapshot: Facts) -> Panel:
    """Share of the newest complete hour's answers that went to the fallback."""
    panel = Panel(
        "fallback_rate",
        "Fallback rate",
        Unit.RATIO,
        horizon="1h",
    )
    rows = snapshot.served("1h")
    if not rows:
        return _without_window(panel, snapshot)

    points = []
    for row in rows:
        rate = row["fallback_rate"]
        if rate is not None:
            points.append(_share_point(row, rate))

    newest = rows[-1]
    answers = newest["n"] - newest["errors"]
    figures: dict[str, Any] = {"n": answers}
    # An hour of errors alone has no rate: then the panel has no value, not that of an hour before.
    if points and points[-1].end == newest["end"]:
        last = points[-1]
        figures |= {
            "value": last.value,
            "low": last.low,
            "high": last.high,
        }
    return _watched(panel, newest, snapshot, tuple(points), **figures)


def _share_point(row: Row, share: float) -> Point:
    """A share of a window's answers with Wilson's interval."""
    answers = row["n"] - row["errors"]
    hits = round(share * answers)
    low, high = proportion.wilson(hits, answers)
    return Point(row["end"], share, answers, low, high)


def _watched(
    panel: Panel,
    row: Row,
    snapshot: Facts,
    points: tuple[Point, ...],
    **figures: Any,
) -> Panel:
    """A panel without a limit of its own; `figures` win over the window's own."""
    end = row["end"]
    horizon = row["horizon"]
    state = State.NO_LIMIT
    verdict = "watched, the policy sets no limit"
    if snapshot.stale(end, horizon):
        passed = snapshot.stream.clock - end
        behind = words.span(passed.total_seconds())
        state = State.STALE
        verdict = f"{behind} behind the stream: no champion traffic since"

    step = windows.STEPS[horizon]
    history = board.Series(panel.key, step.total_seconds(), points)
    of_window = {
        "state": state,
        "verdict": verdict,
        "model": row["model"],
        "n": row["n"],
        "end": end,
        "horizon": horizon,
        "series": (history,),
    }
    return dataclasses.replace(panel, **(of_window | figures))


def mix(snapshot: Facts, horizon: str) -> Panel:
    """The shares of the newest day (before the first, of the newest hour); its value and history
    are those of the intent that moved most.
    """
    panel = Panel(
        "intent_distribution",
        "Intent distribution",
        Unit.RATIO,
        horizon=horizon,
    )
    rows = snapshot.served(horizon) or snapshot.served("1h")
    if not rows:
        return _without_window(panel, snapshot)

    newest = rows[-1]
    n = _answers(newest)
    if not n:  # a window of errors alone has no mix, and nothing in it has moved
        return _watched(panel, newest, snapshot, (), n=0)

    parts = shares(newest, snapshot)
    most = max(parts, key=_move)
    shown = _foremost(parts)
    rest = len(parts) - len(shown)
    low, high = proportion.wilson(most.n, n)
    lines = []
    if most.reference is not None:
        lines.append(board.Line("reference", most.reference))
    panel = _watched(
        panel,
        newest,
        snapshot,
        _history(rows, most.intent),
        value=most.share,
        n=n,
        low=low,
        high=high,
        notes=_mix_notes(most, rest),
        lines=tuple(lines),
        shares=shown,
        lead=most.intent,
    )
    if panel.state is State.STALE:
        return panel
    return dataclasses.replace(panel, verdict="judged as one figure: see KL divergence")


def _history(rows: Sequence[Row], intent: str) -> tuple[Point, ...]:
    """An intent's share of the answers of each window that has any."""
    points = []
    for row in rows:
        count = row["intent_counts"][intent]
        answers = _answers(row)
        if answers:
            points.append(_share_point(row, count / answers))
    return tuple(points)


def _mix_notes(most: board.Share, rest: int) -> tuple[str, ...]:
    """What moved most, and how many intents are not shown."""
    if most.reference is None:
        note = (
            f"Most frequent: {most.intent}."
            " No reference to compare with: it comes with the first promotion."
        )
    else:
        moved = words.points(most.share - most.reference)
        before = words.amount(Unit.RATIO, most.reference)
        note = f"Moved most: {most.intent}, {moved} from {before}"
    if not rest:
        return (note,)
    command = "`python -m services.show windows --json`"
    return note, f"{rest} more intents moved less; {command} has them all"


def _answers(row: Row) -> int:
    """Logs of a window that carry an intent, all but its errors."""
    counts = row["intent_counts"].values()
    return int(sum(counts))


def shares(row: Row, snapshot: Facts) -> tuple[board.Share, ...]:
    """Each intent's part of a window, beside its part of the reference."""
    reference = snapshot.reference(row["model"], row["end"])
    expected: dict[str, float] = {}
    if reference is not None:
        expected = _reference_shares(reference.intent_counts)

    n = _answers(row)
    parts = []
    for intent in present.INTENTS:
        count = row["intent_counts"][intent]
        share = count / n if n else 0.0
        before = expected.get(intent)
        parts.append(board.Share(intent, count, share, before))
    return tuple(parts)


def _reference_shares(counts: Mapping[str, int]) -> dict[str, float]:
    """Each intent's share of a reference's predictions; empty where it has none."""
    total = sum(counts.values())
    if not total:
        return {}
    parts = {}
    for intent in present.INTENTS:
        parts[intent] = counts.get(intent, 0) / total
    return parts


def _move(part: board.Share) -> float:
    """How far a share has moved; without a reference how large it is."""
    if part.reference is None:
        return part.share
    return abs(part.share - part.reference)


def _foremost(parts: Sequence[board.Share]) -> tuple[board.Share, ...]:
    """The shares that moved most, in the taxonomy's order, as many as one takes in at a glance."""
    places = range(len(parts))
    by_move = sorted(places, key=lambda place: -_move(parts[place]))
    shown = sorted(by_move[:_SHOWN])
    return tuple(parts[place] for place in shown)
