"""Run a compiled model: tokenizers, onnxruntime and numpy only, so that the gateway needs no
torch.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import tokenizers

from retrain.evaluation import calibration
from retrain.train.compile import manifest
from schemas import normalise, present

ARTEFACT = Path("compiled/onnx/model.onnx")
SEEN = "seen_tokens.json"


@dataclass(frozen=True, slots=True)
class Session:
    """A verified model, ready to answer. `temperature` is applied before anything reads a
    confidence.
    """

    model: str
    temperature: float
    tokenizer_hash: str
    manifest_sha256: str
    _tokenizer: Any
    _runtime: Any
    _seen: frozenset[int] = frozenset()
    _places: tuple[int, ...] = tuple(range(len(present.INTENTS)))

    def logits(self, texts: list[str]) -> tuple[npt.NDArray[np.float64], list[list[int]]]:
        """The model's own logits (n, outputs) of raw messages and the tokens of each, one thread.

        Each message runs by itself, as the gateway serves it: int8 scales are taken from the whole
        batch, and an answer must not depend on what else was asked. A batch padded to its longest
        message took several times as long, too.
        """
        rows = []
        tokens = []
        for text in texts:
            row, ids = self._one(text)
            rows.append(row)
            tokens.append(ids)
        logits = np.array(rows, dtype=np.float64)
        return logits.reshape(len(texts), len(self._places)), tokens

    def _one(self, text: str) -> tuple[npt.NDArray[np.float32], list[int]]:
        ids = self._tokens(text)
        feed = {
            "input_ids": np.array([ids], dtype=np.int64),
            "attention_mask": np.ones((1, len(ids)), dtype=np.int64),
        }
        return self._runtime.run(None, feed)[0][0], ids

    def _tokens(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(normalise.text(text)).ids
        return ids

    def seen(self, texts: Iterable[str]) -> list[int]:
        """Every token of these messages, once, in order: what SEEN holds of the training rows. What
        the tokenizer does not know stays new.
        """
        tokens: set[int] = set()
        for text in texts:
            tokens.update(self._tokens(text))
        tokens.discard(self._tokenizer.token_to_id("[UNK]"))
        return sorted(tokens)

    def novelty(self, tokens: Sequence[int]) -> float:
        """The share of a message's own tokens, in [0, 1], that no training row held; 0 where the
        model's directory does not say what they held.
        """
        own: int = len(tokens) - self._tokenizer.num_special_tokens_to_add(False)
        if not self._seen or own <= 0:
            return 0.0
        new = sum(token not in self._seen for token in tokens)
        return new / own

    def classify(self, texts: list[str]) -> tuple[npt.NDArray[np.float64], list[list[int]]]:
        """Calibrated probabilities (n, K) of the present intents of raw messages, and the tokens of
        each. An intent that the model does not know has none; one that took others over has theirs,
        too.
        """
        logits, tokens = self.logits(texts)
        own = calibration.probabilities(logits, self.temperature)
        if self._places == tuple(range(len(present.INTENTS))):
            return own, tokens
        return own @ np.eye(len(present.INTENTS))[list(self._places)], tokens


def load(directory: Path) -> Session:
    """Verify and load a model directory. Raises manifest.BadArtefact, naming what is wrong."""
    sha256 = manifest.verify(directory)
    normaliser = json.loads((directory / "normaliser.json").read_text())
    if normaliser["sha256"] != normalise.SHA256:
        raise manifest.BadArtefact(
            f"{directory}/normaliser.json: trained with another normaliser than this build serves"
        )
    places = tuple(manifest.places(directory))
    calibrated = json.loads((directory / "calibration.json").read_text())
    temperature = float(calibrated["temperature"])
    model = open_unsigned(directory, temperature, sha256)
    return replace(model, _places=places)


def open_unsigned(
    directory: Path,
    temperature: float = 1.0,
    sha256: str = "",
    *,
    graph: Path | None = None,
) -> Session:
    """Load without a manifest, and another graph if one is given: for the job that is still making
    them.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    path = graph or directory / ARTEFACT
    runtime = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    raw = (directory / "tokenizer.json").read_bytes()
    tokenizer = tokenizers.Tokenizer.from_str(raw.decode())
    tokenizer.no_padding()
    calibrated = json.loads((directory / "calibration.json").read_text())
    tokenizer.enable_truncation(int(calibrated.get("max_tokens", 64)))

    path = directory / SEEN
    # Models of before have none.
    seen = json.loads(path.read_text()) if path.exists() else ()
    return Session(
        model=directory.name,
        temperature=temperature,
        tokenizer_hash=hashlib.sha256(raw).hexdigest()[:12],
        manifest_sha256=sha256,
        _tokenizer=tokenizer,
        _runtime=runtime,
        _seen=frozenset(seen),
    )
