"""The retrain job: snapshot, train, compile, gate, register, promote. Each step is recorded before
the next; a run killed in between starts over from its snapshot and comes to the same result. The
champion is untouched until the last step.
"""

import contextlib
import dataclasses
import datetime as dt
import logging
from collections.abc import Iterator, Mapping, Sequence
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
    agreed,
    build,
    candidate,
    divide,
    examine,
    gate,
    heartbeat,
    limits,
    origin,
    promote,
    readiness,
    recipe,
    scratch,
    snapshot,
    split,
)
from retrain.train.compile import backend, manifest
from retrain.train.dealt import store as dealt
from retrain.train.ended import guard
from retrain.train.fit import checkpoint, loop, model, speed
from retrain.train.noted import notebook
from retrain.train.noted import store as noted
from schemas import policy, runs, times
from streams.stages import rounds

log_of_runs = logging.getLogger("intentwatch.retrain")

LEASE_S = 30


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a run works with; `tenure`: the right to it, under which everything is written."""

    engine: sa.Engine
    models: Path
    policy: policy.Policy
    recipe: recipe.Recipe
    lines: log.LogLines
    owner: str
    tenure: heartbeat.Tenure | None = None

    @property
    def held(self) -> heartbeat.Tenure:
        """The right to the run in hand."""
        assert self.tenure is not None, "a run is written to inside job.held alone"
        return self.tenure


@contextlib.contextmanager
def held(shop: Workshop, run_id: str) -> Iterator[Workshop]:
    """The workshop with the right to do this run, kept until the block ends. Raises leases.Lost."""
    with heartbeat.kept(shop.engine, shop.owner, run_id, LEASE_S) as tenure:
        yield dataclasses.replace(shop, tenure=tenure)


def execute(shop: Workshop, run_id: str) -> runs.State:
    """Do a queued run to its end, or to where a person has ended it. What trying again cannot mend
    ends it as failed, with its cause; any other error is raised.
    """
    try:
        return _execute(shop, run_id)
    except guard.Ended as meanwhile:
        return meanwhile.state
    except (
        divide.TooFewLabelsError,
        limits.OverLimit,
        loop.Diverged,
        speed.DeviceMissing,
        model.EncoderMissing,
        manifest.BadArtefact,
        backend.Unavailable,
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
        rows = labelled(connection, shop.policy.labels, run["as_of"], doubts)
        champion = store.champion(connection)
        known = dealt.sides(connection)
    if run["state"] == runs.State.REGISTERED:  # killed between the last two steps
        return _promote(shop, run_id)

    scratch.swept(shop.engine, shop.models, shop.policy.runs.keep_days)
    serving = champion["model"] if champion else None
    parts = divide.divided(rows, known, shop.recipe, shop.policy.labels.min_to_train)
    _begin(shop, run_id, rows, serving, doubts, parts)

    kept = scratch.kept(shop.engine, shop.models, run_id, shop.recipe)
    directory = scratch.emptied(shop.models, run_id, kept)
    notes = notebook.Notebook(shop.held.begin, run_id, directory)
    train = _examined(shop, run_id, parts, notes)
    trained = _train(shop, run_id, parts, train, notes, checkpoint.Keeper(kept))
    kept.unlink(missing_ok=True)  # it is no part of the model
    name, report = _gate(shop, run_id, trained, parts, serving)
    notes.check(readiness.checks(report))

    if gate.overall(report) is runs.GateVerdict.PASS:
        return _register(shop, run_id, trained, name)
    return _reject(shop, run_id, report)


def labelled(
    connection: sa.Connection,
    rules: policy.Labels,
    as_of: dt.datetime,
    doubts: Sequence[distrust.Doubt],
) -> pd.DataFrame:
    """Every row a model may be trained on, with the labels as they were known at `as_of`."""
    questions = gold.questions(connection, as_of)
    verified = {req_id: question.intent for req_id, question in questions.items()}
    rows = store.labelled_rows(connection, as_of, rules.per_annotator_per_day, doubts, verified)
    return snapshot.frame(rows)


def _begin(
    shop: Workshop,
    run_id: str,
    rows: pd.DataFrame,
    champion: str | None,
    doubts: Sequence[distrust.Doubt],
    parts: divide.Divided,
) -> None:
    """Freeze the rows and record what the run is made of, and whose labels it is not made of; a
    run that starts over begins anew.
    """
    for doubt in doubts:
        span = f"{times.rfc3339(doubt.start)} to {times.rfc3339(doubt.end)}"
        words = "%s leaves out the labels of %s, %s: %s"
        log_of_runs.warning(words, run_id, doubt.annotator, span, doubt.why)
    with shop.held.begin() as connection:
        noted.forget(connection, run_id)
        dealt.put(connection, parts.sides)
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
    for fields in divide.lines(parts):
        shop.lines.line("DATA_AUDIT", {"run_id": run_id, **fields})


def _plain(doubt: distrust.Doubt) -> dict[str, str]:
    """A doubt as JSON."""
    return {
        "annotator": doubt.annotator,
        "start": times.rfc3339(doubt.start),
        "end": times.rfc3339(doubt.end),
        "why": doubt.why,
    }


def _gate(
    shop: Workshop,
    run_id: str,
    trained: candidate.Trained,
    parts: divide.Divided,
    champion: str | None,
) -> tuple[str, tuple[runs.Gate, ...]]:
    """Name the candidate and finish its directory, whatever its gates say of it."""
    against = shop.models / champion if champion else None
    test = parts.part("test")
    report = candidate.gates(trained, test, against, shop.policy.gates, parts.lacking)
    with shop.held.begin() as connection:
        name = store.next_model(connection)
    candidate.finish(trained, name, test, report)
    shop.lines.line("DEPLOY", candidate.deployed(trained, name))
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
    promote.register(shop.held.begin, shop.models, trained.directory, name, run_id)
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
    promote.promote(shop.held.begin, shop.models, run_id, by="policy")
    return runs.State.CHAMPION


def _examined(
    shop: Workshop,
    run_id: str,
    parts: divide.Divided,
    notes: notebook.Notebook,
) -> pd.DataFrame:
    """The rows that train, once they are looked at; what is seen of all rows is kept."""
    told = examine.examined(parts, shop.recipe)
    shop.lines.line("DECISION", told.decision.fields)
    with shop.engine.connect() as connection:
        as_of = store.run(connection, run_id)["as_of"]
        said = store.said_of_sampled(connection, as_of)
    notes.check((*divide.checks(parts), *told.checks, agreed.checked(said)))
    with shop.held.begin() as connection:
        store.record_step(connection, run_id, examine.STEP, told.detail)
    return split.capped(told.train, shop.recipe.rows, shop.recipe.seed)


def _train(
    shop: Workshop,
    run_id: str,
    parts: divide.Divided,
    train: pd.DataFrame,
    notes: notebook.Notebook,
    keeper: checkpoint.Keeper,
) -> candidate.Trained:
    recipe = shop.recipe
    test = parts.part("test")
    of_parts = {"train": train, "val": parts.part("val"), "test": test}
    hooks = loop.Hooks(
        run_id=run_id,
        log=shop.lines.line,
        beat=heartbeat.noting(shop.held, shop.recipe),
        put=notes.put,
        latency_ms=shop.policy.gates.p95_latency_ms,
        keeper=keeper,
    )
    network = build.tuned(recipe, of_parts, hooks)
    _advance(shop, run_id, runs.State.EVALUATED)

    trained = build.trained(network, list(test["text"]), recipe, notes.directory)
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
    with shop.held.begin() as connection:
        guard.check(connection, run_id)
        store.change_run(connection, run_id, state=state, **values)
        store.record_step(connection, run_id, state, dict(detail or {}))
        if tell:
            promote.tell(connection, run_id)
