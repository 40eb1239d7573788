"""The trained network itself, in float32: the reference that compiled ones are held against."""

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrain.train.compile import backend

TARGET: Final = "torch-float32"
MODES: Final = ("float32",)
ARTEFACT: Final = Path("compiled/torch/network.json")


def probe() -> str | None:
    """Only the image of the retrain worker holds both."""
    missing = [name for name in ("torch", "transformers") if not importlib.util.find_spec(name)]
    return f"this interpreter has no {' and no '.join(missing)}" if missing else None


def build(network: Any, directory: Path, workshop: Path, max_tokens: int) -> backend.Built:  # noqa: ARG001
    """Nothing is compiled: the directory holds the network already, and the artefact says so."""
    (directory / ARTEFACT).parent.mkdir(parents=True, exist_ok=True)
    said = {"network": "model.safetensors", "arithmetic": MODES[0]}
    (directory / ARTEFACT).write_text(json.dumps(said))
    return backend.Built(exported=None, weight_error=0.0)


def open(directory: Path, mode: str) -> backend.Run:  # noqa: A001, ARG001
    """The network. One thread, as a model is served; a run sets its own before it trains."""
    import torch

    from retrain.train.fit import model

    torch.set_num_threads(1)
    network, _ = model.load(directory)
    network.eval()

    def run(ids: Sequence[int]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            row = torch.tensor([list(ids)])
            answer = network(input_ids=row, attention_mask=torch.ones_like(row))
        logits: npt.NDArray[np.float32] = answer.logits[0].numpy()
        return logits

    return run
