"""Focal loss with class weights."""

import torch
from torch.nn import functional


def focal(
    logits: torch.Tensor, labels: torch.Tensor, *, weights: torch.Tensor, gamma: float
) -> torch.Tensor:
    """Mean of -a_t (1 - p_t)^gamma log p_t (Lin et al. 2017, seed 6.2), divided by the sum of the
    weights a_t.

    The division keeps the loss on the scale of cross-entropy whatever the weights are, as torch's
    weighted cross-entropy does: at gamma 0 the two are equal. Shapes: logits (batch, classes),
    labels (batch,), weights (classes,) -> scalar.
    """
    log_p = functional.log_softmax(logits, dim=-1).gather(1, labels[:, None]).squeeze(1)
    a = weights[labels]
    # Of a row that is certain nothing is left to learn; under gamma 1 its slope would be endless.
    missing = (1 - log_p.exp()).clamp_min(torch.finfo(log_p.dtype).tiny)
    return -(a * missing**gamma * log_p).sum() / a.sum()
