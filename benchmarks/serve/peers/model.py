"""What every peer does with a text: normalise, tokenise, one run of the artefact on one thread,
softmax. No sampling, no serving log, no metrics, no limits. Needs tokenizers and onnxruntime alone.
"""

import math
from typing import Any

import numpy as np
import onnxruntime
import tokenizers

from schemas import normalise

THREADS = 2


class Model:
    """A compiled model directory of ours."""

    def __init__(self, directory: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(
            f"{directory}/compiled/onnx/model.onnx", options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer: Any = tokenizers.Tokenizer.from_file(f"{directory}/tokenizer.json")
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(64)

    def answer(self, text: str) -> dict[str, Any]:
        """The likeliest place and its probability."""
        ids = self._tokenizer.encode(normalise.text(text)).ids
        feed = {
            "input_ids": np.array([ids], dtype=np.int64),
            "attention_mask": np.ones((1, len(ids)), dtype=np.int64),
        }
        logits = self._session.run(None, feed)[0][0].tolist()
        top = max(logits)
        total = math.fsum(math.exp(logit - top) for logit in logits)
        return {"intent": logits.index(top), "confidence": 1 / total}
