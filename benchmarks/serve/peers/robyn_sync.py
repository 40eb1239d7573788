"""Robyn, one process, a plain function in two of its threads."""

import json
import sys
from typing import Any

from robyn import Robyn
from robyn.argument_parser import Config

from benchmarks.serve.peers.model import THREADS, Model

MODEL = Model(sys.argv[1])
config = Config()
config.workers = THREADS
config.processes = 1
config.log_level = "ERROR"
config.disable_openapi = True
app = Robyn(__file__, config=config)


@app.post("/classify")  # type: ignore[untyped-decorator]
def classify(request: Any) -> str:
    """Runs in a thread."""
    return json.dumps(MODEL.answer(json.loads(request.body)["text"]))


if __name__ == "__main__":
    app.start("127.0.0.1", int(sys.argv[2]))
