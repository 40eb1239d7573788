"""What makes a fine-tune faster than torch is by default: the cores that are free, fused attention,
matrix products in bfloat16.
"""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import torch

from retrain.train import recipe as recipes

Ticks = Sequence[tuple[int, int]]

_LOOK_S: Final = 0.5
_MOST_THREADS: Final = 8  # a batch of 32 short messages has no work for more


class DeviceMissing(RuntimeError):
    """The recipe's device is not on this machine."""


def threads(cores: int, load: float, beside: int = 1) -> int:
    """How many threads have a core to themselves beside what else runs. `cores`: that this process
    may use; `load`: how many of them others keep busy; `beside`: processes that share the
    fine-tune on this machine.

    >>> threads(2, 0.3), threads(2, 1.6), threads(64, 10.0), threads(8, 0.0, 2)
    (2, 1, 8, 4)
    """
    return max(1, min(_MOST_THREADS, (cores - round(load)) // beside))


def busy(before: Ticks, after: Ticks) -> float:
    """How many cores worked between two readings; each has, of every core, the ticks that it has
    worked and those that it has idled.

    >>> busy([(10, 90), (0, 100)], [(20, 90), (5, 105)])
    1.5
    """
    cores = 0.0
    for (worked, idled), (works, idles) in zip(before, after, strict=True):
        whole = works - worked + idles - idled
        cores += (works - worked) / whole if whole else 0.0
    return cores


def free() -> int:
    """`threads` of this machine, now: this one waits half a second and sees who else works. The
    load of the last minute would be the run's own, or of what is over.
    """
    before = _ticks()
    time.sleep(_LOOK_S)
    load = busy(before, _ticks())
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # as torchrun says
    return threads(len(os.sched_getaffinity(0)), load, beside)


def _ticks() -> Ticks:
    """As Linux counts them, of the cores that this process may use."""
    told = {}
    for line in Path("/proc/stat").read_text().splitlines():
        name, *counts = line.split()
        told[name] = [int(count) for count in counts[:8]]  # the rest is counted in them

    ticks = []
    for core in sorted(os.sched_getaffinity(0)):
        user, nice, system, idle, waits, *rest = told[f"cpu{core}"]
        ticks.append((user + nice + system + sum(rest), idle + waits))
    return ticks


@contextlib.contextmanager
def ready(network: Any, recipe: recipes.Recipe) -> Iterator[None]:
    """The network on the recipe's device, with fused attention and, where the recipe says so,
    matrix products in bfloat16; weights, sums and norms stay float32. Raises DeviceMissing.
    """
    if recipe.device == "cuda" and not torch.cuda.is_available():
        raise DeviceMissing("the recipe's device is cuda; torch sees no GPU here")
    products = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = products.fp32_precision
    attention = network.config._attn_implementation
    network.to(recipe.device)
    network.set_attn_implementation("sdpa")
    if recipe.precision == "bf16":
        products.fp32_precision = "bf16"
    try:
        yield
    finally:
        products.fp32_precision = before
        network.set_attn_implementation(attention)
        network.to("cpu")


def autocast(recipe: recipes.Recipe) -> Any:
    """On a GPU bfloat16 is chosen a call; on a CPU `ready` has chosen it, which is faster there."""
    wanted = recipe.device == "cuda" and recipe.precision == "bf16"
    return torch.autocast(recipe.device, torch.bfloat16, enabled=wanted)
