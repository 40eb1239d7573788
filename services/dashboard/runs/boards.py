"""Pure. What the boards of a run say: nine panels of its training, six of what its candidate shows
on held-out rows, the champion beside it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import markupsafe

from retrain.evaluation.validation import Validation
from retrain.train.report import account, curves, summary, validated
from retrain.train.report import beside as baselines
from schemas import runs

State = runs.State
_WAITS: Final = (*runs.ENDED, State.REGISTERED)
BESIDE: Final = baselines.TITLE
_EMPTY: Final = {
    State.QUEUED: "Nothing is measured yet: the run waits for a worker.",
    State.FAILED: "The run failed before this was measured.",
    State.CANCELLED: "The run was cancelled before this was measured.",
}


class Kind(StrEnum):
    """Which of the two boards; its path, too."""

    TRAINING = "training"
    VALIDATION = "validation"


@dataclass(frozen=True, slots=True)
class Told:
    """A run with what it was held against: the run that made the champion; None where there was no
    champion, or nobody knows who made it. `others`: the runs to pick from, the newest first.
    """

    run: account.Account
    champion: account.Account | None
    others: Sequence[account.Run]


@dataclass(frozen=True, slots=True)
class Panel:
    """One of the six, as HTML; `champion` is empty where there is none beside it."""

    key: str
    title: str
    candidate: markupsafe.Markup
    champion: markupsafe.Markup


def under_way(run: account.Run) -> bool:
    """Whether more is to come without anybody's doing."""
    return run.state not in _WAITS


def beside(told: Told) -> str:
    """What the candidate stands beside, and on what rows."""
    before = told.run.run.champion
    if before is None:
        return "no champion: it is the first, or has not been held against one yet"
    if told.champion is None:
        return f"champion {before}, whose run is not on record"
    return f"champion {before}, as its own run {told.champion.run.id} saw it"


def missing(told: account.Account, kind: Kind) -> str:
    """Why there is nothing to show; empty where there is."""
    if told.metrics if kind is Kind.TRAINING else told.validation:
        return ""
    state = told.run.state
    if under_way(told.run):
        return _EMPTY.get(state, "Nothing is measured yet: the run has not come so far.")
    return _EMPTY.get(state, "Nothing is on record: the run is of before its numbers were kept.")


def curves_of(told: Told) -> Iterator[markupsafe.Markup]:
    """The nine panels of a training."""
    champion = told.champion.metrics if told.champion else ()
    for drawn in curves.draw(told.run.metrics, champion):
        yield _drawn(drawn)


def validated_of(told: Told) -> Iterator[Panel]:
    """The six panels of a validation; none where there is nothing to show."""
    mine = told.run.validation
    champions = told.champion.validation if told.champion else None
    for panel in validated.PANELS if mine else ():
        yield Panel(
            key=panel.key,
            title=panel.title,
            candidate=_of(panel, mine),
            champion=_of(panel, champions),
        )


def baselines_of(told: Told) -> markupsafe.Markup:
    """The candidate beside what costs less."""
    return _drawn(baselines.table(told.run))


def _of(panel: validated.Panel, seen: Validation | None) -> markupsafe.Markup:
    return _drawn(panel.draw(seen)) if seen else markupsafe.Markup()


def _drawn(html: str) -> markupsafe.Markup:
    # retrain.pages has escaped every text in it.
    return markupsafe.Markup(html)  # noqa: S704


def plain_run(run: account.Run) -> dict[str, Any]:
    """A run as JSON carries it; times stay datetimes for the encoder."""
    return {
        "id": run.id,
        "state": run.state,
        "result": summary.result(run),
        "decision_id": run.decision_id,
        "queued": run.queued_at,
        "started": run.started,
        "ended": run.ended,
        "candidate": run.candidate,
        "champion": run.champion,
    }


def plain_training(told: Told) -> dict[str, Any]:
    """The nine panels as numbers, the champion's beside the candidate's."""
    sides = {"candidate": told.run.metrics}
    if told.champion:
        sides["champion"] = told.champion.metrics
    panels = []
    for panel in curves.PANELS:
        series = []
        for of, metrics in sides.items():
            for name in filter(None, (panel.metric, panel.beside)):
                points = list(_points(metrics, name))
                series.append({"of": of, "name": name, "points": points})
        panels.append({"key": panel.metric, "title": panel.title, "series": series})
    return {"run": plain_run(told.run.run), "panels": panels}


def _points(metrics: Iterable[runs.Metric], name: str) -> Iterator[dict[str, Any]]:
    for row in metrics:
        if row.name == name:
            yield {"epoch": row.epoch, "step": row.step, "value": row.value}


def plain_validation(told: Told) -> dict[str, Any]:
    """The six panels as numbers; None where there are none."""
    champions = told.champion.validation if told.champion else None
    return {
        "run": plain_run(told.run.run),
        "panels": [panel.key for panel in validated.PANELS],
        "candidate": told.run.validation,
        "champion": champions,
        "baselines": told.run.baselines,
    }
