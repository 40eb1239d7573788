"""int8 by ONNX Runtime, the default: it needs no torch to answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime

from retrain.train.compile import backend

TARGET: Final = "onnx-int8"
# Precise: products that no CPU cuts off, in half as much time again where fast is exact, too.
MODES: Final = ("fast", "precise")
ARTEFACT: Final = Path("compiled/onnx/model.onnx")


def probe() -> str | None:
    """Whoever imports this has the runtime."""
    return None


def build(network: Any, directory: Path, workshop: Path, max_tokens: int) -> backend.Built:  # noqa: ARG001
    """Any number of tokens fits the graph."""
    # Only the retrain job has torch and what it takes to export.
    from retrain.train.compile import onnx

    fused = onnx.compile(network, directory / ARTEFACT, workshop)
    moved = onnx.weight_error(fused, directory / ARTEFACT)
    return backend.Built(graph(fused, MODES[0]), moved)


def open(directory: Path, mode: str) -> backend.Run:  # noqa: A001
    """The quantised graph."""
    return graph(directory / ARTEFACT, mode)


def graph(path: Path, mode: str) -> backend.Run:
    """Any graph of ids and mask, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if mode == "precise":
        options.add_session_config_entry("session.x64quantprecision", "1")
    runtime = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(ids: Sequence[int]) -> npt.NDArray[np.float32]:
        feed = {
            "input_ids": np.array([ids], dtype=np.int64),
            "attention_mask": np.ones((1, len(ids)), dtype=np.int64),
        }
        logits: npt.NDArray[np.float32] = runtime.run(None, feed)[0][0]
        return logits

    return run
