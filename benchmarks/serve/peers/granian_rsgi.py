"""Granian's own interface (RSGI), one worker, two threads for the model."""

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from granian import Granian

from benchmarks.serve.peers.model import THREADS, Model

MODEL = Model(sys.argv[1])
POOL = ThreadPoolExecutor(THREADS)


async def app(scope: Any, protocol: Any) -> None:  # noqa: ARG001
    """Any path."""
    text = json.loads(await protocol())["text"]
    answer = await asyncio.get_running_loop().run_in_executor(POOL, MODEL.answer, text)
    protocol.response_str(200, [("content-type", "application/json")], json.dumps(answer))


if __name__ == "__main__":
    Granian(
        "benchmarks.serve.peers.granian_rsgi:app",
        address="127.0.0.1",
        port=int(sys.argv[2]),
        interface="rsgi",
        loop="uvloop",
        workers=1,
        log_enabled=False,
    ).serve()
