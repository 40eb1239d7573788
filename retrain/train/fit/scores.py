"""What a network says of rows that it is not trained on, and how good that is."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from retrain.evaluation import calibration, confusion, validation
from retrain.train.fit import batches, loss, rows, step
from schemas import present


@dataclass(frozen=True, slots=True)
class Held:
    """The rows that a fine-tune is judged by: their tokens and what they mean."""

    tokens: rows.Tokens
    labels: rows.Numbers


@torch.no_grad()
def answers(
    network: Any,
    tokens: rows.Tokens,
    device: str = "cpu",
    size: int = 64,
) -> npt.NDArray[np.float64]:
    """Logits of tokenised texts in their order: shape (n, K)."""
    network.eval()
    by_length = np.argsort(tokens.lengths, kind="stable")
    told = np.zeros((len(tokens.ids), len(present.INTENTS)))
    for part in batches.cut(by_length, size):
        told[part] = network(**tokens.padded(part, device)).logits.double().cpu().numpy()
    return told


def scored(fit: step.Fit, held: Held) -> tuple[dict[str, Any], dict[str, float | None]]:
    """Fields of [VAL]: figures of the network on the rows it is not trained on; and how sure it is
    of them, where it is right and where it is wrong.
    """
    told = answers(fit.network, held.tokens, fit.recipe.device)
    predicted = told.argmax(1)
    scores = confusion.scores(held.labels, predicted)

    temperature = calibration.temperature(told, held.labels)
    probabilities = calibration.probabilities(told, temperature)
    confidence = probabilities.max(1)
    right = predicted == held.labels

    cost = loss.focal(
        torch.from_numpy(told),
        torch.from_numpy(held.labels),
        weights=fit.class_weights.double().cpu(),
        gamma=fit.recipe.focus,
    )
    fields = {
        "loss": float(cost),
        "acc": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "rare_recall": scores.rare_recall,
        "ece": calibration.ece(confidence, right),
    }
    return fields, {
        "log_loss": validation.log_loss(calibration.probabilities(told, 1.0), held.labels),
        "confidence_right": validation.mean(confidence[right]),
        "confidence_wrong": validation.mean(confidence[~right]),
    }
