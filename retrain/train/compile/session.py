"""Run a compiled model: tokenizers and numpy only, and what its backend needs, which for the
default is ONNX Runtime: the gateway needs no torch.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tokenizers

from retrain.evaluation import calibration
from retrain.train.compile import backend, cpu, golden, manifest
from schemas import normalise, present

log = logging.getLogger("intentwatch.model")

SEEN = "seen_tokens.json"


@dataclass(frozen=True, slots=True)
class Session:
    """A verified model, ready to answer. `temperature` is applied before anything reads a
    confidence; `mode` is the backend's in which it was opened.
    """

    model: str
    temperature: float
    tokenizer_hash: str
    manifest_sha256: str
    mode: str
    _tokenizer: Any
    _run: backend.Run
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
        return self._run(ids), ids

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


def load(
    directory: Path,
    named: backend.Named = backend.named,
    *,
    on_record: str | None = None,
) -> Session:
    """Verify and load a model directory; `named` knows the backends, `on_record` is its manifest's
    sha256 by the registry. Raises manifest.BadArtefact, naming what is wrong, and
    backend.Unavailable.
    """
    sha256 = manifest.verify(directory, on_record)
    normaliser = json.loads((directory / "normaliser.json").read_text())
    if normaliser["sha256"] != normalise.SHA256:
        raise manifest.BadArtefact(
            f"{directory}/normaliser.json: trained with another normaliser than this build serves"
        )
    places = tuple(manifest.places(directory))
    calibrated = json.loads((directory / "calibration.json").read_text())
    model = open_unsigned(directory, named)
    return replace(
        model,
        temperature=float(calibrated["temperature"]),
        manifest_sha256=sha256,
        _places=places,
    )


def open_unsigned(directory: Path, named: backend.Named = backend.named) -> Session:
    """Open a directory without a manifest, for the job that is still making it, in the first mode
    in which it answers as where it was proved. The temperature is one. Raises manifest.BadArtefact.
    """
    opened = named(backend.of(directory))
    proof = golden.read(directory)
    if proof is None:
        words = "%s has no %s: nothing shows that this CPU answers as the one it was made on"
        log.warning(words, directory, golden.FILE)
        return in_mode(directory, opened, opened.MODES[0])

    told = ""
    for mode in opened.MODES:
        model = in_mode(directory, opened, mode)
        shift = golden.shift(proof, *model.logits(list(proof.messages)))
        if shift.small:
            if told:
                log.warning("%s is served in %s mode: %s", directory, mode, told)
            return model
        told = told or _otherwise(shift, proof)
    raise manifest.BadArtefact(f"{directory} {told}")


def _otherwise(shift: golden.Shift, proof: golden.Proof) -> str:
    """In one line, how the answers here are others than where the model was proved."""
    return (
        f"answers otherwise than where it was proved: its logits move by up to {shift.largest:.3g} "
        f"standard deviations, {shift.typical:.3g} in a typical message; "
        f"this CPU is {cpu.this()}, that one was {proof.cpu}"
    )


def in_mode(directory: Path, opened: backend.Backend, mode: str) -> Session:
    """Open a directory in this mode, whatever it answers."""
    return unproved(directory, opened.open(directory, mode), mode)


def unproved(directory: Path, run: backend.Run, mode: str) -> Session:
    """What runs the directory's tokens, be it the artefact or a step on the way to it."""
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
        temperature=1.0,
        tokenizer_hash=hashlib.sha256(raw).hexdigest()[:12],
        manifest_sha256="",
        mode=mode,
        _tokenizer=tokenizer,
        _run=run,
        _seen=frozenset(seen),
    )
