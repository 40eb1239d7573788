"""A real model that one can read: it knows one word for each intent, the intent's own name.

Each of its words adds `WEIGHT` to its intent's logit, so of one word alone the answer is sure to
e^4 / (e^4 + 9) = 0.858, and of two different ones to e^4 / (2 e^4 + 8) = 0.466 each.
"""

import json
from pathlib import Path

import ends
import numpy as np
import onnx
import tokenizers
from onnx import helper, numpy_helper
from tokenizers import models as token_models
from tokenizers import pre_tokenizers, processors

from retrain.train.compile import manifest, session
from retrain.train.compile.backends import onnx as artefact
from schemas import normalise, present
from services.gateway import store
from services.gateway.follow import Follower
from streams import database

LOST, UNSIGNED, SHORT = "v7", "v8", "v6"
WEIGHT = 4.0
SURE = 54.598 / 63.598
_SPECIAL = ("[UNK]", "[CLS]")


def written(directory: Path, *, unknown: float = 0.0, signed: bool = True, cut: int = 0) -> Path:
    """A whole model directory of this name. `unknown`: what a word that it does not know adds to
    each of the logits; `cut`: how many of its last words have no row, so that they fail.
    """
    graph = directory / artefact.ARTEFACT
    graph.parent.mkdir(parents=True)
    words = np.eye(len(present.INTENTS), dtype=np.float32) * WEIGHT
    special = np.zeros((len(_SPECIAL), len(present.INTENTS)), dtype=np.float32)
    special[0] = unknown
    table = np.concatenate((special, words))
    onnx.save(_graph(table[: len(table) - cut]), graph)

    (directory / "tokenizer.json").write_text(tokenizer().to_str())
    (directory / "calibration.json").write_text(json.dumps({"temperature": 1.0}))
    (directory / "normaliser.json").write_text(json.dumps({"sha256": normalise.SHA256}))
    (directory / "labels.json").write_text(json.dumps(present.INTENTS))
    if signed:
        manifest.write(directory)
    return directory


def shelf(directory: Path) -> Path:
    """The directory with five models: v1 and v2 are whole, LOST answers with no number to a word
    that it does not know, SHORT fails at "chitchat", UNSIGNED has no signature.
    """
    written(directory / "v1")
    written(directory / "v2")
    written(directory / LOST, unknown=float("nan"))
    written(directory / SHORT, cut=1)
    written(directory / UNSIGNED, signed=False)
    return directory


def version(model: str) -> store.Version:
    """One that the registry does not have."""
    return store.Version(model, None)


def follower(models: Path, serves: str | None, role: str = "champion") -> Follower:
    """Of these models, and with one of them if told; its database is not there."""
    names = [version(serves)] if serves else []
    one = Follower(database.engine(ends.NOWHERE), models, role, lambda _: names)
    if serves:
        one.session = session.load(models / serves)
    return one


def tokenizer() -> tokenizers.Tokenizer:
    vocabulary = {word: i for i, word in enumerate((*_SPECIAL, *present.INTENTS))}
    made = tokenizers.Tokenizer(token_models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A", special_tokens=[("[CLS]", 1)]
    )
    return made


def _graph(table: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> onnx.ModelProto:
    """The sum of the rows of the message's tokens."""
    int64, float32 = onnx.TensorProto.INT64, onnx.TensorProto.FLOAT
    inputs = [
        helper.make_tensor_value_info(name, int64, [1, "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    outputs = [helper.make_tensor_value_info("logits", float32, [1, table.shape[1]])]
    constants = [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"),
    ]
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("ReduceSum", ["rows", "axis"], ["logits"], keepdims=0),
    ]
    graph = helper.make_graph(nodes, "words", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
