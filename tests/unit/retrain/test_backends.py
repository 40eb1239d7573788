"""Each backend builds, opens and says whether it can be used, by the same tests; Neuron's library
has a double, in an interpreter of its own.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
import torch
import transformers
from tokenizers import models as token_models
from tokenizers import pre_tokenizers, processors

from retrain.train import build, recipe
from retrain.train.compile import backend, golden
from retrain.train.compile.backends import neuron
from retrain.train.fit import rows
from schemas import present

DOUBLES = Path(__file__).parents[2] / "doubles"
WORDS = ("[PAD]", "[UNK]", "[CLS]", *present.INTENTS, "where", "is")
K = len(present.INTENTS)
LONGEST = 20
TEXTS = [f"{intent} where is {i}" for i in range(12) for intent in present.INTENTS]


@dataclass(frozen=True)
class Made:
    """What a backend has made of a network of two layers, and the calls that the double noted."""

    name: str
    network: Any
    directory: Path
    compiled: build.Compiled
    calls: list[dict[str, Any]]

    def eager(self, text: str) -> Any:
        words = ["[CLS]", *text.split()][:LONGEST]
        ids = [WORDS.index(word) if word in WORDS else 1 for word in words]
        with torch.inference_mode():
            return self.network(input_ids=torch.tensor([ids])).logits[0].numpy()


def of_neuron(patch: pytest.MonkeyPatch, doubles: Path, record: Path) -> None:
    """The interpreter of its own is this one, with a double on its path."""
    patch.setenv("INTENTWATCH_NEURON_PYTHON", sys.executable)
    patch.setenv("PYTHONPATH", str(doubles))
    patch.setenv("TORCH_NEURONX_RECORD", str(record))


@pytest.fixture(scope="module", params=["onnx", "torch", "neuron"])
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Made]:
    """As a run compiles it: ten intents by their names, twelve rows of each."""
    directory = tmp_path_factory.mktemp("models") / ".run"
    record = directory.parent / "record"
    network, tokenizer = _saved(directory)
    every = rows.of(TEXTS, list(present.INTENTS) * 12)
    tuned = build.Tuned(network, tokenizer, every, every, every)
    made_with = recipe.parse(f'backend = "{request.param}"\nmax_tokens = {LONGEST}')
    with pytest.MonkeyPatch.context() as patch:
        of_neuron(patch, DOUBLES, record)
        compiled = build.compiled(tuned, made_with, directory)
        noted = record.read_text().splitlines() if record.exists() else []
        calls = [json.loads(line) for line in noted]
        yield Made(request.param, network, directory, compiled, calls)


def _saved(directory: Path) -> tuple[Any, Any]:
    torch.manual_seed(3)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        num_labels=K,
        initializer_range=0.2,
        attn_implementation="eager",
    )
    network = transformers.BertForSequenceClassification(config).eval()
    vocabulary = {word: i for i, word in enumerate(WORDS)}
    raw = tokenizers.Tokenizer(token_models.WordLevel(vocabulary, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A", special_tokens=[("[CLS]", WORDS.index("[CLS]"))]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="[PAD]", unk_token="[UNK]"
    )
    network.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return network, tokenizer


@pytest.mark.parametrize("words", [0, 1, 15, 16, LONGEST - 1, 50])
def test_a_backend_answers_as_the_network_does_whatever_the_length(made: Made, words: int) -> None:
    """With [CLS] before them 15 words fill the first bucket of Neuron, and 50 are cut."""
    text = " ".join((*present.INTENTS, "where", "is")[i % (K + 2)] for i in range(words))

    logits, (ids,) = made.compiled.session.logits([text])

    expected = made.eager(text)
    assert len(ids) == min(words + 1, LONGEST)
    assert logits.shape == (1, K)
    limit = 0.3 * expected.std() if made.name == "onnx" else 1e-4
    assert np.abs(logits[0] - expected).max() < limit


def test_a_backend_is_the_folder_of_its_artefact_and_says_what_it_is_for(made: Made) -> None:
    chosen = backend.usable(made.name)

    assert backend.of(made.directory) == made.name
    assert chosen.TARGET.startswith(f"{made.name}-")
    assert made.compiled.session.mode == chosen.MODES[0]


def test_parity_is_measured_by_intent_and_nothing_is_lost(made: Made) -> None:
    same = made.compiled.parity

    assert (same.n, same.passed) == (120, True), same
    assert [(each.intent, each.n) for each in same.by_intent] == [
        (intent, 12) for intent in present.INTENTS
    ]
    assert all(each.passed for each in same.by_intent)


def test_its_temperature_is_fitted_on_what_it_answers(made: Made) -> None:
    calibrated = json.loads((made.directory / "calibration.json").read_text())

    assert calibrated["n"] == 120
    assert calibrated["temperature"] == made.compiled.session.temperature != 1.0


def test_it_is_proved_by_what_it_answered(made: Made) -> None:
    proof = golden.read(made.directory)

    assert proof is not None
    answered = made.compiled.session.logits(list(golden.MESSAGES))
    assert golden.shift(proof, *answered).largest < 1e-5


def test_neuron_alone_is_traced_once_a_bucket_in_bf16_for_any_number_of_messages(
    made: Made,
) -> None:
    traced = [call for call in made.calls if "trace" in call]
    dynamic = [call["dynamic_batch"] for call in made.calls if "dynamic_batch" in call]
    buckets = [16, LONGEST] if made.name == "neuron" else []

    assert [call["trace"] for call in traced] == [[1, bucket] for bucket in buckets]
    assert dynamic == buckets
    for call in traced:
        arguments = " ".join(call["compiler_args"])
        assert "--auto-cast matmult --auto-cast-type bf16" in arguments


# What cannot be used.


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("placeholder", "torch_neuronx cannot be imported: WRONG PACKAGE: this one holds nothing"),
        ("empty", "torch_neuronx is only a placeholder: it has no trace"),
    ],
)
def test_a_placeholder_is_unavailable_and_says_why(
    path: str, why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    of_neuron(monkeypatch, DOUBLES / path, tmp_path / "record")

    assert neuron.probe() == why
    with pytest.raises(backend.Unavailable, match=f"^backend neuron is unavailable: {why}$"):
        backend.usable("neuron")


@pytest.mark.parametrize("content", [None, "#!/bin/false\n"])
def test_an_interpreter_that_is_none_is_unavailable(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    if content is not None:
        python.write_text(content)
        python.chmod(0o700)
    monkeypatch.setenv("INTENTWATCH_NEURON_PYTHON", str(python))

    assert str(neuron.probe()).startswith(f"{python} cannot be asked: ")


def test_what_the_other_interpreter_cannot_do_ends_with_its_own_last_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    of_neuron(monkeypatch, DOUBLES / "placeholder", tmp_path / "record")

    with pytest.raises(backend.Unavailable, match=r"^backend neuron has failed: .*WRONG PACKAGE"):
        neuron.build(None, tmp_path, tmp_path, 64)
    with pytest.raises(backend.Unavailable, match=r"^backend neuron has ended with exit 1;"):
        neuron.open(tmp_path, "bf16")


def test_an_unknown_backend_is_unavailable_and_no_recipe_may_name_it() -> None:
    with pytest.raises(backend.Unavailable, match="backend tpu is unavailable: No module named"):
        backend.usable("tpu")
    with pytest.raises(recipe.RecipeError, match="backend"):
        recipe.parse('backend = "tpu"')
