"""One fine-tune: batches, loss, backward, clip, step; after each epoch a validation; the best
epoch is kept.
"""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from retrain import progress
from retrain.evaluation import calibration, confusion, validation
from retrain.train import recipe as recipes
from retrain.train.fit import batches, loss, model, rates, telemetry
from schemas import normalise, present, runs

Log = Callable[[str, dict[str, Any]], None]
Beat = Callable[[dict[str, Any]], None]
_LINE_EVERY = 25  # steps
_BEAT_S = 1.0


@dataclass(frozen=True, slots=True)
class Rows:
    """Normalised texts and the numbers of their intents."""

    texts: list[str]
    labels: npt.NDArray[np.int64]


def rows(texts: list[str], intents: list[str]) -> Rows:
    """Rows for the loop from raw texts and intent names."""
    return Rows([normalise.text(text) for text in texts], confusion.places(intents))


@dataclass(frozen=True, slots=True)
class _Fit:
    """What a fine-tune works with: `layers` are its parameters by depth, `peaks` the highest rate
    of each, `class_weights` has shape (K,), `steps` counts those of all epochs.
    """

    network: Any
    tokenizer: Any
    train: Rows
    recipe: recipes.Recipe
    optimizer: torch.optim.Optimizer
    layers: list[list[Any]]
    peaks: list[float]
    class_weights: torch.Tensor
    steps: int


@dataclass(frozen=True, slots=True)
class _Step:
    """One step that was taken: its number from 1, its loss and the plain one (in nats, no row
    weighing more), the gradient's norm before it was clipped, the factor of the peak rates, how
    long it took, and what it did if that is noted.
    """

    epoch: int
    number: int
    loss: float
    log_loss: float
    norm: float
    factor: float
    took: telemetry.Took
    done: telemetry.Norms | None


def fine_tune(
    network: Any,
    tokenizer: Any,
    train: Rows,
    val: Rows,
    recipe: recipes.Recipe,
    *,
    run_id: str,
    log: Log,
    beat: Beat,
    put: telemetry.Put,
) -> Any:
    """Train in place and return the network with its best epoch's weights. `log` gets [TRAIN] [VAL]
    [CHECKPOINT], `put` the run's numbers as rows; `beat` is called about once a second.
    """
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    fit = _fit(network, tokenizer, train, recipe)
    best_epoch = 0
    best_f1 = -1.0
    best_weights = copy.deepcopy(network.state_dict())

    with progress.bar("fine-tune", fit.steps, "step", mininterval=1) as bar:
        tell = _teller(fit, bar, run_id, log, beat, put)

        for epoch in range(1, recipe.epochs + 1):
            trained = _epoch(fit, epoch, rng, tell)

            scores, more = _validate(network, tokenizer, val, recipe, fit.class_weights)
            log("VAL", {"run_id": run_id, "epoch": epoch, **scores})
            figures = {f"val_{name}": value for name, value in (scores | more).items()}
            last_step = epoch * fit.steps // recipe.epochs
            put(telemetry.of_epoch(epoch, last_step, trained | figures))
            if scores["macro_f1"] > best_f1:
                best_epoch = epoch
                best_f1 = scores["macro_f1"]
                best_weights = copy.deepcopy(network.state_dict())

    log("CHECKPOINT", {"best_epoch": best_epoch, "criterion": "max macro_f1"})
    network.load_state_dict(best_weights)
    return network


def _fit(network: Any, tokenizer: Any, train: Rows, recipe: recipes.Recipe) -> _Fit:
    layers = model.layers(network)
    optimizer, peaks = _optimizer(layers, recipe)
    steps_an_epoch = math.ceil(len(train.texts) / recipe.batch)
    return _Fit(
        network=network,
        tokenizer=tokenizer,
        train=train,
        recipe=recipe,
        optimizer=optimizer,
        layers=layers,
        peaks=peaks,
        class_weights=_class_weights(train),
        steps=steps_an_epoch * recipe.epochs,
    )


def _class_weights(train: Rows) -> torch.Tensor:
    """Of every intent, by how many training rows mean it. Shape (K,)."""
    intents = present.INTENTS
    counts = np.bincount(train.labels, minlength=len(intents))
    rows_of = dict(zip(intents, counts.tolist(), strict=True))
    return torch.tensor(rates.class_weights(rows_of, intents))


def _epoch(
    fit: _Fit,
    epoch: int,
    rng: np.random.Generator,
    tell: Callable[[_Step], None],
) -> dict[str, float]:
    """Every training row once, in batches that `rng` draws; `tell` is called after each. Returns
    the means of the steps' losses.
    """
    fit.network.train()
    steps_an_epoch = fit.steps // fit.recipe.epochs
    number = (epoch - 1) * steps_an_epoch
    total, plain = 0.0, 0.0
    for batch in batches.drawn(fit.train.texts, fit.recipe.batch, rng):
        number += 1
        step = _step(fit, epoch, number, batch)
        total += step.loss
        plain += step.log_loss
        tell(step)
    return {"train_loss": total / steps_an_epoch, "train_log_loss": plain / steps_an_epoch}


def _step(
    fit: _Fit,
    epoch: int,
    number: int,
    batch: npt.NDArray[np.int64],
) -> _Step:
    """Loss, backward, clip, step, at the rates that are due at this step."""
    begun = time.perf_counter()
    recipe, noted = fit.recipe, _is_noted(fit, number)
    factor = rates.schedule(number, fit.steps, recipe.warmup)
    groups = fit.optimizer.param_groups
    for group, peak in zip(groups, fit.peaks, strict=True):
        group["lr"] = peak * factor

    texts = [fit.train.texts[row] for row in batch]
    tokens = _encoded(fit.tokenizer, texts, recipe.max_tokens)
    waited = time.perf_counter() - begun
    labels = torch.from_numpy(fit.train.labels[batch])
    answers = fit.network(**tokens).logits
    plain = torch.nn.functional.cross_entropy(answers.detach(), labels)
    cost = loss.focal(
        answers,
        labels,
        weights=fit.class_weights,
        gamma=recipe.gamma,
    )

    torch.autograd.backward(cost)
    gradient = telemetry.gradients(fit.layers) if noted else []
    norm = torch.nn.utils.clip_grad_norm_(fit.network.parameters(), recipe.clip)
    before = telemetry.weights(fit.layers) if noted else []
    fit.optimizer.step()
    fit.optimizer.zero_grad()

    done = telemetry.norms(fit.layers, gradient, before) if noted else None
    held = int(tokens["attention_mask"].sum())
    took = telemetry.Took(time.perf_counter() - begun, waited, len(batch), held)
    return _Step(epoch, number, cost.item(), plain.item(), norm.item(), factor, took, done)


def _is_noted(fit: _Fit, number: int) -> bool:
    """Whether a step has a line and rows: every 25th, the first and the last."""
    return number % _LINE_EVERY == 0 or number in (1, fit.steps)


def _teller(
    fit: _Fit,
    bar: Any,
    run_id: str,
    log: Log,
    beat: Beat,
    put: telemetry.Put,
) -> Callable[[_Step], None]:
    """What tells the bar of every step, the log and the rows of those that are noted, and `beat`
    once a second.
    """
    last_beat = time.monotonic()
    recent = telemetry.Recent()

    def tell(step: _Step) -> None:
        nonlocal last_beat
        number = step.number
        bar.update()
        recent.add(step.loss, step.took, clipped=step.norm > fit.recipe.clip)

        if step.done is not None:
            numbers = _numbers(fit, step)
            rows = telemetry.of_step(step.epoch, number, numbers, recent, step.done)
            log("TRAIN", {"run_id": run_id, **_fields(fit, step, rows)})
            put(rows)

        if time.monotonic() - last_beat > _BEAT_S:
            last_beat = time.monotonic()
            beat({"epoch": step.epoch, "step": number, "steps": fit.steps})

    return tell


def _numbers(fit: _Fit, step: _Step) -> dict[str, float]:
    """What a step itself tells, by name."""
    return {
        "loss": step.loss,
        "grad_norm": step.norm,
        "lr_head": fit.peaks[-1] * step.factor,
        "lr_bottom": fit.peaks[0] * step.factor,
    }


def _fields(fit: _Fit, step: _Step, rows: Sequence[runs.Metric]) -> dict[str, Any]:
    """Fields of [TRAIN] from a step's rows."""
    told = {row.name: row.value for row in rows}
    return {
        "epoch": step.epoch,
        "step": f"{step.number}/{fit.steps}",
        "loss": told["loss"],
        "grad_norm": told["grad_norm"],
        "ex_per_sec": told["examples_per_s"],
        "lr_head": told["lr_head"],
        "lr_bottom": told["lr_bottom"],
        "gpu_mem_gb": told.get("gpu_memory_mib", 0.0) / 1024,
    }


def _optimizer(
    layers: Sequence[Sequence[Any]], recipe: recipes.Recipe
) -> tuple[torch.optim.Optimizer, list[float]]:
    """AdamW with one group a layer, and the peak rate of each: the head learns fastest, the
    embeddings slowest (seed 6.4, 6.5).
    """
    depth = len(layers) - 2  # without embeddings and head
    peaks = rates.peaks(
        recipe.learning_rate,
        recipe.layer_decay,
        depth,
        recipe.head_factor,
    )
    groups = []
    for parameters, peak in zip(layers, peaks, strict=True):
        groups.append({"params": list(parameters), "lr": peak})
    optimizer = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay, fused=True)
    return optimizer, peaks


def _encoded(tokenizer: Any, texts: list[str], max_tokens: int) -> Any:
    return tokenizer(
        texts,
        padding=True,
        truncation=True,
        max_length=max_tokens,
        return_tensors="pt",
        return_token_type_ids=False,
    )


@torch.no_grad()
def logits(
    network: Any,
    tokenizer: Any,
    texts: list[str],
    max_tokens: int,
    size: int = 64,
) -> npt.NDArray[np.float64]:
    """Eager logits of normalised texts in their order: shape (n, K)."""
    network.eval()
    lengths = [len(text) for text in texts]
    by_length = np.argsort(lengths, kind="stable")
    answers = np.zeros((len(texts), len(present.INTENTS)))
    for part in batches.cut(by_length, size):
        together = [texts[row] for row in part]
        tokens = _encoded(tokenizer, together, max_tokens)
        answers[part] = network(**tokens).logits.double().numpy()
    return answers


def _validate(
    network: Any,
    tokenizer: Any,
    val: Rows,
    recipe: recipes.Recipe,
    class_weights: torch.Tensor,
) -> tuple[dict[str, Any], dict[str, float | None]]:
    """Fields of [VAL]: figures of the network on the rows it is not trained on; and how sure it is
    of them, where it is right and where it is wrong.
    """
    answers = logits(network, tokenizer, val.texts, recipe.max_tokens)
    predicted = answers.argmax(1)
    scores = confusion.scores(val.labels, predicted)

    temperature = calibration.temperature(answers, val.labels)
    probabilities = calibration.probabilities(answers, temperature)
    confidence = probabilities.max(1)
    right = predicted == val.labels

    cost = loss.focal(
        torch.from_numpy(answers),
        torch.from_numpy(val.labels),
        weights=class_weights.double(),
        gamma=recipe.gamma,
    )
    fields = {
        "loss": float(cost),
        "acc": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "rare_recall": scores.rare_recall,
        "ece": calibration.ece(confidence, right),
    }
    return fields, {
        "log_loss": validation.log_loss(calibration.probabilities(answers, 1.0), val.labels),
        "confidence_right": validation.mean(confidence[right]),
        "confidence_wrong": validation.mean(confidence[~right]),
    }
