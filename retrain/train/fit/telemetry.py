"""What a fine-tune shows while it runs, as rows: of every step that is noted its loss, gradient,
rates, speed and memory; of every epoch its figures on the rows it is not trained on.
"""

import resource
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch

from schemas import runs

Put = Callable[[Sequence[runs.Metric]], None]

_SMOOTH: Final = 0.9  # of the smoothed loss before, at every step
_WINDOW: Final = 25  # steps that a speed is of
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Took:
    """A step's seconds, those of them that the batch was waited for, and what it held."""

    seconds: float
    waited: float
    examples: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Norms:
    """Of each layer, by its name: the norms of the gradient, of the weights, and of what the step
    moved them by.
    """

    gradient: Mapping[str, float]
    weight: Mapping[str, float]
    update: Mapping[str, float]


@dataclass(slots=True)
class Recent:
    """What the last steps were: the smoothed loss, and of a window how fast they were and how many
    had their gradient clipped.
    """

    smoothed: float | None = None
    steps: deque[Took] = field(default_factory=lambda: deque(maxlen=_WINDOW))
    clipped: deque[bool] = field(default_factory=lambda: deque(maxlen=_WINDOW))

    def add(self, loss: float, took: Took, *, clipped: bool) -> None:
        """One more step."""
        before = loss if self.smoothed is None else self.smoothed
        self.smoothed = _SMOOTH * before + (1 - _SMOOTH) * loss
        self.steps.append(took)
        self.clipped.append(clipped)

    def speed(self) -> Iterator[tuple[str, float]]:
        """Names and values of the window's speed."""
        seconds = sum(step.seconds for step in self.steps)
        yield "step_ms", 1000 * seconds / len(self.steps)
        yield "examples_per_s", sum(step.examples for step in self.steps) / seconds
        yield "tokens_per_s", sum(step.tokens for step in self.steps) / seconds
        yield "loader_wait_share", sum(step.waited for step in self.steps) / seconds
        yield "clipped_share", sum(self.clipped) / len(self.clipped)


def names(layers: int) -> list[str]:
    """Of the parts of a network with so many encoder layers, from the bottom.

    >>> names(2)
    ['embeddings', 'layer_0', 'layer_1', 'head']
    """
    return ["embeddings", *(f"layer_{place}" for place in range(layers)), "head"]


def gradients(layers: Sequence[Sequence[Any]]) -> list[float]:
    """The norm of each layer's gradient."""
    return [_norm([each.grad for each in layer if each.grad is not None]) for layer in layers]


def weights(layers: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """A copy of each layer's weights."""
    return [[each.detach().clone() for each in layer] for layer in layers]


def norms(
    layers: Sequence[Sequence[Any]],
    gradient: Sequence[float],
    before: Sequence[Sequence[Any]],
) -> Norms:
    """What a step did. `before`: `weights` before it; `gradient`: `gradients` before it."""
    called = names(len(layers) - 2)
    weight, update = [], []
    for layer, old in zip(layers, before, strict=True):
        now = [each.detach() for each in layer]
        weight.append(_norm(now))
        update.append(_norm([new - was for new, was in zip(now, old, strict=True)]))
    return Norms(
        dict(zip(called, gradient, strict=True)),
        dict(zip(called, weight, strict=True)),
        dict(zip(called, update, strict=True)),
    )


def _norm(tensors: Sequence[Any]) -> float:
    if not tensors:
        return 0.0
    each = torch.stack([torch.linalg.vector_norm(tensor) for tensor in tensors])
    return float(torch.linalg.vector_norm(each))


def of_step(
    epoch: int,
    number: int,
    numbers: Mapping[str, float],
    recent: Recent,
    done: Norms,
) -> list[runs.Metric]:
    """The rows of a step that is noted. `numbers`: what is known of it by name."""
    every = dict(numbers)
    every["loss_smoothed"] = recent.smoothed or 0.0
    every |= dict(recent.speed())
    every |= dict(memory())
    for layer, moved in done.update.items():
        every[f"grad_norm:{layer}"] = done.gradient[layer]
        every[f"weight_norm:{layer}"] = done.weight[layer]
        every[f"update_norm:{layer}"] = moved
    return [runs.Metric(epoch, number, name, value) for name, value in every.items()]


def of_epoch(epoch: int, number: int, figures: Mapping[str, float | None]) -> list[runs.Metric]:
    """The rows of an epoch's end: those of its figures that there are."""
    return [
        runs.Metric(epoch, number, name, value)
        for name, value in figures.items()
        if value is not None
    ]


def resident_mib() -> float:
    """What memory the process has now; the most it has had where the system does not say that."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return dict(memory())["peak_memory_mib"]
    return pages * resource.getpagesize() / _MIB


def memory() -> Iterator[tuple[str, float]]:
    """The most memory the process has had, and what the GPU holds and has to do where there is
    one.
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield "peak_memory_mib", peak / (_MIB if sys.platform == "darwin" else 1024)
    if torch.cuda.is_available():
        yield "gpu_memory_mib", torch.cuda.max_memory_allocated() / _MIB
        yield "gpu_use_share", torch.cuda.utilization() / 100
