"""Pure. The ten panels of the production board, in their order: six the policy judges, four that
are only watched.
"""

import dataclasses
from typing import Any, Final

from schemas import policy, present, signals, windows
from services.dashboard import board, facts, judged, words
from streams.stats import proportion

State, Unit = board.State, board.Unit

_SHOWN: Final = 12  # intents in one panel
LATENCY: Final = judged.Judged(signals.P95_LATENCY_MS, "P50 / P95 / P99 latency")
ERRORS: Final = judged.Judged(signals.ERROR_RATE, "Error rate")
UNSURE: Final = judged.Judged(signals.LOW_CONFIDENCE_RATE, "Low-confidence rate")
MIX: Final = judged.Judged(signals.INTENT_MIX_KL, "KL divergence")
ACCURACY: Final = judged.Judged(signals.LIVE_ACCURACY, "Sampled accuracy")
RARE: Final = judged.Judged(signals.RARE_RECALL, "Rare-class recall")
JUDGED: Final = (LATENCY, ERRORS, UNSURE, MIX, ACCURACY, RARE)


def panels(known: facts.Facts, rules: policy.Policy) -> tuple[board.Panel, ...]:
    """All ten."""
    return (
        judged.panel(LATENCY, known, rules),
        volume(known),
        judged.panel(ERRORS, known, rules),
        judged.panel(UNSURE, known, rules),
        mix(known, rules.signals.intent_mix_kl.horizon),
        judged.panel(MIX, known, rules),
        judged.panel(ACCURACY, known, rules),
        judged.panel(RARE, known, rules),
        fallback(known),
        rollback(known),
    )


def volume(known: facts.Facts) -> board.Panel:
    """Logs of the newest complete hour, errors included."""
    panel = board.Panel("request_volume", "Request volume", Unit.LOGS, horizon="1h")
    rows = known.served("1h")
    if not rows:
        return dataclasses.replace(panel, missing=judged.no_window(known.stream))
    points = tuple(board.Point(row["end"], float(row["n"]), row["n"]) for row in rows)
    usual = _usual(rows)
    late = f"{rows[-1]['late']:,} of them came late" if rows[-1]["late"] else ""
    notes = tuple(note for note in (usual, late) if note)
    return _watched(panel, rows[-1], known, points, value=float(rows[-1]["n"]), notes=notes)


def _usual(rows: list[facts.Row]) -> str:
    """The same hour a week before, else the day before: what to compare a volume with."""
    for back, name in ((7, "a week"), (1, "a day")):
        end = rows[-1]["end"] - back * windows.HORIZONS["1d"]
        before = [row for row in rows if row["end"] == end]
        if before:
            return f"The same hour {name} before: {words.amount(Unit.LOGS, before[0]['n'])}"
    return ""


def fallback(known: facts.Facts) -> board.Panel:
    """Share of the newest complete hour's answers that went to the fallback."""
    panel = board.Panel("fallback_rate", "Fallback rate", Unit.RATIO, horizon="1h")
    rows = known.served("1h")
    if not rows:
        return dataclasses.replace(panel, missing=judged.no_window(known.stream))
    points = tuple(
        _share_point(row, row["fallback_rate"]) for row in rows if row["fallback_rate"] is not None
    )
    newest = points[-1] if points and points[-1].end == rows[-1]["end"] else None
    figures: dict[str, Any] = (
        {"value": newest.value, "low": newest.low, "high": newest.high} if newest else {}
    )
    return _watched(panel, rows[-1], known, points, n=rows[-1]["n"] - rows[-1]["errors"], **figures)


def _share_point(row: facts.Row, share: float) -> board.Point:
    """A share of a window's answers with Wilson's interval."""
    n = row["n"] - row["errors"]
    return board.Point(row["end"], share, n, *proportion.wilson(round(share * n), n))


def _watched(
    panel: board.Panel,
    row: facts.Row,
    known: facts.Facts,
    points: tuple[board.Point, ...],
    **figures: Any,
) -> board.Panel:
    """A panel without a limit of its own."""
    state, verdict = State.NO_LIMIT, "watched, the policy sets no limit"
    if known.stale(row["end"], row["horizon"]):
        state, verdict = (
            State.STALE,
            f"{words.span((known.stream.clock - row['end']).total_seconds())} behind the stream: no champion traffic since",
        )
    step = windows.STEPS[row["horizon"]].total_seconds()
    place = {
        "model": row["model"],
        "n": row["n"],
        "end": row["end"],
        "horizon": row["horizon"],
        "series": (board.Series(panel.key, step, points),),
    }
    return dataclasses.replace(panel, state=state, verdict=verdict, **(place | figures))


def mix(known: facts.Facts, horizon: str) -> board.Panel:
    """The shares of the newest day (before the first, of the newest hour); its value and history
    are those of the intent that moved most.
    """
    panel = board.Panel("intent_distribution", "Intent distribution", Unit.RATIO, horizon=horizon)
    rows = known.served(horizon) or known.served("1h")
    if not rows:
        return dataclasses.replace(panel, missing=judged.no_window(known.stream))
    newest = rows[-1]
    parts = shares(newest, known)
    most = max(parts, key=_move)
    points = tuple(
        _share_point(row, row["intent_counts"][most.intent] / _answers(row))
        for row in rows
        if _answers(row)
    )
    n = _answers(newest)
    lines: tuple[board.Line, ...] = ()
    notes: tuple[str, ...]
    if most.reference is None:
        notes = (
            f"Most frequent: {most.intent}. No reference to compare with: it comes with the first promotion.",
        )
    else:
        notes = (
            f"Moved most: {most.intent}, {words.points(most.share - most.reference)} from {words.amount(Unit.RATIO, most.reference)}",
        )
        lines = (board.Line("reference", most.reference),)
    low, high = proportion.wilson(most.n, n)
    shown, rest = _foremost(parts)
    notes += (
        (f"{rest} more intents moved less; `python -m services.show windows --json` has them all",)
        if rest
        else ()
    )
    figures = {
        "value": most.share,
        "n": n,
        "low": low,
        "high": high,
        "notes": notes,
        "lines": lines,
        "shares": shown,
        "lead": most.intent,
    }
    found = _watched(panel, newest, known, points, **figures)
    return (
        found
        if found.state is State.STALE
        else dataclasses.replace(found, verdict="judged as one figure: see KL divergence")
    )


def _answers(row: facts.Row) -> int:
    return int(sum(row["intent_counts"].values()))


def shares(row: facts.Row, known: facts.Facts) -> tuple[board.Share, ...]:
    """Each intent's part of a window, beside its part of the reference."""
    reference = known.reference(row["model"], row["end"])
    n = _answers(row)
    total = sum(reference.intent_counts.values()) if reference else 0
    expected = (
        {intent: reference.intent_counts.get(intent, 0) / total for intent in present.INTENTS}
        if reference and total
        else {}
    )
    return tuple(
        board.Share(
            i, row["intent_counts"][i], row["intent_counts"][i] / n if n else 0.0, expected.get(i)
        )
        for i in present.INTENTS
    )


def _move(part: board.Share) -> float:
    """How far a share has moved; without a reference how large it is."""
    return abs(part.share - part.reference) if part.reference is not None else part.share


def _foremost(parts: tuple[board.Share, ...]) -> tuple[tuple[board.Share, ...], int]:
    """The shares that moved most, in the taxonomy's order, as many as one takes in at a glance; and
    how many others there are.
    """
    foremost = sorted(range(len(parts)), key=lambda i: -_move(parts[i]))[:_SHOWN]
    return tuple(parts[i] for i in sorted(foremost)), len(parts) - len(foremost)


def rollback(known: facts.Facts) -> board.Panel:
    """Whether a model was put back, or is to be; the history is who was champion."""
    panel = board.Panel("rollback_status", "Rollback status", Unit.MODEL, counted="promotions")
    if not known.promotions:
        return dataclasses.replace(panel, missing=judged.no_champion(known))
    last, levels = (
        known.promotions[-1],
        tuple(dict.fromkeys(row["model"] for row in known.promotions)),
    )
    state, verdict = _rolled_back(known)
    older = [row for row in known.promotions if row["at"] <= known.stream.since]
    drawn = [*older[-1:], *(row for row in known.promotions if row["at"] > known.stream.since)]
    steps = [(max(row["at"], known.stream.since), row["model"]) for row in drawn]
    steps.append((max(known.stream.until, last["at"]), last["model"]))
    points = tuple(board.Point(at, float(levels.index(model))) for at, model in steps)
    before = [row["model"] for row in known.promotions[:-1] if row["model"] != last["model"]]
    notes = (
        f"Before it: {before[-1]}" if before else "There is no earlier champion to go back to",
    )
    series = (board.Series("champion", None, points),)
    return dataclasses.replace(
        panel,
        state=state,
        verdict=verdict,
        model=last["model"],
        n=len(known.promotions),
        end=last["at"],
        notes=notes,
        series=series,
        levels=levels,
    )


def _rolled_back(known: facts.Facts) -> tuple[board.State, str]:
    last, action = known.promotions[-1], known.action
    if action is not None and action["decision"] == "rollback" and action["at"] >= last["at"]:
        return (
            State.BREACH,
            f"a rollback was decided at {words.when(action['at'])} and has not been done",
        )
    backs = [
        row
        for row in known.promotions
        if row["kind"] == "rollback" and row["at"] >= known.stream.since
    ]
    if last["kind"] == "rollback":
        return State.WATCH, f"rolled back to {last['model']} by {last['by']}"
    return (
        State.OK,
        "none in 14 days"
        if not backs
        else f"last one at {words.when(backs[-1]['at'])}, another model promoted since",
    )
