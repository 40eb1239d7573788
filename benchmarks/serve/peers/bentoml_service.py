"""BentoML as its documentation shows it: two workers, no adaptive batching."""

import os
import sys
from pathlib import Path
from typing import Any

import bentoml

from benchmarks.serve.peers.model import THREADS, Model


@bentoml.service(workers=THREADS, traffic={"timeout": 10})
class Classifier:
    """One message."""

    def __init__(self) -> None:
        self.model = Model(os.environ["BENCH_MODEL"])

    @bentoml.api  # type: ignore[untyped-decorator]
    def classify(self, text: str) -> dict[str, Any]:
        """The answer."""
        return self.model.answer(text)


if __name__ == "__main__":
    command = str(Path(sys.executable).with_name("bentoml"))
    name = "benchmarks.serve.peers.bentoml_service:Classifier"
    told = os.environ | {"BENCH_MODEL": sys.argv[1], "BENTOML_DO_NOT_TRACK": "True"}
    argv = [command, "serve", name, "--host", "127.0.0.1", "--port", sys.argv[2]]
    os.execve(command, argv, told)  # noqa: S606
