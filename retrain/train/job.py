"""The retrain job: snapshot, train, compile, gate, register, promote. Each step is recorded before
the next; a run killed in between starts over from its snapshot and comes to the same result. The
champion is untouched until the last step.
"""

import dataclasses
import datetime as dt
import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from retrain import log, store
from retrain.decide.history.asked import store as asked
from retrain.gold import store as gold
from retrain.labels import distrust
from retrain.train import (
    audit,
    build,
    candidate,
    gate,
    heartbeat,
    origin,
    promote,
    readiness,
    recipe,
    snapshot,
    split,
)
from retrain.train.compile import manifest
from retrain.train.ended import guard
from retrain.train.fit import model
from retrain.train.noted import notebook
from retrain.train.noted import store as noted
from schemas import policy, runs, times
from streams.stages import rounds

log_of_runs = logging.getLogger("intentwatch.retrain")

_BEAT_S = 2.0
LEASE_S = 30
_MIN_HELD_OUT = 30  # rows to validate on, and to test on


class TooFewLabelsError(RuntimeError):
    """There is not enough labelled text to train on."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a run works with."""

    engine: sa.Engine
    models: Path
    policy: policy.Policy
    recipe: recipe.Recipe
    lines: log.LogLines
    owner: str


def execute(shop: Workshop, run_id: str) -> runs.State:
    """Do a queued run to its end, or to where a person has ended it. What trying again cannot mend
    ends it as failed, with its cause; any other error is raised.
    """
    try:
        with heartbeat.kept(shop.engine, shop.owner, LEASE_S):
            return _execute(shop, run_id)
    except guard.Ended as meanwhile:
        return meanwhile.state
    except (
        TooFewLabelsError,
        model.EncoderMissing,
        manifest.BadArtefact,
        promote.NotPromotable,
    ) as error:
        return fail(shop, run_id, rounds.first_line(error))


def fail(shop: Workshop, run_id: str, cause: str) -> runs.State:
    """Record that a run has failed, and tell of it."""
    try:
        _advance(shop, run_id, runs.State.FAILED, ended=sa.func.now(), error=cause)
    except guard.Ended as meanwhile:
        return meanwhile.state
    return runs.State.FAILED


def _execute(shop: Workshop, run_id: str) -> runs.State:
    with shop.engine.connect() as connection:
        run = store.run(connection, run_id)
        doubts = asked.doubts(connection, run["as_of"], shop.policy.labels)
        rows = _labelled(connection, shop, run["as_of"], doubts)
        champion = store.champion(connection)
    if run["state"] == runs.State.REGISTERED:  # killed between the last two steps
        return _promote(shop, run_id)

    serving = champion["model"] if champion else None
    parts = _parts(shop, rows)
    _begin(shop, run_id, rows, serving, doubts)

    notes = notebook.Notebook(shop.engine, run_id, _emptied(shop, run_id))
    notes.check(audit.checks(rows))
    trained = _train(shop, run_id, parts, notes)
    name, report = _gate(shop, run_id, trained, parts["test"], serving)
    notes.check(readiness.checks(report))

    if gate.overall(report) is runs.GateVerdict.PASS:
        return _register(shop, run_id, trained, name)
    return _reject(shop, run_id, report)


def _labelled(
    connection: sa.Connection,
    shop: Workshop,
    as_of: dt.datetime,
    doubts: Sequence[distrust.Doubt],
) -> pd.DataFrame:
    """Every row a model may be trained on, with the labels as they were known at `as_of`."""
    most = shop.policy.labels.per_annotator_per_day
    questions = gold.questions(connection, as_of)
    verified = {req_id: question.intent for req_id, question in questions.items()}
    rows = store.labelled_rows(connection, as_of, most, doubts, verified)
    return snapshot.frame(rows)


def _begin(
    shop: Workshop,
    run_id: str,
    rows: pd.DataFrame,
    champion: str | None,
    doubts: Sequence[distrust.Doubt],
) -> None:
    """Freeze the rows and record what the run is made of, and whose labels it is not made of; a
    run that starts over begins anew.
    """
    for doubt in doubts:
        span = f"{times.rfc3339(doubt.start)} to {times.rfc3339(doubt.end)}"
        words = "%s leaves out the labels of %s, %s: %s"
        log_of_runs.warning(words, run_id, doubt.annotator, span, doubt.why)
    with shop.engine.begin() as connection:
        noted.forget(connection, run_id)
    _advance(
        shop,
        run_id,
        runs.State.TRAINING,
        started=sa.func.now(),
        closed_as_of=None,
        error=None,
        champion=champion,
        snapshot_sha256=snapshot.freeze(rows, shop.models / "snapshots"),
        recipe_sha256=shop.recipe.sha256,
        base_model=shop.recipe.base_model,
        detail={"aside": [_plain(doubt) for doubt in doubts], **origin.of(shop.policy)},
    )
    shop.lines.line("DATA_AUDIT", {"run_id": run_id, **audit.audit(rows)})


def _plain(doubt: distrust.Doubt) -> dict[str, str]:
    """A doubt as JSON."""
    return {
        "annotator": doubt.annotator,
        "start": times.rfc3339(doubt.start),
        "end": times.rfc3339(doubt.end),
        "why": doubt.why,
    }


def _emptied(shop: Workshop, run_id: str) -> Path:
    """The run's own directory, without what a killed try left there; those of runs that are over
    for longer than the policy keeps them go.
    """
    kept = dt.timedelta(days=shop.policy.runs.keep_days)
    with shop.engine.connect() as connection:
        for ended in store.without_model(connection, kept):
            shutil.rmtree(_directory(shop, ended), ignore_errors=True)

    scratch = _directory(shop, run_id)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    return scratch


def _directory(shop: Workshop, run_id: str) -> Path:
    """Where a run works: beside the models, as the signing key lies there."""
    return shop.models / f".{run_id}"


def _gate(
    shop: Workshop,
    run_id: str,
    trained: candidate.Trained,
    test: pd.DataFrame,
    champion: str | None,
) -> tuple[str, tuple[runs.Gate, ...]]:
    """Name the candidate and finish its directory, whatever its gates say of it."""
    against = shop.models / champion if champion else None
    report = candidate.gates(trained, test, against, shop.policy.gates)
    with shop.engine.begin() as connection:
        name = store.next_model(connection)
    candidate.finish(trained, name, test, report)
    _advance(
        shop,
        run_id,
        runs.State.GATED,
        gates=store.gates(report),
        candidate=name,
    )
    return name, report


def _reject(
    shop: Workshop,
    run_id: str,
    report: tuple[runs.Gate, ...],
) -> runs.State:
    """Say so. What the run has made stays for a while: there is much to learn from it."""
    _advance(shop, run_id, runs.State.REJECTED, ended=sa.func.now())

    verdict = gate.overall(report)
    missed = [each.gate for each in report if each.verdict != runs.GateVerdict.PASS]
    reason = f"gates {verdict}: {', '.join(missed)}"
    shop.lines.line("DECISION", {"promote": False, "reason": reason})
    return runs.State.REJECTED


def _register(
    shop: Workshop,
    run_id: str,
    trained: candidate.Trained,
    name: str,
) -> runs.State:
    promote.register(shop.engine, shop.models, trained.directory, name, run_id)
    asks = shop.policy.trigger.promotion == "approve"
    # Promoted at once, it is told of as the champion only.
    _advance(shop, run_id, runs.State.REGISTERED, tell=asks)
    if asks:
        return runs.State.REGISTERED

    state = _promote(shop, run_id)
    shop.lines.line(
        "DECISION",
        {
            "promote": True,
            "strategy": "blue_green",
            "reason": "every gate passed",
        },
    )
    return state


def _promote(shop: Workshop, run_id: str) -> runs.State:
    promote.promote(shop.engine, shop.models, run_id, by="policy")
    return runs.State.CHAMPION


def _parts(shop: Workshop, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows that train (capped), validate and test. Raises TooFewLabelsError."""
    if rows.empty:
        raise TooFewLabelsError(
            "there is no labelled message; import some with `python -m services.labels corpus FILE`"
        )
    min_to_train = shop.policy.labels.min_to_train
    least = {
        "train": min_to_train,
        "val": _MIN_HELD_OUT,
        "test": _MIN_HELD_OUT,
    }
    labelled = split.split(rows)
    parts = {}
    few = []
    for part, n in least.items():
        frame = labelled[labelled["part"] == part]
        parts[part] = frame
        if len(frame) < n:
            few.append(f"{len(frame)} {part}")

    if few:
        raise TooFewLabelsError(
            f"too few labelled rows: {', '.join(few)}; "
            f"the policy's labels.min_to_train is {min_to_train}"
        )
    recipe = shop.recipe
    train = split.capped(parts["train"], recipe.rows, recipe.seed)
    return parts | {"train": train}


def _train(
    shop: Workshop,
    run_id: str,
    parts: dict[str, pd.DataFrame],
    notes: notebook.Notebook,
) -> candidate.Trained:
    network = build.tuned(
        shop.recipe,
        parts,
        run_id=run_id,
        log=shop.lines.line,
        beat=_beat(shop, run_id),
        put=notes.put,
    )
    _advance(shop, run_id, runs.State.EVALUATED)

    messages = list(parts["test"]["text"])
    recipe = shop.recipe
    trained = build.trained(network, messages, recipe.max_tokens, notes.directory, recipe.seed)
    load = trained.load
    shop.lines.line(
        "LOAD_TEST",
        {
            "p50_ms": load.p50_ms,
            "p95_ms": load.p95_ms,
            "p99_ms": load.p99_ms,
            "error_rate": load.error_rate,
            "rps": load.rps,
        },
    )
    evaluation = dataclasses.asdict(trained.scores) | {
        "validation": dataclasses.asdict(trained.validation),
        "load_test": dataclasses.asdict(load),
    }
    _advance(shop, run_id, runs.State.COMPILED, evaluation=evaluation)
    return trained


def _advance(
    shop: Workshop,
    run_id: str,
    state: runs.State,
    *,
    tell: bool = True,
    detail: Mapping[str, Any] | None = None,
    **values: Any,
) -> None:
    """Record a state, with what else is to be known of it, and tell of it in the same transaction;
    one that is over at once need not be told.
    """
    with shop.engine.begin() as connection:
        guard.check(connection, run_id)
        store.change_run(connection, run_id, state=state, **values)
        store.record_step(connection, run_id, state, dict(detail or {}))
        if tell:
            promote.tell(connection, run_id)


def _beat(shop: Workshop, run_id: str) -> Callable[[dict[str, Any]], None]:
    """What notes a run's progress, every other second."""
    last = time.monotonic()

    def beat(progress: dict[str, Any]) -> None:
        nonlocal last
        if time.monotonic() - last > _BEAT_S:
            last = time.monotonic()
            with shop.engine.begin() as connection:
                guard.check(connection, run_id)
                store.change_run(connection, run_id, progress=progress)

    return beat
