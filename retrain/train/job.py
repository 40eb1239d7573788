"""The retrain job: snapshot, train, compile, gate, register, promote. Each step is recorded before
the next; a run killed in between starts over from its snapshot and comes to the same result. The
champion is untouched until the last step.
"""

import dataclasses
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa
import torch

from retrain import log, store
from retrain.decide.history import store as history
from retrain.evaluation import calibration, confusion
from retrain.train import audit, gate, heartbeat, loadtest, promote, recipe, snapshot, split
from retrain.train.compile import manifest, onnx, parity, session
from retrain.train.fit import loop, model
from schemas import normalise, policy, present, runs, slices, windows
from streams.stages import rounds

_BEAT_S = 2.0
LEASE_S = 30
# Below this the held-out live rows say less about the mix than the whole held-out set.
_MIN_LIVE_REFERENCE = 100


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


@dataclass(frozen=True, slots=True)
class Compiled:
    """The artefact, what it says of the test rows, shape (n, K), and how far it is from the
    network.
    """

    session: session.Session
    logits: npt.NDArray[np.float64]
    parity: parity.Parity


@dataclass(frozen=True, slots=True)
class Trained:
    """A network, its artefact and the numbers that the gate needs."""

    directory: Path
    answers: gate.Answers
    parity: parity.Parity
    load: loadtest.LoadTest
    scores: confusion.Scores
    tokenizer_hash: str


def execute(shop: Workshop, run_id: str) -> runs.State:
    """Do a queued run to its end. What trying again cannot mend ends it as failed, with its cause;
    any other error is raised.
    """
    try:
        with heartbeat.kept(shop.engine, shop.owner, LEASE_S):
            return _execute(shop, run_id)
    except (
        TooFewLabelsError,
        model.EncoderMissing,
        manifest.BadArtefact,
        promote.NotPromotable,
    ) as error:
        return fail(shop, run_id, rounds.first_line(error))


def fail(shop: Workshop, run_id: str, cause: str) -> runs.State:
    """Record that a run has failed, and tell of it."""
    _advance(shop, run_id, runs.State.FAILED, ended=sa.func.now(), error=cause)
    return runs.State.FAILED


def _execute(shop: Workshop, run_id: str) -> runs.State:
    with shop.engine.connect() as connection:
        known = store.run(connection, run_id)
        doubts = history.doubts(connection, known["as_of"], shop.policy.labels)
        rows = snapshot.frame(
            store.labelled_rows(
                connection, known["as_of"], shop.policy.labels.per_annotator_per_day, doubts
            )
        )
        champion = store.champion(connection)
    if known["state"] == runs.State.REGISTERED:  # killed between the last two steps
        promote.promote(shop.engine, shop.models, run_id, by="policy")
        return runs.State.CHAMPION
    parts = _parts(shop, rows)
    sha256 = snapshot.freeze(rows, shop.models / "snapshots")
    base: dict[str, Any] = {
        "snapshot_sha256": sha256,
        "recipe_sha256": shop.recipe.sha256,
        "base_model": shop.recipe.base_model,
    }
    _advance(
        shop,
        run_id,
        runs.State.TRAINING,
        started=sa.func.now(),
        closed_as_of=None,
        error=None,
        champion=champion and champion["model"],
        **base,
    )
    shop.lines.line("DATA_AUDIT", {"run_id": run_id, **audit.audit(rows)})
    scratch = shop.models / f".{run_id}"  # beside the models: the signing key lies there
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    trained = _train(shop, run_id, parts, scratch)
    _advance(shop, run_id, runs.State.COMPILED, evaluation=dataclasses.asdict(trained.scores))
    report = _gates(shop, parts["test"], trained, champion)
    verdict = gate.overall(report)
    with shop.engine.begin() as connection:
        candidate = store.next_model(connection)
    _finish_directory(scratch, candidate, parts, trained, report)
    _advance(shop, run_id, runs.State.GATED, gates=store.gates(report), candidate=candidate)
    if verdict is not runs.GateVerdict.PASS:
        shutil.rmtree(scratch)
        _advance(shop, run_id, runs.State.REJECTED, ended=sa.func.now())
        shop.lines.line(
            "DECISION",
            {
                "promote": False,
                "reason": f"gates {verdict}: "
                + ", ".join(g.gate for g in report if g.verdict != runs.GateVerdict.PASS),
            },
        )
        return runs.State.REJECTED
    promote.register(shop.engine, shop.models, scratch, candidate, run_id)
    asks = shop.policy.trigger.promotion == "approve"
    _advance(shop, run_id, runs.State.REGISTERED, told=asks)
    if asks:
        return runs.State.REGISTERED
    promote.promote(shop.engine, shop.models, run_id, by="policy")
    shop.lines.line(
        "DECISION", {"promote": True, "strategy": "blue_green", "reason": "every gate passed"}
    )
    return runs.State.CHAMPION


def _parts(shop: Workshop, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    if rows.empty:
        raise TooFewLabelsError(
            "there is no labelled message; import some with `python -m services.labels corpus FILE`"
        )
    found = split.split(rows)
    parts = {part: found[found["part"] == part] for part in ("train", "val", "test")}
    few = [
        f"{len(frame)} {part}"
        for part, frame in parts.items()
        if len(frame) < (shop.policy.labels.min_to_train if part == "train" else 30)
    ]
    if few:
        raise TooFewLabelsError(
            f"too few labelled rows: {', '.join(few)}; the policy's labels.min_to_train is {shop.policy.labels.min_to_train}"
        )
    return parts | {"train": split.capped(parts["train"], shop.recipe.rows, shop.recipe.seed)}


def _train(shop: Workshop, run_id: str, parts: dict[str, pd.DataFrame], scratch: Path) -> Trained:
    torch.set_num_threads(2)
    torch.manual_seed(shop.recipe.seed)  # the head's first weights are drawn while loading
    network, tokenizer = model.load(model.encoder_directory(shop.recipe.base_model))
    train, val, test = (
        loop.rows(list(frame["text"]), list(frame["intent"]))
        for frame in (parts["train"], parts["val"], parts["test"])
    )
    network = loop.fine_tune(
        network,
        tokenizer,
        train,
        val,
        shop.recipe,
        run_id=run_id,
        log=shop.lines.line,
        beat=_beat(shop, run_id),
    )
    _advance(shop, run_id, runs.State.EVALUATED)
    network.save_pretrained(scratch)
    tokenizer.save_pretrained(scratch)
    compiled = _compile(shop, network, tokenizer, (val, test), scratch)
    (scratch / session.SEEN).write_text(json.dumps(compiled.session.seen(train.texts)))
    probabilities = calibration.probabilities(compiled.logits, compiled.session.temperature)
    answers = gate.Answers(probabilities.argmax(1), probabilities.max(1))
    load = loadtest.run(compiled.session, list(parts["test"]["text"]))
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
    return Trained(
        scratch,
        answers,
        compiled.parity,
        load,
        confusion.scores(test.labels, answers.predicted),
        compiled.session.tokenizer_hash,
    )


def _compile(
    shop: Workshop,
    network: Any,
    tokenizer: Any,
    held_out: tuple[loop.Rows, loop.Rows],
    scratch: Path,
) -> Compiled:
    """The artefact that will serve, held against the network; the temperature is fitted on it, not
    on the network.
    """
    val, test = held_out
    (scratch / "calibration.json").write_text(
        json.dumps({"temperature": 1.0, "max_tokens": shop.recipe.max_tokens})
    )
    with tempfile.TemporaryDirectory(dir=shop.models, prefix=".compile_") as workshop:
        fused = onnx.compile(network, scratch, Path(workshop))
        exported, _ = session.open_unsigned(scratch, graph=fused).logits(test.texts)
        moved = onnx.weight_error(fused, scratch / session.ARTEFACT)
    temperature = calibration.temperature(
        session.open_unsigned(scratch).logits(val.texts)[0], val.labels
    )
    (scratch / "calibration.json").write_text(
        json.dumps(
            {"temperature": temperature, "max_tokens": shop.recipe.max_tokens, "n": len(val.texts)}
        )
    )
    serving = session.open_unsigned(scratch, temperature)
    logits, _ = serving.logits(test.texts)
    eager = loop.logits(network, tokenizer, test.texts, shop.recipe.max_tokens)
    return Compiled(serving, logits, parity.check(eager, exported, logits, test.labels, moved))


def _gates(
    shop: Workshop, test: pd.DataFrame, trained: Trained, champion: Any
) -> tuple[runs.Gate, ...]:
    labels = confusion.places(test["intent"])
    evidence = gate.Evidence(labels, list(test["group"]))
    before = None
    if champion is not None:
        probabilities, _ = session.load(shop.models / champion["model"]).classify(
            list(test["text"])
        )
        before = gate.Answers(probabilities.argmax(1), probabilities.max(1))
    same, load = trained.parity, trained.load
    serving = gate.Serving(
        load.p95_ms,
        load.error_rate,
        load.n,
        same.passed,
        same.agreement,
        same.n,
        load.work_p95_ms,
        load.core_share,
    )
    return gate.report(trained.answers, before, evidence, serving, shop.policy.gates)


def _finish_directory(
    scratch: Path,
    candidate: str,
    parts: dict[str, pd.DataFrame],
    trained: Trained,
    report: tuple[runs.Gate, ...],
) -> None:
    """Everything contract.md promises of a model directory, and the signed list of it last."""
    reference = _reference(candidate, parts, trained)
    files = {
        "normaliser.json": {"version": normalise.VERSION, "sha256": normalise.SHA256},
        manifest.LABELS: list(present.INTENTS),
        manifest.TAXONOMY: present.TAXONOMY.body,
        "reference.json": dataclasses.asdict(reference),
        "parity.json": dataclasses.asdict(trained.parity),
        "gate_report.json": store.gates(report),
    }
    for name, body in files.items():
        (scratch / name).write_text(json.dumps(body, indent=1))
    manifest.write(scratch)


def _reference(candidate: str, parts: dict[str, pd.DataFrame], trained: Trained) -> runs.Reference:
    """The candidate on its held-out rows; on the live ones alone where there are enough, since they
    are what it will meet.
    """
    test = parts["test"].reset_index(drop=True)
    live = (test["kind"] == "live").to_numpy()
    chosen = live if live.sum() >= _MIN_LIVE_REFERENCE else np.ones(len(test), dtype=bool)
    labels = confusion.places(test["intent"])[chosen]
    predicted, confidence = trained.answers.predicted[chosen], trained.answers.confidence[chosen]
    scores = confusion.scores(labels, predicted)
    counts = np.bincount(predicted, minlength=len(present.INTENTS))
    scripts = [slices.script(text) for text in test["text"][chosen]]
    return runs.Reference(
        model=candidate,
        n=len(labels),
        intent_counts={
            intent: int(count) for intent, count in zip(present.INTENTS, counts, strict=True)
        },
        mean_confidence=float(confidence.mean()),
        low_confidence_rate=float((confidence < windows.LOW_CONFIDENCE).mean()),
        accuracy=scores.accuracy,
        accuracy_n=scores.n,
        recall={intent: value for intent, value in scores.recall.items() if value is not None},
        p95_latency_ms=trained.load.p95_ms,
        script_counts={script: scripts.count(script) for script in slices.SCRIPTS},
        tokenizer=windows.tokenizer_code(trained.tokenizer_hash),
    )


def _advance(
    shop: Workshop, run_id: str, state: runs.State, *, told: bool = True, **values: Any
) -> None:
    """Record a state, and tell of it in the same transaction; one that is over at once need not be
    told.
    """
    with shop.engine.begin() as connection:
        store.change_run(connection, run_id, state=state, **values)
        store.record_step(connection, run_id, state, {})
        if told:
            promote.tell(connection, run_id)


def _beat(shop: Workshop, run_id: str) -> Callable[[dict[str, Any]], None]:
    last = time.monotonic()

    def beat(progress: dict[str, Any]) -> None:
        nonlocal last
        if time.monotonic() - last > _BEAT_S:
            last = time.monotonic()
            with shop.engine.begin() as connection:
                store.change_run(connection, run_id, progress=progress)

    return beat
