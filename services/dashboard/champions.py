"""Pure. The panel of who was champion when, and whether a model was put back."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from services.dashboard import board, facts, judged, words

Point = board.Point
State = board.State
Unit = board.Unit
Facts = facts.Facts
Row = facts.Row


def panel(snapshot: Facts) -> board.Panel:
    """Whether a model was put back, or is to be; the history is who was champion."""
    empty = board.Panel(
        "rollback_status",
        "Rollback status",
        Unit.MODEL,
        counted="promotions",
    )
    promotions = snapshot.promotions
    if not promotions:
        why = judged.no_champion(snapshot)
        return dataclasses.replace(empty, missing=why)

    last = promotions[-1]
    models = [row["model"] for row in promotions]
    levels = tuple(dict.fromkeys(models))  # each once
    reigns = _reigns(snapshot, levels)
    history = board.Series("champion", None, reigns)
    state, verdict = _rolled_back(snapshot)
    return dataclasses.replace(
        empty,
        state=state,
        verdict=verdict,
        model=last["model"],
        n=len(promotions),
        end=last["at"],
        notes=(_before(promotions),),
        series=(history,),
        levels=levels,
    )


def _before(promotions: Sequence[Row]) -> str:
    """The model that served before the champion: what a rollback would go back to.

    >>> _before([{"model": "v1"}, {"model": "v2"}, {"model": "v2"}])
    'Before it: v1'
    """
    champion = promotions[-1]["model"]
    for row in reversed(promotions):
        model = row["model"]
        if model != champion:
            return f"Before it: {model}"
    return "There is no earlier champion to go back to"


def _reigns(snapshot: Facts, levels: Sequence[str]) -> tuple[Point, ...]:
    """Who was champion from when on, as places in `levels`; the last one until now."""
    stream = snapshot.stream
    since = stream.since
    older = []
    newer = []
    for row in snapshot.promotions:
        if row["at"] <= since:
            older.append(row)
        else:
            newer.append(row)

    points = []
    # Of those from before the history only the last is drawn: it reigned when that began.
    for row in (*older[-1:], *newer):
        begin = max(row["at"], since)
        points.append(_reign(begin, row, levels))
    last = snapshot.promotions[-1]
    now = max(stream.until, last["at"])
    points.append(_reign(now, last, levels))
    return tuple(points)


def made_by(snapshot: Facts) -> str | None:
    """The run that made the champion, also one that was rolled back to; None where no promotion
    names it.
    """
    for row in reversed(snapshot.promotions):
        if row["model"] == snapshot.champion and row["run_id"]:
            return str(row["run_id"])
    return None


def _reign(
    at: dt.datetime,
    promotion: Row,
    levels: Sequence[str],
) -> Point:
    """That this model was champion at the instant."""
    place = levels.index(promotion["model"])
    return Point(at, float(place))


def _rolled_back(snapshot: Facts) -> tuple[State, str]:
    """Whether a rollback is to be done, was done last, or was done within the history."""
    last = snapshot.promotions[-1]
    action = snapshot.action
    if action is not None and action["decision"] == "rollback" and action["at"] >= last["at"]:
        at = words.when(action["at"])
        return State.BREACH, f"a rollback was decided at {at} and has not been done"
    if last["kind"] == "rollback":
        return State.WATCH, f"rolled back to {last['model']} by {last['by']}"

    since = snapshot.stream.since
    for row in reversed(snapshot.promotions):
        if row["kind"] == "rollback" and row["at"] >= since:
            at = words.when(row["at"])
            return State.OK, f"last one at {at}, another model promoted since"
    return State.OK, "none in 14 days"
