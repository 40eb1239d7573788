"""One fine-tune, read from top to bottom: batches, loss, backward, clip, step; after each epoch a
validation; the best epoch is kept.
"""

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from retrain import progress
from retrain.evaluation import calibration, confusion
from retrain.train import recipe as recipes
from retrain.train.fit import loss, model, rates
from schemas import normalise, present

Log = Callable[[str, dict[str, Any]], None]
# Batches sorted by length together: padding falls by two thirds and every batch is still random.
_POOL = 50


@dataclass(frozen=True, slots=True)
class Rows:
    """Normalised texts and the numbers of their intents."""

    texts: list[str]
    labels: npt.NDArray[np.int64]


def rows(texts: list[str], intents: list[str]) -> Rows:
    """Rows for the loop from raw texts and intent names."""
    return Rows([normalise.text(text) for text in texts], confusion.places(intents))


def fine_tune(
    network: Any,
    tokenizer: Any,
    train: Rows,
    val: Rows,
    recipe: recipes.Recipe,
    *,
    run_id: str,
    log: Log,
    beat: Callable[[dict[str, Any]], None],
) -> Any:
    """Train in place and return the network with its best epoch's weights. `log` gets [TRAIN] [VAL]
    [CHECKPOINT]; `beat` is called about once a second.
    """
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    optimizer, peaks = _optimizer(network, recipe)
    counts = np.bincount(train.labels, minlength=len(present.INTENTS))
    weights = torch.tensor(
        rates.class_weights(
            dict(zip(present.INTENTS, counts.tolist(), strict=True)), present.INTENTS
        )
    )
    per_epoch = -(-len(train.texts) // recipe.batch)
    total, step, best, best_f1 = (
        per_epoch * recipe.epochs,
        0,
        (0, copy.deepcopy(network.state_dict())),
        -1.0,
    )
    told, begun = time.monotonic(), time.monotonic()
    with progress.bar("fine-tune", total, "step", mininterval=1) as bar:
        for epoch in range(1, recipe.epochs + 1):
            network.train()
            for batch in batches(train, recipe.batch, rng):
                factor = rates.schedule(step + 1, total, recipe.warmup)
                for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                    group["lr"] = peak * factor
                logits = network(
                    **_encoded(tokenizer, [train.texts[i] for i in batch], recipe.max_tokens)
                ).logits
                cost = loss.focal(
                    logits,
                    torch.from_numpy(train.labels[batch]),
                    weights=weights,
                    gamma=recipe.gamma,
                )
                torch.autograd.backward(cost)
                norm = torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
                optimizer.step()
                optimizer.zero_grad()
                step += 1
                bar.update()
                if step % 25 == 0 or step in (1, total):
                    speed = step * recipe.batch / (time.monotonic() - begun)
                    done = {
                        "epoch": epoch,
                        "step": f"{step}/{total}",
                        "loss": cost.item(),
                        "grad_norm": float(norm),
                        "ex_per_sec": speed,
                    }
                    log(
                        "TRAIN",
                        {
                            "run_id": run_id,
                            **done,
                            "lr_head": peaks[-1] * factor,
                            "lr_bottom": peaks[0] * factor,
                            "gpu_mem_gb": 0.0,
                        },
                    )
                if time.monotonic() - told > 1:
                    told = time.monotonic()
                    beat({"epoch": epoch, "step": step, "steps": total})
            found = _validate(network, tokenizer, val, recipe, weights)
            log("VAL", {"run_id": run_id, "epoch": epoch, **found})
            if found["macro_f1"] > best_f1:
                best_f1, best = found["macro_f1"], (epoch, copy.deepcopy(network.state_dict()))
    log("CHECKPOINT", {"best_epoch": best[0], "criterion": "max macro_f1"})
    network.load_state_dict(best[1])
    return network


def _optimizer(network: Any, recipe: recipes.Recipe) -> tuple[torch.optim.Optimizer, list[float]]:
    """AdamW with one group a layer, and the peak rate of each: the head learns fastest, the
    embeddings slowest (seed 6.4, 6.5).
    """
    layers = model.layers(network)
    depth = len(layers) - 2
    peaks = [
        rates.layer_rate(recipe.learning_rate, recipe.layer_decay, layer, depth)
        for layer in range(depth + 1)
    ]
    peaks.append(recipe.learning_rate * recipe.head_factor)
    groups = [
        {"params": parameters, "lr": peak} for parameters, peak in zip(layers, peaks, strict=True)
    ]
    return torch.optim.AdamW(groups, weight_decay=recipe.weight_decay, fused=True), peaks


def batches(data: Rows, size: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    """Row numbers of each batch of one epoch: shuffled, with rows of like length together."""
    order = rng.permutation(len(data.texts))
    lengths = np.array([len(text) for text in data.texts])
    found: list[npt.NDArray[np.int64]] = []
    for begin in range(0, len(order), size * _POOL):
        pool = order[begin : begin + size * _POOL]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        found += [pool[i : i + size] for i in range(0, len(pool), size)]
    for i in rng.permutation(len(found)):
        yield found[i]


def _encoded(tokenizer: Any, texts: list[str], max_tokens: int) -> Any:
    return tokenizer(
        texts,
        padding=True,
        truncation=True,
        max_length=max_tokens,
        return_tensors="pt",
        return_token_type_ids=False,
    )


@torch.no_grad()
def logits(
    network: Any, tokenizer: Any, texts: list[str], max_tokens: int, size: int = 64
) -> npt.NDArray[np.float64]:
    """Eager logits of normalised texts in their order: shape (n, K)."""
    network.eval()
    order = np.argsort([len(text) for text in texts], kind="stable")
    found = np.zeros((len(texts), len(present.INTENTS)))
    for begin in range(0, len(order), size):
        part = order[begin : begin + size]
        found[part] = (
            network(**_encoded(tokenizer, [texts[i] for i in part], max_tokens))
            .logits.double()
            .numpy()
        )
    return found


def _validate(
    network: Any, tokenizer: Any, val: Rows, recipe: recipes.Recipe, weights: torch.Tensor
) -> dict[str, Any]:
    found = logits(network, tokenizer, val.texts, recipe.max_tokens)
    scores = confusion.scores(val.labels, found.argmax(1))
    confidence = calibration.probabilities(found, calibration.temperature(found, val.labels)).max(1)
    cost = loss.focal(
        torch.from_numpy(found),
        torch.from_numpy(val.labels),
        weights=weights.double(),
        gamma=recipe.gamma,
    )
    return {
        "loss": float(cost),
        "acc": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "rare_recall": scores.rare_recall,
        "ece": calibration.ece(confidence, found.argmax(1) == val.labels),
    }
