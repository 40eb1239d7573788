"""The retrain job: snapshot, train, compile, gate, register, promote. Each step is recorded before
the next; a run killed in between starts over from its snapshot and comes to the same result. The
champion is untouched until the last step.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from retrain import store
from retrain.evaluation import baseline
from retrain.train import (
    build,
    candidate,
    divide,
    gate,
    heartbeat,
    limits,
    prepare,
    promote,
    readiness,
    scratch,
    workshop,
)
from retrain.train.beside import measure
from retrain.train.compile import backend, manifest
from retrain.train.ended import guard
from retrain.train.fit import checkpoint, loop, model, speed
from retrain.train.golden import judge, judged
from retrain.train.noted import notebook, writers
from schemas import checks, runs
from streams.stages import rounds


def execute(shop: workshop.Workshop, run_id: str) -> runs.State:
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


def fail(shop: workshop.Workshop, run_id: str, cause: str) -> runs.State:
    """Record that a run has failed, and tell of it."""
    try:
        workshop.advance(shop, run_id, runs.State.FAILED, ended=sa.func.now(), error=cause)
    except guard.Ended as meanwhile:
        return meanwhile.state
    return runs.State.FAILED


def _execute(shop: workshop.Workshop, run_id: str) -> runs.State:
    with shop.engine.connect() as connection:
        run = store.run(connection, run_id)
        champion = store.champion(connection)
    if run["state"] == runs.State.REGISTERED:  # killed between the last two steps
        return _promote(shop, run_id)

    scratch.swept(shop.engine, shop.models, shop.policy.runs.keep_days)
    serving = champion["model"] if champion else None
    with shop.engine.connect() as connection:
        against = promote.verified(connection, shop.models, serving) if serving else None
    parts = prepare.divided(shop, run_id, run["as_of"], serving)

    kept = scratch.kept(shop.models, run_id, parts.rows, shop.recipe)
    directory = scratch.emptied(shop.models, run_id, kept)
    with writers.opened(shop.places, run_id) as others:
        notes = notebook.Notebook(shop.held.begin, run_id, directory, others)
        train = prepare.examined(shop, run_id, run["as_of"], parts, notes)
        trained = _train(shop, run_id, parts, train, notes, checkpoint.Keeper(kept), against)
    kept.unlink(missing_ok=True)  # it is no part of the model
    name, report = _gate(shop, run_id, trained, parts)
    notes.check((*readiness.checks(report), *_judged(shop, run_id, trained, parts, against)))

    if gate.overall(report) is runs.GateVerdict.PASS:
        return _register(shop, run_id, trained, name)
    return _reject(shop, run_id, report)


def _gate(
    shop: workshop.Workshop,
    run_id: str,
    trained: candidate.Trained,
    parts: divide.Divided,
) -> tuple[str, tuple[runs.Gate, ...]]:
    """Name the candidate and finish its directory, whatever its gates say of it."""
    test = parts.part("test")
    report = candidate.gates(trained, test, shop.policy.gates, parts.lacking)
    with shop.held.begin() as connection:
        name = store.next_model(connection)
    candidate.finish(trained, name, test, report)
    shop.lines.line("DEPLOY", candidate.deployed(trained, name))
    workshop.advance(
        shop,
        run_id,
        runs.State.GATED,
        gates=store.gates(report),
        candidate=name,
    )
    return name, report


def _judged(
    shop: workshop.Workshop,
    run_id: str,
    trained: candidate.Trained,
    parts: divide.Divided,
    champion: Path | None,
) -> Iterator[checks.Check]:
    """How the candidate answers the golden set, kept and as checks."""
    told = judge.strata(trained.directory, champion, parts.golden)
    with shop.held.begin() as connection:
        store.record_step(connection, run_id, judge.STEP, judge.detail(parts.golden, told))
    yield from judged.checks(told)


def _reject(
    shop: workshop.Workshop,
    run_id: str,
    report: tuple[runs.Gate, ...],
) -> runs.State:
    """Say so. What the run has made stays for a while: there is much to learn from it."""
    workshop.advance(shop, run_id, runs.State.REJECTED, ended=sa.func.now())

    verdict = gate.overall(report)
    missed = [each.gate for each in report if each.verdict != runs.GateVerdict.PASS]
    reason = f"gates {verdict}: {', '.join(missed)}"
    shop.lines.line("DECISION", {"promote": False, "reason": reason})
    return runs.State.REJECTED


def _register(
    shop: workshop.Workshop,
    run_id: str,
    trained: candidate.Trained,
    name: str,
) -> runs.State:
    promote.register(shop.held.begin, shop.models, trained.directory, name, run_id)
    asks = shop.policy.trigger.promotion == "approve"
    # Promoted at once, it is told of as the champion only.
    workshop.advance(shop, run_id, runs.State.REGISTERED, tell=asks)
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


def _promote(shop: workshop.Workshop, run_id: str) -> runs.State:
    promote.promote(shop.held.begin, shop.models, run_id, by="policy")
    return runs.State.CHAMPION


def _train(
    shop: workshop.Workshop,
    run_id: str,
    parts: divide.Divided,
    train: pd.DataFrame,
    notes: notebook.Notebook,
    keeper: checkpoint.Keeper,
    champion: Path | None,
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
    workshop.advance(shop, run_id, runs.State.EVALUATED)

    beside = measure.beside(of_parts, recipe, champion)
    for fields in beside.lines():
        shop.lines.line("BASELINE", {"run_id": run_id, **fields})

    trained = build.trained(network, list(test["text"]), recipe, notes.directory)
    notes.check(baseline.checks(beside.baselines, trained.scores))
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
        "baselines": beside.plain(),
    }
    workshop.advance(shop, run_id, runs.State.COMPILED, evaluation=evaluation)
    return dataclasses.replace(trained, beside=beside)
