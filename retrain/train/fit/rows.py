"""The rows that a network is trained on or asked: texts, what they mean, and their tokens."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retrain.evaluation import confusion
from schemas import normalise


@dataclass(frozen=True, slots=True)
class Rows:
    """Normalised texts and the numbers of their intents."""

    texts: list[str]
    labels: npt.NDArray[np.int64]


def of(texts: list[str], intents: list[str]) -> Rows:
    """Rows from raw texts and intent names."""
    return Rows([normalise.text(text) for text in texts], confusion.places(intents))


def encoded(tokenizer: Any, texts: list[str], max_tokens: int) -> Any:
    """The tokens of texts, padded to the longest of them."""
    return tokenizer(
        texts,
        padding=True,
        truncation=True,
        max_length=max_tokens,
        return_tensors="pt",
        return_token_type_ids=False,
    )
