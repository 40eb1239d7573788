"""Focal loss with class weights."""

from typing import NamedTuple

import torch
from torch.nn import functional


class Parts(NamedTuple):
    """What the rows of a batch cost together, and the sum of their weights: scalars."""

    cost: torch.Tensor
    weight: torch.Tensor


def focal(
    logits: torch.Tensor, labels: torch.Tensor, *, weights: torch.Tensor, gamma: float
) -> torch.Tensor:
    """Mean of -a_t (1 - p_t)^gamma log p_t (Lin et al. 2017, seed 6.2), divided by the sum of the
    weights a_t.

    The division keeps the loss on the scale of cross-entropy whatever the weights are, as torch's
    weighted cross-entropy does: at gamma 0 the two are equal. Shapes: logits (batch, classes),
    labels (batch,), weights (classes,) -> scalar.
    """
    cost, weight = parts(logits, labels, weights=weights, gamma=gamma)
    return cost / weight


def parts(
    logits: torch.Tensor, labels: torch.Tensor, *, weights: torch.Tensor, gamma: float
) -> Parts:
    """Both halves of `focal`: of a batch that several processes share each adds its own."""
    log_p = functional.log_softmax(logits, dim=-1).gather(1, labels[:, None]).squeeze(1)
    a = weights[labels]
    # Of a row that is certain nothing is left to learn; under gamma 1 its slope would be endless.
    missing = (1 - log_p.exp()).clamp_min(torch.finfo(log_p.dtype).tiny)
    return Parts(-(a * missing**gamma * log_p).sum(), a.sum())
