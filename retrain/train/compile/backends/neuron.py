"""bf16 for Inferentia by torch_neuronx, which lives in an interpreter of its own: it asks for
another torch than this one.
"""

import contextlib
import json
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrain.train.compile import backend
from schemas import settings

TARGET: Final = "neuron-bf16"
MODES: Final = ("bf16",)
# Shapes are fixed when it is compiled: most messages have 14 tokens, few more than 32.
BUCKETS: Final = (16, 32, 64)
_WORKER: Final = Path(__file__).parents[1] / "neuron_worker.py"
_BUILD_S: Final = 1_800


def buckets(max_tokens: int) -> tuple[int, ...]:
    """How many tokens each traced network takes; the last one holds the longest message.

    >>> buckets(64), buckets(20), buckets(128)
    ((16, 32, 64), (16, 20), (16, 32, 64, 128))
    """
    smaller = tuple(size for size in BUCKETS if size < max_tokens)
    return (*smaller, max_tokens)


def probe() -> str | None:
    """Ask the interpreter that would do it."""
    try:
        done = _done(["probe"])
    except (OSError, subprocess.SubprocessError) as error:
        return f"{_python()} cannot be asked: {error}"
    try:
        why: str | None = json.loads(done.stdout)["why"]
    except ValueError:
        return f"{_python()} cannot be asked: {_last_line(done.stderr)}"
    return why


def build(network: Any, directory: Path, workshop: Path, max_tokens: int) -> backend.Built:  # noqa: ARG001
    """Of the network as the directory holds it: the interpreters share files only."""
    sizes = [str(size) for size in buckets(max_tokens)]
    done = _done(["build", str(directory.resolve()), *sizes])
    if done.returncode:
        raise backend.Unavailable(f"backend neuron has failed: {_last_line(done.stderr)}")
    return backend.Built(exported=None, weight_error=0.0)


def open(directory: Path, mode: str) -> backend.Run:  # noqa: A001, ARG001
    """A process that answers until nobody holds what is returned."""
    return _Serving(directory)


class _Serving:
    """The other interpreter with the artefact loaded, one message at a time."""

    def __init__(self, directory: Path) -> None:
        argv = [_python(), "-P", str(_WORKER), "serve", str(directory.resolve())]
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        weakref.finalize(self, _ended, self._process)
        self._line()

    def __call__(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """The logits of one message."""
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.write(json.dumps(list(ids)) + "\n")
            self._process.stdin.flush()
            answer = self._line()
        return np.array(json.loads(answer), dtype=np.float32)

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise backend.Unavailable(
                f"backend neuron has ended with exit {self._process.wait()}; its log says why"
            )
        return line


def _ended(process: "subprocess.Popen[str]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    process.wait()


def _python() -> str:
    return str(settings.load().neuron_python or sys.executable)


def _done(argv: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [_python(), "-P", str(_WORKER), *argv],
        capture_output=True,
        text=True,
        timeout=_BUILD_S,
        check=False,
    )


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"
