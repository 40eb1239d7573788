"""Run a compiled model: tokenizers, onnxruntime and numpy only, so that the gateway needs no torch."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import tokenizers

from retrain.evaluation import calibration
from retrain.train.compile import manifest
from schemas import normalise, taxonomy

ARTEFACT = Path("compiled/onnx/model.onnx")
SEEN = "seen_tokens.json"


@dataclass(frozen=True, slots=True)
class Session:
    """A verified model, ready to answer. `temperature` is applied before anything reads a confidence."""

    model: str
    temperature: float
    tokenizer_hash: str
    manifest_sha256: str
    _tokenizer: Any
    _runtime: Any
    _seen: frozenset[int] = frozenset()

    def logits(self, texts: list[str]) -> tuple[npt.NDArray[np.float64], list[list[int]]]:
        """Logits (n, K) of raw messages and the tokens of each, one thread.

        Each message runs by itself, as the gateway serves it: int8 scales are taken from the whole batch, and an answer must not
        depend on what else was asked. A batch padded to its longest message took several times as long, too.
        """
        found = [self._one(text) for text in texts]
        return np.array([logits for logits, _ in found], dtype=np.float64).reshape(len(texts), -1), [tokens for _, tokens in found]

    def _one(self, text: str) -> tuple[npt.NDArray[np.float32], list[int]]:
        ids = self._tokens(text)
        feed = {"input_ids": np.array([ids], dtype=np.int64), "attention_mask": np.ones((1, len(ids)), dtype=np.int64)}
        return self._runtime.run(None, feed)[0][0], ids

    def _tokens(self, text: str) -> list[int]:
        found: list[int] = self._tokenizer.encode(normalise.text(text)).ids
        return found

    def seen(self, texts: Iterable[str]) -> list[int]:
        """Every token of these messages, once, in order: what SEEN holds of the training rows. What the tokenizer does not know stays new."""
        return sorted({token for text in texts for token in self._tokens(text)} - {self._tokenizer.token_to_id("[UNK]")})

    def novelty(self, tokens: Sequence[int]) -> float:
        """The share of a message's own tokens, in [0, 1], that no training row held; 0 where the model's directory does not say what they held."""
        own = len(tokens) - self._tokenizer.num_special_tokens_to_add(False)
        return sum(token not in self._seen for token in tokens) / own if self._seen and own > 0 else 0.0

    def classify(self, texts: list[str]) -> tuple[npt.NDArray[np.float64], list[list[int]]]:
        """Calibrated probabilities (n, K) of raw messages and the tokens of each."""
        logits, tokens = self.logits(texts)
        return calibration.probabilities(logits, self.temperature), tokens


def load(directory: Path) -> Session:
    """Verify and load a model directory. Raises manifest.BadArtefact, naming what is wrong."""
    sha256 = manifest.verify(directory)
    if json.loads((directory / "normaliser.json").read_text())["sha256"] != normalise.SHA256:
        raise manifest.BadArtefact(f"{directory}/normaliser.json: trained with another normaliser than this build serves")
    if json.loads((directory / "labels.json").read_text()) != list(taxonomy.INTENTS):
        raise manifest.BadArtefact(f"{directory}/labels.json: the intents or their order differ from this build's")
    temperature = float(json.loads((directory / "calibration.json").read_text())["temperature"])
    return open_unsigned(directory, temperature, sha256)


def open_unsigned(directory: Path, temperature: float = 1.0, sha256: str = "", *, graph: Path | None = None) -> Session:
    """Load without a manifest, and another graph if one is given: for the job that is still making them."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    path = graph or directory / ARTEFACT
    runtime = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    raw = (directory / "tokenizer.json").read_bytes()
    tokenizer = tokenizers.Tokenizer.from_str(raw.decode())
    tokenizer.no_padding()
    tokenizer.enable_truncation(int(json.loads((directory / "calibration.json").read_text()).get("max_tokens", 64)))
    seen = directory / SEEN
    known = frozenset(json.loads(seen.read_text())) if seen.exists() else frozenset()  # models of before have none
    return Session(directory.name, temperature, hashlib.sha256(raw).hexdigest()[:12], sha256, tokenizer, runtime, known)
