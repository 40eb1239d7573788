"""Champions to serve: an encoder with a head that nobody has trained, compiled and signed by the
product. Weights change no time.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Final

from retrain.train.compile import manifest, onnx
from retrain.train.compile.backends import onnx as artefact
from retrain.train.fit import model
from retrain.train.trials import encoders
from schemas import normalise, present

FP32: Final = "exported.onnx"  # beside the model's directory, under its name


def written(models: Path, name: str, encoder: str) -> Path:
    """A whole model directory, and what it was compiled from in `models`/.NAME."""
    import torch

    directory, kept = models / name, models / f".{name}"
    kept.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as workshop:
        source = encoders.base_model(encoder, Path(workshop))
        torch.manual_seed(1)
        network, tokenizer = model.load(model.encoder_directory(source))
        network.save_pretrained(kept)
        tokenizer.save_pretrained(kept)
        onnx.compile(network, directory / artefact.ARTEFACT, Path(workshop))
        shutil.copy(Path(workshop) / FP32, kept / FP32)
    shutil.copy(kept / "tokenizer.json", directory)
    calibration = {"temperature": 1.0, "max_tokens": 64}
    (directory / "calibration.json").write_text(json.dumps(calibration))
    (directory / "normaliser.json").write_text(json.dumps({"sha256": normalise.SHA256}))
    (directory / "labels.json").write_text(json.dumps(present.INTENTS))
    manifest.write(directory)
    return directory


def copied(models: Path, name: str, other: str) -> None:
    """The same model under another name."""
    shutil.copytree(models / name, models / other)
    manifest.write(models / other)
