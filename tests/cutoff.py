"""An int8 model of one layer whose products are worked here by hand, too: as a CPU with VNNI adds
them up, and as one without it does, which cuts the sum of each two products off at 16 bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import wordmodel
from onnx import helper, numpy_helper

from retrain.train.compile import backend, manifest
from retrain.train.compile.backends import onnx as artefact
from schemas import present

_RNG = np.random.default_rng(7)
_WIDTH = 4
# Two products of these may add up to 2 * 255 * 127 = 64,770; 16 bits hold 32,767.
TABLE = _RNG.uniform(0.5, 1.0, (2 + len(present.INTENTS), _WIDTH)).astype(np.float32)
WEIGHTS = _RNG.integers(60, 127, (_WIDTH, len(present.INTENTS))).astype(np.int8)
WEIGHTS[:, ::3] *= -1
_SCALE = np.float32(0.001)
Logits = npt.NDArray[np.float32]


def by_hand(ids: Sequence[int], *, exact: bool) -> Logits:
    """What the model says of these tokens: with all of each sum, or with what fits 16 bits."""
    summed = TABLE[list(ids)].sum(0)
    step = np.float32(summed.max() / np.float32(255))
    quantised = np.rint(summed / step).astype(np.int64)
    products = quantised[:, None] * WEIGHTS.astype(np.int64)
    pairs = products.reshape(_WIDTH // 2, 2, -1).sum(1)
    if not exact:
        pairs = pairs.clip(-(2**15), 2**15 - 1)
    logits: Logits = pairs.sum(0).astype(np.float32) * step * _SCALE
    return logits


@dataclass(frozen=True)
class Machine:
    """The backend of a machine that is not this one: in which modes its products are exact."""

    exact: dict[str, bool]
    TARGET: str = "emulated"

    @property
    def MODES(self) -> tuple[str, ...]:  # noqa: N802
        return tuple(self.exact)

    def probe(self) -> str | None:
        return None

    def build(
        self, network: object, directory: Path, workshop: Path, max_tokens: int
    ) -> backend.Built:
        raise NotImplementedError

    def open(self, directory: Path, mode: str) -> backend.Run:
        return lambda ids: by_hand(ids, exact=self.exact[mode])

    def named(self, name: str) -> backend.Backend:
        return self


WITH_VNNI = Machine({"fast": True, "precise": True})
WITHOUT = Machine({"fast": False, "precise": True})
NEITHER = Machine({"fast": False, "precise": False})


def written(directory: Path) -> Path:
    """A whole model directory with it, not signed yet."""
    wordmodel.written(directory, signed=False)
    onnx.save(_graph(), directory / artefact.ARTEFACT)
    return directory


def signed(directory: Path) -> Path:
    manifest.write(directory)
    return directory


def _graph() -> onnx.ModelProto:
    int64, float32 = onnx.TensorProto.INT64, onnx.TensorProto.FLOAT
    inputs = [
        helper.make_tensor_value_info(name, int64, [1, "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    outputs = [helper.make_tensor_value_info("logits", float32, [1, len(present.INTENTS)])]
    constants = [
        numpy_helper.from_array(TABLE, "table"),
        numpy_helper.from_array(WEIGHTS, "weights"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"),
        numpy_helper.from_array(np.array(_SCALE), "scale"),
    ]
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("ReduceSum", ["rows", "axis"], ["summed"], keepdims=0),
        helper.make_node("DynamicQuantizeLinear", ["summed"], ["quantised", "step", "zero"]),
        helper.make_node("MatMulInteger", ["quantised", "weights", "zero"], ["products"]),
        helper.make_node("Cast", ["products"], ["real"], to=float32),
        helper.make_node("Mul", ["step", "scale"], ["both"]),
        helper.make_node("Mul", ["real", "both"], ["logits"]),
    ]
    graph = helper.make_graph(nodes, "layer", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
