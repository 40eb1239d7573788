"""One step of a fine-tune: a batch, its loss, backward, clip, the weights moved; and what of it is
told.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch

from retrain.train import recipe as recipes
from retrain.train.fit import loss, optimizer, rates, rows, speed, telemetry
from schemas import runs

_NOTED_EVERY: Final = 25  # steps


@dataclass(frozen=True, slots=True)
class Fit:
    """What a fine-tune works with: the tokens and labels it learns from, `layers`, which are its
    parameters by depth, `peaks`, the highest rate of each, `class_weights` of shape (K,), and how
    many `steps` all epochs have.
    """

    network: Any
    tokens: rows.Tokens
    labels: rows.Numbers
    recipe: recipes.Recipe
    optimizer: torch.optim.Optimizer
    layers: list[list[Any]]
    peaks: list[float]
    class_weights: torch.Tensor
    steps: int

    def notes(self, number: int) -> bool:
        """Whether a step has a line and rows: every 25th, the first and the last."""
        return number % _NOTED_EVERY == 0 or number in (1, self.steps)


@dataclass(frozen=True, slots=True)
class Step:
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


@dataclass(frozen=True, slots=True)
class _Losses:
    """The loss that is trained on, and the plain one beside it."""

    trained: torch.Tensor
    plain: torch.Tensor


def taken(fit: Fit, epoch: int, number: int, batch: rows.Numbers) -> Step:
    """Take a step on the rows `batch`, at the rates that are due."""
    begun = time.perf_counter()
    factor = rates.schedule(number, fit.steps, fit.recipe.warmup)
    optimizer.set_rates(fit.optimizer, factor)

    device = fit.recipe.device
    tokens = fit.tokens.padded(batch, device)
    labels = torch.from_numpy(fit.labels[batch]).to(device)
    waited = time.perf_counter() - begun
    losses = _losses(fit, tokens, labels)
    torch.autograd.backward(losses.trained)
    norm, done = _moved(fit, noted=fit.notes(number))

    held = int(tokens["attention_mask"].sum())
    took = telemetry.Took(time.perf_counter() - begun, waited, len(batch), held)
    cost, plain = losses.trained.item(), losses.plain.item()
    return Step(epoch, number, cost, plain, norm, factor, took, done)


def _losses(fit: Fit, tokens: Any, labels: torch.Tensor) -> _Losses:
    with speed.autocast(fit.recipe):
        answers = fit.network(**tokens).logits
    answers = answers.float()
    plain = torch.nn.functional.cross_entropy(answers.detach(), labels)
    weights, gamma = fit.class_weights, fit.recipe.focus
    return _Losses(loss.focal(answers, labels, weights=weights, gamma=gamma), plain)


def _moved(fit: Fit, *, noted: bool) -> tuple[float, telemetry.Norms | None]:
    """Clip the gradient and move the weights: the gradient's norm before, and what was moved."""
    gradient = telemetry.gradients(fit.layers) if noted else []
    norm = torch.nn.utils.clip_grad_norm_(fit.network.parameters(), fit.recipe.clip)
    before = telemetry.weights(fit.layers) if noted else []
    fit.optimizer.step()
    fit.optimizer.zero_grad()
    done = telemetry.norms(fit.layers, gradient, before) if noted else None
    return norm.item(), done


def numbers(fit: Fit, step: Step) -> dict[str, float]:
    """What a step itself tells, by name."""
    return {
        "loss": step.loss,
        "grad_norm": step.norm,
        "lr_head": fit.peaks[-1] * step.factor,
        "lr_bottom": fit.peaks[0] * step.factor,
    }


def fields(fit: Fit, step: Step, told: Sequence[runs.Metric]) -> dict[str, Any]:
    """Fields of [TRAIN] from a step's rows."""
    value = {row.name: row.value for row in told}
    return {
        "epoch": step.epoch,
        "step": f"{step.number}/{fit.steps}",
        "loss": value["loss"],
        "grad_norm": value["grad_norm"],
        "ex_per_sec": value["examples_per_s"],
        "lr_head": value["lr_head"],
        "lr_bottom": value["lr_bottom"],
        "gpu_mem_gb": value.get("gpu_memory_mib", 0.0) / 1024,
    }
