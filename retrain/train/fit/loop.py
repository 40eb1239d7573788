"""One fine-tune: batches, loss, backward, clip, step; after each epoch a validation; the best
epoch is kept.
"""

import copy
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from retrain import progress
from retrain.evaluation import calibration, confusion, validation
from retrain.train import recipe as recipes
from retrain.train.fit import batches, loss, model, rates, rows, step, telemetry
from schemas import present

Log = Callable[[str, dict[str, Any]], None]
Beat = Callable[[dict[str, Any]], None]
_BEAT_S = 1.0


def fine_tune(
    network: Any,
    tokenizer: Any,
    train: rows.Rows,
    val: rows.Rows,
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


def _fit(network: Any, tokenizer: Any, train: rows.Rows, recipe: recipes.Recipe) -> step.Fit:
    layers = model.layers(network)
    optimizer, peaks = _optimizer(layers, recipe)
    steps_an_epoch = math.ceil(len(train.texts) / recipe.batch)
    return step.Fit(
        network=network,
        tokenizer=tokenizer,
        train=train,
        recipe=recipe,
        optimizer=optimizer,
        layers=layers,
        peaks=peaks,
        class_weights=_class_weights(train, recipe),
        steps=steps_an_epoch * recipe.epochs,
    )


def _class_weights(train: rows.Rows, recipe: recipes.Recipe) -> torch.Tensor:
    """Of every intent, by how many training rows mean it; alike where the recipe weighs none. Shape
    (K,).
    """
    intents = present.INTENTS
    if not recipe.weighs:
        return torch.ones(len(intents))
    counts = np.bincount(train.labels, minlength=len(intents))
    rows_of = dict(zip(intents, counts.tolist(), strict=True))
    return torch.tensor(rates.class_weights(rows_of, intents))


def _epoch(
    fit: step.Fit,
    epoch: int,
    rng: np.random.Generator,
    tell: Callable[[step.Step], None],
) -> dict[str, float]:
    """Every training row once, in batches that `rng` draws, or as many of all intents alike; `tell`
    is called after each batch. Returns the means of the steps' losses.
    """
    fit.network.train()
    mine = np.arange(len(fit.train.texts))
    if fit.recipe.loss == "oversampling":
        mine = batches.alike(fit.train.labels, rng)
    steps_an_epoch = fit.steps // fit.recipe.epochs
    number = (epoch - 1) * steps_an_epoch
    total, plain = 0.0, 0.0
    texts = [fit.train.texts[row] for row in mine]
    for batch in batches.drawn(texts, fit.recipe.batch, rng):
        number += 1
        one = step.taken(fit, epoch, number, mine[batch])
        total += one.loss
        plain += one.log_loss
        tell(one)
    return {"train_loss": total / steps_an_epoch, "train_log_loss": plain / steps_an_epoch}


def _teller(
    fit: step.Fit,
    bar: Any,
    run_id: str,
    log: Log,
    beat: Beat,
    put: telemetry.Put,
) -> Callable[[step.Step], None]:
    """What tells the bar of every step, the log and the rows of those that are noted, and `beat`
    once a second.
    """
    last_beat = time.monotonic()
    recent = telemetry.Recent()

    def tell(taken: step.Step) -> None:
        nonlocal last_beat
        number = taken.number
        bar.update()
        recent.add(taken.loss, taken.took, clipped=taken.norm > fit.recipe.clip)

        if taken.done is not None:
            numbers = step.numbers(fit, taken)
            told = telemetry.of_step(taken.epoch, number, numbers, recent, taken.done)
            log("TRAIN", {"run_id": run_id, **step.fields(fit, taken, told)})
            put(told)

        if time.monotonic() - last_beat > _BEAT_S:
            last_beat = time.monotonic()
            beat({"epoch": taken.epoch, "step": number, "steps": fit.steps})

    return tell


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
        tokens = rows.encoded(tokenizer, together, max_tokens)
        answers[part] = network(**tokens).logits.double().numpy()
    return answers


def _validate(
    network: Any,
    tokenizer: Any,
    val: rows.Rows,
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
        gamma=recipe.focus,
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
