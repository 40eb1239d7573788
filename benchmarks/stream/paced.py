"""A producer at a steady rate, in the background of a measurement."""

import contextlib
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.stream import environments, world
from services.local import topology


@dataclass(frozen=True, slots=True)
class Paced:
    """The running producer. `out` will say when each log was sent."""

    n: int
    out: Path
    process: "subprocess.Popen[bytes]"


def topic(servers: world.World) -> str:
    """A topic of its own, empty."""
    return servers.new_topic(f"bench.paced-{uuid.uuid4().hex[:8]}")


@contextlib.contextmanager
def producing(servers: world.World, topic: str, rate: int, seconds: float) -> Iterator[Paced]:
    """Logs of now, `rate` a second; ended with the block."""
    out = servers.directory / f"{topic}.npy"
    argv = [
        str(environments.python("clients")),
        "-m",
        "benchmarks.stream.pace",
        "--bootstrap",
        servers.kafka,
        "--topic",
        topic,
    ]
    argv += ["--rate", str(rate), "--seconds", str(seconds), "--out", str(out)]
    process = subprocess.Popen(
        argv, cwd=topology.ROOT, env=topology.inherited(), stdout=subprocess.DEVNULL
    )
    try:
        yield Paced(int(rate * seconds), out, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
