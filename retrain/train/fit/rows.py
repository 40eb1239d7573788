"""The rows that a network is trained on or asked: texts, what they mean, and their tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from retrain.evaluation import confusion
from schemas import normalise

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Normalised texts and the numbers of their intents."""

    texts: list[str]
    labels: Numbers


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of each of n texts, and the token that fills a shorter one up."""

    ids: Sequence[Sequence[int]]
    filler: int

    @property
    def lengths(self) -> Numbers:
        """How many tokens each text has: shape (n,)."""
        return np.array([len(each) for each in self.ids], dtype=np.int64)

    def padded(self, rows: Numbers, device: str = "cpu") -> dict[str, torch.Tensor]:
        """What the network is asked: these texts, filled up to the longest of them."""
        chosen = [torch.tensor(self.ids[row], dtype=torch.long) for row in rows]
        lengths = torch.tensor([len(each) for each in chosen])
        ids = torch.nn.utils.rnn.pad_sequence(chosen, batch_first=True, padding_value=self.filler)
        mask = torch.arange(ids.shape[1]) < lengths[:, None]
        return {"input_ids": ids.to(device), "attention_mask": mask.long().to(device)}


def of(texts: list[str], intents: list[str]) -> Rows:
    """Rows from raw texts and intent names."""
    return Rows([normalise.text(text) for text in texts], confusion.places(intents))


def tokens(tokenizer: Any, texts: Sequence[str], max_tokens: int) -> Tokens:
    """The tokens of normalised texts, cut at `max_tokens`: once, not in every epoch."""
    if not texts:
        return Tokens([], tokenizer.pad_token_id)
    encoded = tokenizer(list(texts), truncation=True, max_length=max_tokens)
    return Tokens(encoded["input_ids"], tokenizer.pad_token_id)
