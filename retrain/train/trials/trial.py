"""One training on the rows of a run, of which nothing is kept but its numbers."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pandas as pd

from retrain.evaluation import confusion
from retrain.train import build, gate, limits
from retrain.train import recipe as recipes
from retrain.train.compile import backend
from retrain.train.fit import loop, telemetry
from retrain.train.trials import encoders, outcome

Parts = Mapping[str, pd.DataFrame]

# Rows of each part for weights that mean nothing: enough to time an epoch and an answer by.
_SHORT: Final = {"train": 160, "val": 100, "test": 300}
_MB: Final = 1e6


def of_loss(parts: Parts, recipe: recipes.Recipe, loss: recipes.Loss) -> outcome.Outcome:
    """The recipe with this loss. Raises what build.tuned does, and limits.OverLimit."""
    network, minutes = _tuned(parts, replace(recipe, loss=loss))
    logits = loop.logits(network.network, network.tokenizer, network.test.texts, recipe.max_tokens)
    predicted = logits.argmax(1)
    return outcome.Outcome(
        loss, predicted, confusion.scores(network.test.labels, predicted), minutes
    )


def of_encoder(
    parts: Parts, recipe: recipes.Recipe, name: str, latency_ms: float
) -> outcome.Outcome:
    """The recipe with this encoder, compiled and timed. `latency_ms`: the limit of a run's gate.
    Raises what build.tuned and build.trained do, and limits.OverLimit.
    """
    trained = name not in encoders.SHAPES
    mine = parts if trained else _short(parts, recipe.seed)
    with tempfile.TemporaryDirectory(prefix="intentwatch_trial_") as scratch:
        base_model = encoders.base_model(name, Path(scratch))
        made_with = replace(recipe, base_model=base_model)
        network, minutes = _tuned(mine, made_with)
        directory = Path(scratch) / "models" / ".trial"
        directory.mkdir(parents=True)
        made = build.trained(network, list(mine["test"]["text"]), made_with, directory)
        mb = _size(directory) / _MB
    load = made.load
    serving = gate.Serving(
        p95_latency_ms=load.p95_ms,
        error_rate=load.error_rate,
        requests=load.n,
        parity=None,
        agreement=None,
        parity_n=0,
        work_p95_ms=load.work_p95_ms,
        core_share=load.core_share,
    )
    p95_ms, note = gate.latency(serving, latency_ms)
    return outcome.Outcome(
        name=name,
        predicted=made.answers.predicted,
        scores=made.scores,
        minutes=minutes * len(parts["train"]) / len(mine["train"]),
        p95_ms=p95_ms,
        mb=mb,
        note=note,
        trained=trained,
    )


def _short(parts: Parts, seed: int) -> Parts:
    """A few rows of each part."""
    few = {}
    for name, n in _SHORT.items():
        rows = parts[name]
        few[name] = rows.sample(min(n, len(rows)), random_state=seed)
    return few


def _tuned(parts: Parts, recipe: recipes.Recipe) -> tuple[build.Tuned, float]:
    """The network, and the minutes that training took."""
    begun = time.monotonic()

    def minutes() -> float:
        return (time.monotonic() - begun) / 60

    def beat(_progress: Mapping[str, Any]) -> None:
        limits.check(recipe, minutes(), telemetry.resident_mib())

    hooks = loop.Hooks(
        run_id="trial",
        log=lambda _tag, _fields: None,
        beat=beat,
        put=lambda _rows: None,
        latency_ms=0.0,
    )
    network = build.tuned(recipe, dict(parts), hooks)
    beat({})  # a short one may have ended before the first
    return network, minutes()


def _size(directory: Path) -> int:
    """Bytes of the artefact; the reference's is the network itself."""
    files = [file for file in (directory / "compiled").rglob("*") if file.is_file()]
    if backend.of(directory) == "torch":
        files.append(directory / "model.safetensors")
    return sum(file.stat().st_size for file in files)
