"""DistilBERT in the shape of the seed, with weights that nobody has trained: from a recipe to the
gateway's answer, with every shape of the seed's single step.
"""

import copy
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
import transformers
import wordmodel

from retrain.train import build, recipe
from retrain.train.compile import session
from retrain.train.compile.backends import onnx as artefact
from retrain.train.fit import loop, rows
from schemas import present
from services.gateway import routing

BATCH, TOKENS, WIDTH, LAYERS, HEADS = 32, 128, 768, 6, 12
ROWS = [(f"where is {intent} number {i}", intent) for i in range(4) for intent in present.INTENTS]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as a recipe's `base_model` names it: a dozen words, all of the layers."""
    directory = tmp_path_factory.mktemp("distilbert")
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=wordmodel.tokenizer(), pad_token="[UNK]", unk_token="[UNK]"
    )
    config = transformers.DistilBertConfig(
        vocab_size=len(tokenizer),
        dim=WIDTH,
        n_layers=LAYERS,
        n_heads=HEADS,
        hidden_dim=4 * WIDTH,
    )
    torch.manual_seed(1)
    transformers.DistilBertModel(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def frame() -> pd.DataFrame:
    table = pd.DataFrame(ROWS, columns=["text", "intent"])
    return table.assign(kind="human", group=table["text"])


def shapes(network: Any, ids: torch.Tensor) -> dict[str, tuple[int, ...]]:
    """What goes in and comes out of each part of the network, by the seed's names. On the device
    that works out shapes and multiplies nothing.
    """
    network, ids = copy.deepcopy(network).to("meta"), ids.to("meta")
    seen: dict[str, tuple[int, ...]] = {"input_ids": tuple(ids.shape)}
    block = network.distilbert.transformer.layer[0]

    def note(name: str) -> Any:
        def noted(_module: Any, _given: Any, answer: Any) -> None:
            seen[name] = tuple((answer[0] if isinstance(answer, tuple) else answer).shape)

        return noted

    block.attention.q_lin.register_forward_hook(note("queries"))
    block.register_forward_hook(note("hidden states"))
    network.pre_classifier.register_forward_hook(note("pooled"))
    answer = network(input_ids=ids)
    return seen | {"logits": tuple(answer.logits.shape)}


def test_distilbert_trains_compiles_and_serves_in_the_seeds_shapes(
    encoder: Path, tmp_path: Path
) -> None:
    lines: list[tuple[str, dict[str, Any]]] = []
    table = frame()
    parts = {"train": table.head(BATCH), "val": table.tail(10), "test": table}
    made_with = dataclasses.replace(
        recipe.Recipe(), base_model=str(encoder), epochs=1, batch=BATCH, max_tokens=TOKENS
    )

    hooks = loop.Hooks(
        run_id="ft",
        log=lambda tag, fields: lines.append((tag, fields)),
        beat=lambda progress: None,
        put=lambda numbers: None,
        latency_ms=15.0,
    )
    network = build.tuned(made_with, parts, hooks)

    # One step, of one batch of 32.
    assert [fields["step"] for tag, fields in lines if tag == "TRAIN"] == ["1/1"]
    long = rows.tokens(network.tokenizer, ["where " * 200] * BATCH, TOKENS)
    ids = long.padded(np.arange(BATCH))["input_ids"]
    assert shapes(network.network, ids) == {
        "input_ids": (BATCH, TOKENS),
        "queries": (BATCH, TOKENS, WIDTH),
        "hidden states": (BATCH, TOKENS, WIDTH),
        "pooled": (BATCH, WIDTH),
        "logits": (BATCH, len(present.INTENTS)),
    }
    config = network.network.config
    assert (config.n_layers, config.n_heads, config.dim // config.n_heads) == (LAYERS, HEADS, 64)

    directory = tmp_path / "models" / ".run"
    directory.mkdir(parents=True)
    network.network.save_pretrained(directory)
    network.tokenizer.save_pretrained(directory)
    compiled = build.compiled(network, made_with, directory)

    same = compiled.parity
    assert same.export_shift < 1e-5
    assert same.weight_error < 0.05
    assert same.logit_shift < 0.1
    assert (same.n, same.passed) == (len(ROWS), None)  # too few rows to tell by answers
    attention = attentions(directory / artefact.ARTEFACT)
    assert attention == [HEADS] * LAYERS

    served = session.open_unsigned(directory)
    (probabilities,), (tokens,) = served.classify(["Where is my parcel?"])
    assert (len(tokens), probabilities.shape) == (5, (len(present.INTENTS),))
    assert routing.answer(probabilities).intent in present.INTENTS


def attentions(path: Path) -> list[int]:
    """The heads of each fused and quantised attention of the graph."""
    nodes = onnx.load(path).graph.node
    fused = [node for node in nodes if node.op_type == "QAttention"]
    return [{a.name: a.i for a in node.attribute}["num_heads"] for node in fused]
