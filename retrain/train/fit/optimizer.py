"""AdamW as a recipe wants it: a rate for each layer, and no decay of what has no direction."""

from collections.abc import Sequence
from typing import Any

import torch

from retrain.train import recipe as recipes
from retrain.train.fit import rates


def made(
    layers: Sequence[Sequence[Any]], recipe: recipes.Recipe
) -> tuple[torch.optim.Optimizer, list[float]]:
    """AdamW, and the peak rate of each layer: the head learns fastest, the embeddings slowest (seed
    6.4, 6.5). Each group of parameters holds its own as `peak`.
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
        moving = [each for each in parameters if each.requires_grad]
        for decays in (True, False):
            chosen = [each for each in moving if _decays(each) is decays]
            if chosen:
                decay = recipe.weight_decay if decays else 0.0
                groups.append({"params": chosen, "lr": peak, "peak": peak, "weight_decay": decay})
    return torch.optim.AdamW(groups, fused=True), peaks


def _decays(parameter: Any) -> bool:
    """Weights do; biases and the scales of norms, which are vectors, do not."""
    return bool(parameter.ndim > 1)


def set_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Every group at this factor of its peak."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor
