"""What the encoder sees of messages: their tokens. Two texts with the same tokens are one message
to the model, however they are written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tokenizers

from retrain.train.fit import model
from schemas import normalise


@dataclass(frozen=True, slots=True)
class Seen:
    """Of n messages, in their order: what is equal to the model where it is equal here, and how
    many tokens they have before they are cut.
    """

    inputs: tuple[str, ...]
    lengths: tuple[int, ...]


def of(base_model: str, texts: Sequence[str], max_tokens: int) -> Seen:
    """Of raw texts, by the tokenizer of the recipe's encoder. Raises model.EncoderMissing."""
    file = model.fitting(base_model, max_tokens) / "tokenizer.json"
    if not file.exists():
        raise model.EncoderMissing(f"no {file}: the encoder must have its tokenizer beside it")
    return _seen(file, texts, max_tokens)


def _seen(file: Path, texts: Sequence[str], max_tokens: int) -> Seen:
    tokenizer = tokenizers.Tokenizer.from_str(file.read_text(encoding="utf-8"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    encoded = tokenizer.encode_batch([normalise.text(text) for text in texts])
    ids = [each.ids for each in encoded]
    inputs = tuple(key(each, max_tokens) for each in ids)
    return Seen(inputs, tuple(len(each) for each in ids))


def key(tokens: Sequence[int], max_tokens: int) -> str:
    """The tokens that are left of a message once it is cut, as one word. The last token ends a
    message and is kept.

    >>> key([101, 7, 8, 9, 102], 64), key([101, 7, 8, 9, 102], 4)
    ('101 7 8 9 102', '101 7 8 102')
    """
    left = list(tokens)
    if len(left) > max_tokens:
        left = left[: max_tokens - 1] + left[-1:]
    return " ".join(map(str, left))
