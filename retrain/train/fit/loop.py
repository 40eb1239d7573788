"""One fine-tune: batches, loss, backward, clip, step; after each epoch a validation; the best
epoch is kept.
"""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from retrain import progress
from retrain.train import recipe as recipes
from retrain.train import signs
from retrain.train.fit import (
    batches,
    checkpoint,
    choice,
    model,
    optimizer,
    rates,
    rows,
    scores,
    speed,
    step,
    telemetry,
)
from schemas import present

Log = Callable[[str, dict[str, Any]], None]
Beat = Callable[[dict[str, Any]], None]
_BEAT_S = 1.0


class Diverged(RuntimeError):
    """The loss is no number any more, and no epoch is there to go back to."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Who is told of a fine-tune. `log` gets [TRAIN] [VAL] [CHECKPOINT] [DECISION], `put` its
    numbers as rows, `beat` is called about once a second; `keeper`, if any, keeps what it takes to
    go on. `latency_ms`: the limit that the epoch is chosen subject to.
    """

    run_id: str
    log: Log
    beat: Beat
    put: telemetry.Put
    latency_ms: float
    keeper: checkpoint.Keeper | None = None


def fine_tune(
    network: Any,
    tokenizer: Any,
    train: rows.Rows,
    val: rows.Rows,
    recipe: recipes.Recipe,
    hooks: Hooks,
) -> Any:
    """Train in place and return the network with its best epoch's weights. Raises Diverged where
    there is none, and speed.DeviceMissing.
    """
    torch.manual_seed(recipe.seed)
    held = scores.Held(rows.tokens(tokenizer, val.texts, recipe.max_tokens), val.labels)
    with speed.ready(network, recipe):
        fit = _fit(network, tokenizer, train, recipe)
        state = _begun(fit, hooks)
        with progress.bar("fine-tune", fit.steps, "step", mininterval=1) as bar:
            _epochs(fit, state, held, bar, hooks)

    best = choice.best(_scores(state))
    if not best:
        raise Diverged("the loss is no number any more; reduce learning_rate or increase warmup")
    criterion = f"{choice.CRITERION} < {hooks.latency_ms:g}ms"
    hooks.log("CHECKPOINT", {"best_epoch": best, "criterion": criterion})
    network.load_state_dict(state.best)
    return network


def _scores(state: checkpoint.State) -> list[float]:
    """The macro-F1 of each epoch."""
    return signs.Series(state.rows).of("val_macro_f1")


def _fit(network: Any, tokenizer: Any, train: rows.Rows, recipe: recipes.Recipe) -> step.Fit:
    model.freeze(network, recipe.frozen)
    layers = model.layers(network)
    adam, peaks = optimizer.made(layers, recipe)
    steps_an_epoch = math.ceil(len(train.texts) / recipe.batch)
    return step.Fit(
        network=network,
        tokens=rows.tokens(tokenizer, train.texts, recipe.max_tokens),
        labels=train.labels,
        recipe=recipe,
        optimizer=adam,
        layers=layers,
        peaks=peaks,
        class_weights=_class_weights(train, recipe).to(recipe.device),
        steps=steps_an_epoch * recipe.epochs,
    )


def _begun(fit: step.Fit, hooks: Hooks) -> checkpoint.State:
    """Where the fine-tune goes on: at its checkpoint, whose numbers are told once more, or at its
    begin.
    """
    state = None
    if hooks.keeper is not None:
        state = hooks.keeper.restored(fit.network, fit.optimizer)
    if state is None:
        rng = np.random.default_rng(fit.recipe.seed)
        return checkpoint.State(sampler=dict(rng.bit_generator.state))
    hooks.put(state.rows)
    return state


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


def _epochs(
    fit: step.Fit,
    state: checkpoint.State,
    held: scores.Held,
    bar: Any,
    hooks: Hooks,
) -> None:
    """Every epoch that is still to come and worth its time."""
    rng = np.random.default_rng()
    rng.bit_generator.state = state.sampler
    tell = _teller(fit, state, bar, hooks)
    bar.update((state.epoch - 1) * _steps_an_epoch(fit) + state.taken)

    why = None
    while state.epoch <= fit.recipe.epochs and why is None:
        if not _epoch(fit, state, rng, tell, hooks):
            why = "loss_finite: the loss is no number any more"
            break
        _validated(fit, state, held, hooks)
        state.begin_epoch(state.epoch + 1, dict(rng.bit_generator.state))
        _keep(fit, state, hooks, now=True)
        why = choice.why_stop(state.rows, fit.recipe.patience)

    if why is not None and state.epoch <= fit.recipe.epochs:
        hooks.log("DECISION", {"selected": "stop_early", "reason": why})


def _steps_an_epoch(fit: step.Fit) -> int:
    return fit.steps // fit.recipe.epochs


def _epoch(
    fit: step.Fit,
    state: checkpoint.State,
    rng: np.random.Generator,
    tell: Callable[[step.Step], None],
    hooks: Hooks,
) -> bool:
    """Every training row once, in batches that `rng` draws, or as many of all intents alike, after
    those steps that are done; whether the loss is still a number.
    """
    fit.network.train()
    begun = (state.epoch - 1) * _steps_an_epoch(fit)
    for batch in _drawn(fit, rng)[state.taken :]:
        one = step.taken(fit, state.epoch, begun + state.taken + 1, batch)
        if not math.isfinite(one.loss):
            return False
        state.taken += 1
        state.total += one.loss
        state.plain += one.log_loss
        tell(one)
        _keep(fit, state, hooks)
    return True


def _drawn(fit: step.Fit, rng: np.random.Generator) -> list[rows.Numbers]:
    """The rows of each batch of an epoch."""
    mine = np.arange(len(fit.labels))
    if fit.recipe.loss == "oversampling":
        mine = batches.alike(fit.labels, rng)
    lengths = fit.tokens.lengths[mine]
    return [mine[batch] for batch in batches.drawn(lengths, fit.recipe.batch, rng)]


def _keep(fit: step.Fit, state: checkpoint.State, hooks: Hooks, *, now: bool = False) -> None:
    if hooks.keeper:
        hooks.keeper.keep(fit.network, fit.optimizer, state, now=now)


def _validated(fit: step.Fit, state: checkpoint.State, held: scores.Held, hooks: Hooks) -> None:
    """The epoch's figures, told and noted; its weights, if it is the best one so far."""
    steps = _steps_an_epoch(fit)
    told, more = scores.scored(fit, held)
    hooks.log("VAL", {"run_id": hooks.run_id, "epoch": state.epoch, **told})
    figures: dict[str, float | None] = {
        "train_loss": state.total / steps,
        "train_log_loss": state.plain / steps,
    }
    figures |= {f"val_{name}": value for name, value in (told | more).items()}
    noted = telemetry.of_epoch(state.epoch, state.epoch * steps, figures)
    state.rows += noted
    hooks.put(noted)
    if choice.best(_scores(state)) == state.epoch:
        state.best = copy.deepcopy(fit.network.state_dict())


def _teller(
    fit: step.Fit,
    state: checkpoint.State,
    bar: Any,
    hooks: Hooks,
) -> Callable[[step.Step], None]:
    """What tells the bar of every step, the log and the rows of those that are noted, and `beat`
    once a second.
    """
    last_beat = time.monotonic()

    def tell(taken: step.Step) -> None:
        nonlocal last_beat
        number = taken.number
        bar.update()
        state.recent.add(taken.loss, taken.took, clipped=taken.norm > fit.recipe.clip)

        if taken.done is not None:
            numbers = step.numbers(fit, taken)
            told = telemetry.of_step(taken.epoch, number, numbers, state.recent, taken.done)
            hooks.log("TRAIN", {"run_id": hooks.run_id, **step.fields(fit, taken, told)})
            state.rows += told
            hooks.put(told)

        if time.monotonic() - last_beat > _BEAT_S:
            last_beat = time.monotonic()
            hooks.beat({"epoch": taken.epoch, "step": number, "steps": fit.steps})

    return tell


def logits(
    network: Any,
    tokenizer: Any,
    texts: list[str],
    max_tokens: int,
) -> npt.NDArray[np.float64]:
    """Eager logits of normalised texts in their order: shape (n, K)."""
    return scores.answers(network, rows.tokens(tokenizer, texts, max_tokens))
