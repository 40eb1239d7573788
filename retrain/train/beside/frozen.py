"""The encoder as it is before a run trains it: what it makes of messages, for a linear model."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from retrain.train import recipe as recipes
from retrain.train.fit import batches, model, rows, speed

Features = npt.NDArray[np.float32]
_BATCH = 64


def features(texts: list[str], recipe: recipes.Recipe) -> Features:
    """The mean of its last layer over the tokens of each normalised text, of unit length: shape
    (n, width). Raises model.EncoderMissing, speed.DeviceMissing.
    """
    network, tokenizer = model.load(model.encoder_directory(recipe.base_model))
    tokens = rows.tokens(tokenizer, texts, recipe.max_tokens)
    encoder = network.base_model.eval()
    made = np.zeros((len(texts), encoder.config.hidden_size), dtype=np.float32)
    by_length = np.argsort(tokens.lengths, kind="stable")
    with speed.ready(network, recipe), torch.inference_mode():
        for part in batches.cut(by_length, _BATCH):
            made[part] = _mean(encoder, tokens.padded(part, recipe.device))
    return made


def _mean(encoder: Any, asked: dict[str, torch.Tensor]) -> Any:
    """Over the tokens of each text of a batch, without what fills it up."""
    hidden = encoder(**asked).last_hidden_state
    own = asked["attention_mask"][..., None]
    mean = (hidden * own).sum(1) / own.sum(1)
    return torch.nn.functional.normalize(mean, dim=1).cpu().numpy()
