"""An encoder of the real kind that trains in a second: two layers of 16, 40 words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from tokenizers import models as token_models
from tokenizers import pre_tokenizers, processors

from schemas import present, runs

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = tuple(f"w{number}" for number in range(40))


def encoder(directory: Path, *, dropout: float = 0.1) -> Path:
    """Its directory, with random weights that are always the same."""
    import torch
    import transformers

    torch.manual_seed(1)
    config = transformers.BertConfig(
        vocab_size=len(SPECIAL) + len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    transformers.BertModel(config).save_pretrained(directory)
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=_tokenizer(),
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )
    wrapped.save_pretrained(directory)
    return directory


def _tokenizer() -> tokenizers.Tokenizer:
    vocabulary = {word: place for place, word in enumerate((*SPECIAL, *WORDS))}
    tokenizer = tokenizers.Tokenizer(token_models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def rows(n: int, seed: int = 1) -> Any:
    """Texts of one to six words, of which the first says the intent."""
    from retrain.train.fit import rows as fit_rows

    rng = np.random.default_rng(seed)
    labels = np.arange(n) % len(present.INTENTS)
    texts = []
    for label in labels:
        more = rng.integers(10, len(WORDS), size=rng.integers(0, 6))
        texts.append(" ".join(f"w{number}" for number in (label, *more)))
    return fit_rows.Rows(texts, labels.astype(np.int64))


class Told:
    """What a fine-tune says: its lines and its numbers."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.rows: list[runs.Metric] = []

    def line(self, tag: str, fields: dict[str, Any]) -> None:
        self.lines.append((tag, fields))

    def put(self, rows: Sequence[runs.Metric]) -> None:
        self.rows += rows

    def of(self, tag: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.lines if name == tag]

    def values(self, name: str) -> list[float]:
        return [row.value for row in self.rows if row.name == name]

    def hooks(self, **more: Any) -> Any:
        """Hooks of a fine-tune that tell it here."""
        from retrain.train.fit import loop

        return loop.Hooks("r1", self.line, lambda _: None, self.put, 15.0, **more)
