"""What makes a fine-tune faster than torch is by default: the cores that are free, fused attention,
matrix products in bfloat16.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any, Final

import torch

from retrain.train import recipe as recipes

_MOST_THREADS: Final = 8  # a batch of 32 short messages has no work for more


class DeviceMissing(RuntimeError):
    """The recipe's device is not on this machine."""


def threads(cores: int, load: float) -> int:
    """How many threads have a core to themselves beside what else runs. `cores`: that this process
    may use; `load`: how many processes have wanted one lately.

    >>> threads(2, 0.3), threads(2, 1.6), threads(64, 10.0)
    (2, 1, 8)
    """
    return max(1, min(_MOST_THREADS, cores - round(load)))


def free() -> int:
    """`threads` of this machine, now."""
    load, *_ = os.getloadavg()
    return threads(len(os.sched_getaffinity(0)), load)


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
