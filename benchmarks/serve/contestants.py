"""Who answers POST /classify: the product's gateway with all of its duties, and bare servers that
run the same artefact.
"""

import contextlib
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from benchmarks import environments
from services import ports
from services.local import topology

_REQUIREMENTS: Final = Path(__file__).with_name("requirements")
_START_S: Final = 90.0
OURS: Final = "ours"


@dataclass(frozen=True, slots=True)
class Peer:
    """`module` below peers; `own` is the name of its requirements, None where ours do."""

    name: str
    module: str
    own: str | None
    says: str


PEERS: Final = (
    Peer("bare_fastapi", "bare_fastapi", None, "FastAPI on uvicorn with httptools and uvloop"),
    Peer("granian", "granian_rsgi", "granian", "granian's RSGI, one worker, two threads"),
    Peer("robyn", "robyn_sync", "robyn", "robyn, one process, two threads"),
    Peer("litserve", "litserve_api", "litserve", "LitServe, two workers"),
    Peer("bentoml", "bentoml_service", "bentoml", "BentoML, two workers"),
)


@dataclass(frozen=True, slots=True)
class Server:
    """One that answers."""

    port: int
    process: psutil.Process

    def cpu_s(self) -> float:
        """Of it and of all that it has started."""
        total = 0.0
        for each in (self.process, *self.process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                total += times.user + times.system
        return total


def python(own: str | None) -> Path:
    """The interpreter with a peer's requirements."""
    if own is None:
        return Path(sys.executable)
    return environments.python(_REQUIREMENTS / f"{own}.txt")


@contextlib.contextmanager
def peer(of: Peer, model: Path, log: Path) -> Iterator[Server]:
    """A peer that serves this model. Raises environments.Unbuildable."""
    (port,) = ports.free(1)
    argv = [str(python(of.own)), "-m", f"benchmarks.serve.peers.{of.module}", str(model), str(port)]
    with standing(argv, {"PYTHONPATH": str(topology.ROOT)}, port, log) as server:
        yield server


@contextlib.contextmanager
def ours(environment: Mapping[str, str], log: Path) -> Iterator[Server]:
    """`python -m services.gateway` as it stands."""
    (port,) = ports.free(1)
    told = {**environment, "INTENTWATCH_GATEWAY_PORT": str(port)}
    argv = [sys.executable, "-m", "services.gateway"]
    with standing(argv, told, port, log) as server:
        yield server


@contextlib.contextmanager
def standing(
    argv: list[str], environment: Mapping[str, str], port: int, log: Path
) -> Iterator[Server]:
    """A process from its first connection to the end of the block, where it and all that it has
    started are gone.
    """
    told = {name: value for name, value in os.environ.items() if not name.startswith("INTENTWATCH")}
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv,
            cwd=topology.ROOT,
            env=told | dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    seen = psutil.Process(process.pid)
    try:
        _wait(process, port, log)
        yield Server(port, seen)
    finally:
        _end(process, seen)


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Until it answers. Raises environments.Unbuildable."""
    until = time.monotonic() + _START_S
    while not answers(port):
        if process.poll() is not None or time.monotonic() > until:
            said = log.read_text(errors="replace").strip()[-400:]
            raise environments.Unbuildable(f"{log.stem} does not answer: {said}")
        time.sleep(0.01)


def answers(port: int) -> bool:
    """Whether a message gets its answer there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Content-Type": "application/json"}
    try:
        connection.request("POST", "/classify", b'{"text": "hi"}', headers)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(process: "subprocess.Popen[bytes]", seen: psutil.Process) -> None:
    started = seen.children(recursive=True) if process.poll() is None else []
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(15)
    for each in (*started, seen):
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()
