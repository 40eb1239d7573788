"""Pure. The ten panels of the production board, in their order: six the policy judges, four that
are only watched.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from schemas import policy, present, signals, windows
from services.dashboard import board, facts, judged, words
from streams.stats import proportion

Panel = board.Panel
Point = board.Point
State = board.State
Unit = board.Unit
Facts = facts.Facts
Row = facts.Row

_SHOWN: Final = 12  # intents in one panel
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
        rollback(snapshot),
    )


def volume(snapshot: Facts) -> Panel:
    """Logs of the newest complete hour, errors included."""
    panel = Panel("request_volume", "Request volume", Unit.LOGS, horizon="1h")
    rows = snapshot.served("1h")
    if not rows:
        return dataclasses.replace(panel, missing=judged.no_window(snapshot.stream))

    newest = rows[-1]
    points = tuple(Point(row["end"], float(row["n"]), row["n"]) for row in rows)
    usual = _usual(rows)
    notes = [usual] if usual else []
    if newest["late"]:
        notes.append(f"{newest['late']:,} of them came late")
    return _watched(
        panel,
        newest,
        snapshot,
        points,
        value=float(newest["n"]),
        notes=tuple(notes),
    )


def _usual(rows: Sequence[Row]) -> str:
    """The same hour a week before, else the day before: what to compare a volume with."""
    newest = rows[-1]["end"]
    for back, name in ((7, "a week"), (1, "a day")):
        end = newest - back * windows.HORIZONS["1d"]
        for row in rows:
            if row["end"] == end:
                return f"The same hour {name} before: {words.amount(Unit.LOGS, row['n'])}"
    return ""


def fallback(snapshot: Facts) -> Panel:
    """Share of the newest complete hour's answers that went to the fallback."""
    panel = Panel("fallback_rate", "Fallback rate", Unit.RATIO, horizon="1h")
    rows = snapshot.served("1h")
    if not rows:
        return dataclasses.replace(panel, missing=judged.no_window(snapshot.stream))

    points = []
    for row in rows:
        if row["fallback_rate"] is not None:
            points.append(_share_point(row, row["fallback_rate"]))

    newest = rows[-1]
    figures: dict[str, Any] = {"n": newest["n"] - newest["errors"]}
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
    n = row["n"] - row["errors"]
    low, high = proportion.wilson(round(share * n), n)
    return Point(row["end"], share, n, low, high)


def _watched(
    panel: Panel,
    row: Row,
    snapshot: Facts,
    points: tuple[Point, ...],
    **figures: Any,
) -> Panel:
    """A panel without a limit of its own; `figures` win over the window's own."""
    state, verdict = State.NO_LIMIT, "watched, the policy sets no limit"
    if snapshot.stale(row["end"], row["horizon"]):
        behind = words.span((snapshot.stream.clock - row["end"]).total_seconds())
        state, verdict = State.STALE, f"{behind} behind the stream: no champion traffic since"

    step = windows.STEPS[row["horizon"]].total_seconds()
    place = {
        "model": row["model"],
        "n": row["n"],
        "end": row["end"],
        "horizon": row["horizon"],
        "series": (board.Series(panel.key, step, points),),
    }
    return dataclasses.replace(panel, state=state, verdict=verdict, **(place | figures))


def mix(snapshot: Facts, horizon: str) -> Panel:
    """The shares of the newest day (before the first, of the newest hour); its value and history
    are those of the intent that moved most.
    """
    panel = Panel("intent_distribution", "Intent distribution", Unit.RATIO, horizon=horizon)
    rows = snapshot.served(horizon) or snapshot.served("1h")
    if not rows:
        return dataclasses.replace(panel, missing=judged.no_window(snapshot.stream))

    newest = rows[-1]
    n = _answers(newest)
    if not n:  # a window of errors alone has no mix, and nothing in it has moved
        return _watched(panel, newest, snapshot, (), n=0)

    parts = shares(newest, snapshot)
    most = max(parts, key=_move)
    shown = _foremost(parts)
    low, high = proportion.wilson(most.n, n)
    lines: tuple[board.Line, ...] = ()
    if most.reference is not None:
        lines = (board.Line("reference", most.reference),)
    panel = _watched(
        panel,
        newest,
        snapshot,
        _history(rows, most.intent),
        value=most.share,
        n=n,
        low=low,
        high=high,
        notes=_mix_notes(most, len(parts) - len(shown)),
        lines=lines,
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
        answers = _answers(row)
        if answers:
            points.append(_share_point(row, row["intent_counts"][intent] / answers))
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
    return int(sum(row["intent_counts"].values()))


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
        parts.append(board.Share(intent, count, share, expected.get(intent)))
    return tuple(parts)


def _reference_shares(counts: Mapping[str, int]) -> dict[str, float]:
    """Each intent's share of a reference's predictions; empty where it has none."""
    total = sum(counts.values())
    if not total:
        return {}
    return {intent: counts.get(intent, 0) / total for intent in present.INTENTS}


def _move(part: board.Share) -> float:
    """How far a share has moved; without a reference how large it is."""
    return abs(part.share - part.reference) if part.reference is not None else part.share


def _foremost(parts: Sequence[board.Share]) -> tuple[board.Share, ...]:
    """The shares that moved most, in the taxonomy's order, as many as one takes in at a glance."""
    by_move = sorted(range(len(parts)), key=lambda place: -_move(parts[place]))
    shown = sorted(by_move[:_SHOWN])
    return tuple(parts[place] for place in shown)


def rollback(snapshot: Facts) -> Panel:
    """Whether a model was put back, or is to be; the history is who was champion."""
    panel = Panel("rollback_status", "Rollback status", Unit.MODEL, counted="promotions")
    promotions = snapshot.promotions
    if not promotions:
        return dataclasses.replace(panel, missing=judged.no_champion(snapshot))

    last = promotions[-1]
    levels = tuple(dict.fromkeys(row["model"] for row in promotions))
    state, verdict = _rolled_back(snapshot)
    return dataclasses.replace(
        panel,
        state=state,
        verdict=verdict,
        model=last["model"],
        n=len(promotions),
        end=last["at"],
        notes=(_before(promotions),),
        series=(board.Series("champion", None, _reigns(snapshot, levels)),),
        levels=levels,
    )


def _before(promotions: Sequence[Row]) -> str:
    """The model that served before the champion: what a rollback would go back to."""
    champion = promotions[-1]["model"]
    for row in reversed(promotions):
        if row["model"] != champion:
            return f"Before it: {row['model']}"
    return "There is no earlier champion to go back to"


def _reigns(snapshot: Facts, levels: Sequence[str]) -> tuple[Point, ...]:
    """Who was champion from when on, as places in `levels`; the last one until now."""
    since = snapshot.stream.since
    older = [row for row in snapshot.promotions if row["at"] <= since]
    newer = [row for row in snapshot.promotions if row["at"] > since]
    # Of those from before the history only the last is drawn: it reigned when that began.
    steps = []
    for row in (*older[-1:], *newer):
        steps.append((max(row["at"], since), row["model"]))
    last = snapshot.promotions[-1]
    steps.append((max(snapshot.stream.until, last["at"]), last["model"]))
    return tuple(Point(at, float(levels.index(model))) for at, model in steps)


def _rolled_back(snapshot: Facts) -> tuple[State, str]:
    last = snapshot.promotions[-1]
    action = snapshot.action
    if action is not None and action["decision"] == "rollback" and action["at"] >= last["at"]:
        at = words.when(action["at"])
        return State.BREACH, f"a rollback was decided at {at} and has not been done"
    if last["kind"] == "rollback":
        return State.WATCH, f"rolled back to {last['model']} by {last['by']}"

    for row in reversed(snapshot.promotions):
        if row["kind"] == "rollback" and row["at"] >= snapshot.stream.since:
            at = words.when(row["at"])
            return State.OK, f"last one at {at}, another model promoted since"
    return State.OK, "none in 14 days"
