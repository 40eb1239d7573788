"""What the project's encoder makes of messages: once, as a fine-tune for every point of the curve
would take days. Kept beside, by what the messages are.
"""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tokenizers
import torch
from tqdm import tqdm

from retrain.train import recipe as recipes
from retrain.train.fit import batches, model

Features = npt.NDArray[np.float32]

_BATCH = 64


def features(texts: Sequence[str], kept: Path) -> Features:
    """Mean of the last layer over a message's tokens, of unit length: shape (n, width)."""
    name = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    file = kept / f"{name}.npy"
    if not file.exists():
        kept.mkdir(parents=True, exist_ok=True)
        np.save(file, _encoded(texts))
    encoded = np.load(file)
    unit: Features = encoded / np.linalg.norm(encoded, axis=1, keepdims=True)
    return unit


def tokens(texts: Sequence[str]) -> list[list[int]]:
    """Of each message, as the model of a gateway reads it, without what stands around them."""
    recipe = recipes.Recipe()
    directory = model.encoder_directory(recipe.base_model)
    tokenizer = tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(recipe.max_tokens)
    encoded = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    return [each.ids for each in encoded]


def _encoded(texts: Sequence[str]) -> Features:
    recipe = recipes.Recipe()
    network, tokenizer = model.load(model.encoder_directory(recipe.base_model))
    encoder = network.base_model.eval()
    lengths = np.array([len(text) for text in texts])
    by_length = np.argsort(lengths, kind="stable")

    encoded = np.zeros((len(texts), encoder.config.hidden_size), dtype=np.float32)
    for batch in tqdm(batches.cut(by_length, _BATCH), unit="batch", file=sys.stderr):
        tokens = tokenizer(
            [texts[row] for row in batch],
            padding=True,
            truncation=True,
            max_length=recipe.max_tokens,
            return_tensors="pt",
        )
        encoded[batch] = _mean(encoder, tokens)
    return encoded


@torch.inference_mode()
def _mean(encoder: Any, tokens: Any) -> Any:
    """Over the tokens of each message of a batch, without the padding."""
    hidden = encoder(**tokens).last_hidden_state
    own = tokens["attention_mask"][..., None]
    mean = (hidden * own).sum(1) / own.sum(1)
    return mean.numpy()
