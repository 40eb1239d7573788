"""Pure. What stands above a run's page: what became of it, and of what it is made."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from retrain.pages import markup, svg
from retrain.train.report import account
from schemas import runs, units

State, Verdict = runs.State, runs.GateVerdict

# What is done once a state is reached.
_NEXT: Final = {
    State.EVALUATED: "trained; is being compiled and timed",
    State.COMPILED: "compiled; is held against its gates",
    State.GATED: "gated; is being registered or rejected",
}


def result(run: account.Run) -> str:
    """What became of it, in one line."""
    match run.state:
        case State.CHAMPION:
            return f"Promoted: {run.candidate} passed every gate and became the champion{_tie(run)}"
        case State.REGISTERED:
            return (
                f"Registered: {run.candidate} passed every gate and waits for a person{_tie(run)}"
            )
        case State.REJECTED:
            return f"Rejected {run.error or f'because of {_missed(run)}'}"
        case State.CANCELLED:
            return f"Cancelled {run.error or 'by somebody'}"
        case State.FAILED:
            return f"Failed: {run.error or 'no cause is on record'}"
        case State.QUEUED:
            before = f"; the try before failed: {run.error}" if run.error else ""
            return f"Queued: waits for a worker{before}"
        case State.TRAINING:
            return f"Running: {_training(run.progress)}"
        case _:
            return f"Running: {_NEXT[run.state]}"


def _tie(run: account.Run) -> str:
    """Where a linear model of the same rows is as good as the candidate."""
    gate = runs.tie(run.gates)
    if gate is None or gate.value is None or gate.champion is None:
        return ""
    figures = f"{units.percent(gate.value)} against {units.percent(gate.champion)}, n = {gate.n:,}"
    return f"; it only ties with a linear model ({figures})"


def _missed(run: account.Run) -> str:
    """The gates that it did not pass, those that failed first."""
    names = []
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        for gate in run.gates:
            if gate.verdict is verdict:
                names.append(f"{gate.gate} ({verdict})")
    return f"gates {', '.join(names)}" if names else "gates that are not on record"


def _training(progress: account.Progress | None) -> str:
    """How far it has come.

    >>> _training(account.Progress(2, 120, 468))
    'training, step 120 of 468 (epoch 2)'
    """
    if progress is None:
        return "training begins"
    return f"training, step {progress.step:,} of {progress.steps:,} (epoch {progress.epoch})"


def head(run: account.Run) -> Iterator[str]:
    """Title, result, and the facts beside them."""
    yield f"<h1>{svg.safe(f'Run {run.id}')}</h1>"
    yield markup.paragraph(result(run), f"result {run.state}")
    facts = {
        "state": str(run.state),
        "candidate": run.candidate or markup.NONE,
        "champion it is held against": run.champion or "none",
        "labels as known at": when(run.as_of),
        "queued": when(run.queued_at),
        "begun": when(run.started),
        "ended": when(run.ended),
        "tries by a worker": str(run.attempts),
    }
    yield markup.facts(facts)


def when(at: dt.datetime | None) -> str:
    """An instant to the minute, in UTC.

    >>> when(dt.datetime(2026, 4, 20, 12, 5, tzinfo=dt.UTC)), when(None)
    ('2026-04-20 12:05 UTC', '–')
    """
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC" if at else markup.NONE
