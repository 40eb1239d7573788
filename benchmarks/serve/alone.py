"""The model alone, message after message on one thread: `python -m benchmarks.serve.alone RUNTIME
DIRECTORY SECONDS < texts` prints one line of JSON. RUNTIME: ours (the product's session),
onnx_int8, onnx_fp32, torch, openvino.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.serve import load

_WARM: int = 20
Answer = Callable[[str], object]


def ours(directory: Path) -> Answer:
    """Normalise, tokenise, run, softmax, answer, as the gateway does."""
    from retrain.train.compile import session
    from services.gateway import served

    opened = session.load(directory)
    return lambda text: served.worked(text, opened)


def onnx_int8(directory: Path) -> Answer:
    """The artefact as every peer runs it."""
    from benchmarks.serve.peers.model import Model

    return Model(str(directory)).answer


def onnx_fp32(directory: Path) -> Answer:
    """What it was quantised from."""
    from retrain.train.compile.backends import onnx

    return _tokenised(directory, onnx.graph(_kept(directory) / "exported.onnx", "fast"))


def torch(directory: Path) -> Answer:
    """The network itself, eager, in inference mode."""
    import torch as library
    import transformers

    library.set_num_threads(1)
    auto = transformers.AutoModelForSequenceClassification
    network: Any = auto.from_pretrained(_kept(directory), local_files_only=True).eval()

    def run(ids: Sequence[int]) -> object:
        with library.inference_mode():
            row = library.tensor([list(ids)])
            return network(input_ids=row, attention_mask=library.ones_like(row)).logits[0]

    return _tokenised(directory, run)


def openvino(directory: Path) -> Answer:
    """float32 by OpenVINO, one thread."""
    import numpy as np
    import openvino as library

    options = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"}
    core = library.Core()
    compiled: Any = core.compile_model(str(_kept(directory) / "exported.onnx"), "CPU", options)

    def run(ids: Sequence[int]) -> object:
        row = np.array([ids], dtype=np.int64)
        return compiled({"input_ids": row, "attention_mask": np.ones_like(row)})[0]

    return _tokenised(directory, run)


def _kept(directory: Path) -> Path:
    return directory.parent / f".{directory.name}"


def _tokenised(directory: Path, run: Callable[[Sequence[int]], object]) -> Answer:
    import tokenizers

    from schemas import normalise

    tokenizer: Any = tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(64)
    return lambda text: run(tokenizer.encode(normalise.text(text)).ids)


RUNTIMES = {each.__name__: each for each in (ours, onnx_int8, onnx_fp32, torch, openvino)}


def main() -> None:
    """Time one of them."""
    runtime, directory, seconds = sys.argv[1:]
    texts = json.load(sys.stdin)
    answer = RUNTIMES[runtime](Path(directory))
    for text in texts[:_WARM]:
        answer(text)

    outcomes: list[tuple[float, float, int]] = []
    worked, begun = time.process_time(), time.perf_counter()
    while (now := time.perf_counter()) - begun < float(seconds):
        answer(texts[len(outcomes) % len(texts)])
        outcomes.append((now, time.perf_counter(), 200))
    cpu_s = time.process_time() - worked
    taken = load.measured(outcomes)
    told = {
        "rps": round(taken.n / (time.perf_counter() - begun), 1),
        "p50_ms": taken.p50_ms,
        "p95_ms": taken.p95_ms,
        "p99_ms": taken.p99_ms,
        "cpu_ms": round(cpu_s * 1000 / taken.n, 3),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
