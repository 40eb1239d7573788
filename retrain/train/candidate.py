"""What a run has made, before anybody serves it: its gates, what it looks like on its held-out
rows, and the directory that says so.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from retrain import store
from retrain.evaluation import confusion, validation
from retrain.train import beaten, covered, gate, loadtest
from retrain.train.beside import measure
from retrain.train.compile import manifest, parity
from schemas import normalise, policy, present, runs, slices, windows

# Below this the held-out live rows say less about the mix than the whole held-out set.
_MIN_LIVE_REFERENCE = 100
_NEWEST = 500  # held-out live rows, the last to come


@dataclass(frozen=True, slots=True)
class Trained:
    """A directory with a network and its artefact, and the numbers that the gates need. `target`:
    what the artefact is compiled for. `beside`: what it is set beside on the same rows.
    """

    directory: Path
    answers: gate.Answers
    parity: parity.Parity
    load: loadtest.LoadTest
    scores: confusion.Scores
    validation: validation.Validation
    tokenizer_hash: str
    target: str
    beside: measure.Beside = measure.NOTHING


def answers(probabilities: npt.NDArray[np.float64]) -> gate.Answers:
    """The answer of each row and its confidence, from calibrated probabilities (n, K)."""
    return gate.Answers(probabilities.argmax(1), probabilities.max(1))


def gates(
    trained: Trained,
    test: pd.DataFrame,
    rules: policy.Gates,
    lacking: Sequence[covered.Lack] = (),
) -> tuple[runs.Gate, ...]:
    """Every gate on the held-out rows. `lacking`: parts, and the intents without a row in them."""
    champion, linear = trained.beside.champion, trained.beside.linear
    before = answers(champion) if champion is not None else None
    rival = None
    if linear is not None:
        rival = beaten.Rival(linear.argmax(1), _newest(test))
    labels = confusion.places(test["intent"])
    evidence = gate.Evidence(labels, list(test["group"]), lacking, rival)
    serving = _serving(trained)
    return gate.report(trained.answers, before, evidence, serving, rules)


def _newest(test: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows are the last live ones; they come in order of time. Shape (n,)."""
    live = (test["kind"] == "live").to_numpy()
    later = live[::-1].cumsum()[::-1]  # live rows from here on
    return np.asarray(live & (later <= _NEWEST))


def _serving(trained: Trained) -> gate.Serving:
    load, same = trained.load, trained.parity
    return gate.Serving(
        p95_latency_ms=load.p95_ms,
        error_rate=load.error_rate,
        requests=load.n,
        parity=same.passed,
        agreement=same.agreement,
        parity_n=same.n,
        work_p95_ms=load.work_p95_ms,
        core_share=load.core_share,
    )


def finish(
    trained: Trained,
    name: str,
    test: pd.DataFrame,
    report: tuple[runs.Gate, ...],
) -> None:
    """Write everything contract.md promises of the directory of the model `name`, and the signed
    list of it last.
    """
    reference = _reference(trained, name, test)
    files = {
        "normaliser.json": {"version": normalise.VERSION, "sha256": normalise.SHA256},
        manifest.LABELS: list(present.INTENTS),
        manifest.TAXONOMY: present.TAXONOMY.body,
        "reference.json": dataclasses.asdict(reference),
        "parity.json": dataclasses.asdict(trained.parity),
        "gate_report.json": store.gates(report),
    }
    for file, body in files.items():
        (trained.directory / file).write_text(json.dumps(body, indent=1))
    manifest.write(trained.directory)


def deployed(trained: Trained, name: str) -> dict[str, str | bool]:
    """Fields of [DEPLOY]: what would be served of the model `name`. The reference is compiled for
    nothing.
    """
    return {
        "candidate_model": name,
        "tokenizer_hash": trained.tokenizer_hash,
        "compiled": not trained.target.startswith("torch"),
        "target": trained.target,
    }


def _reference(trained: Trained, name: str, test: pd.DataFrame) -> runs.Reference:
    """The candidate on its held-out rows; on the live ones alone where there are enough, since they
    are what it will meet.
    """
    live = (test["kind"] == "live").to_numpy()
    everything = np.ones(len(test), dtype=bool)
    chosen = live if live.sum() >= _MIN_LIVE_REFERENCE else everything

    labels = confusion.places(test["intent"])[chosen]
    predicted = trained.answers.predicted[chosen]
    scores = confusion.scores(labels, predicted)
    recall = {}
    for intent, value in scores.recall.items():
        if value is not None:
            recall[intent] = value

    confidence = trained.answers.confidence[chosen]
    low = confidence < windows.LOW_CONFIDENCE
    counts = np.bincount(predicted, minlength=len(present.INTENTS))
    texts = test["text"].to_numpy()[chosen]
    scripts = [slices.script(text) for text in texts]
    return runs.Reference(
        model=name,
        n=len(labels),
        intent_counts=dict(zip(present.INTENTS, counts.tolist(), strict=True)),
        mean_confidence=float(confidence.mean()),
        low_confidence_rate=float(low.mean()),
        accuracy=scores.accuracy,
        accuracy_n=scores.n,
        recall=recall,
        p95_latency_ms=trained.load.p95_ms,
        script_counts={script: scripts.count(script) for script in slices.SCRIPTS},
        tokenizer=windows.tokenizer_code(trained.tokenizer_hash),
    )
