"""Our own worker, started as an operator starts it, watched from outside: what has been committed,
and what the kernel says it used.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.stream import dataset, oracle, procfs, results, store, world
from services.local import topology
from streams import database

WORKER = (sys.executable, "-m", "streams", "worker")
_POLL_S = 0.02
_PATIENCE_S = 300.0

Check = Callable[[store.Connection], oracle.Verdict]


class Stuck(RuntimeError):
    """The worker ended, or did not get there in time; the message holds the end of its log."""


@dataclass(slots=True)
class Worker:
    """A running worker and the topic it reads."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def wait(
        self,
        what: str,
        holds: Callable[[], bool],
        patience_s: float = _PATIENCE_S,
        poll_s: float = _POLL_S,
    ) -> float:
        """Poll until it holds; returns the instant."""
        deadline = time.monotonic() + patience_s
        while not holds():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Stuck(f"waiting for {what}: {self.log.read_text(errors='replace')[-400:]}")
            time.sleep(poll_s)
        return time.monotonic()

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait for its end."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def environment(
    servers: world.World, url: str, topic: str, more: Mapping[str, str]
) -> dict[str, str]:
    """What a worker reads. The set's times are simulated, hence the test clock."""
    settings = {
        "KAFKA": servers.kafka,
        "DATABASE_URL": url,
        "TOPIC": topic,
        "TEST_CLOCK": "1",
        **more,
    }
    return topology.inherited() | {f"INTENTWATCH_{name}": value for name, value in settings.items()}


@contextlib.contextmanager
def worker(
    servers: world.World, url: str, topic: str, more: Mapping[str, str] | None = None
) -> Iterator[Worker]:
    """A worker; asked to stop at the end, and waited for."""
    log = servers.directory / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            WORKER,
            cwd=topology.ROOT,
            env=environment(servers, url, topic, more or {}),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    running = Worker(process, log)
    try:
        yield running
    finally:
        running.end()


def catch_up(
    servers: world.World, topic: str, n: int, records: int, more: Mapping[str, str], check: Check
) -> results.Run:
    """Read a topic from its beginning into an empty database. The clock runs from the claim of the
    partitions to the last commit.
    """
    with (
        servers.database() as url,
        contextlib.closing(database.engine(url).connect()) as connection,
    ):
        begun, postgres_s, broker_s = (
            time.monotonic(),
            servers.postgres_cpu_s(),
            servers.broker_cpu_s(),
        )
        with worker(servers, url, topic, more) as running:
            pid = running.process.pid
            first = running.wait(
                "the claim", lambda: claimed(connection, topic) == dataset.PARTITIONS
            )
            cpu_s = procfs.usage(pid).cpu_s
            last = running.wait("the last commit", lambda: committed(connection, topic) >= records)
            used = procfs.usage(pid)
            postgres_s, broker_s = (
                servers.postgres_cpu_s() - postgres_s,
                servers.broker_cpu_s() - broker_s,
            )
            verdict = check(connection)
        return results.Run(
            n,
            last - first,
            used.cpu_s - cpu_s,
            used.peak_mb,
            verdict.exact,
            verdict.missing,
            last - begun,
            broker_s,
            postgres_s,
        )


def against(truth: oracle.Truth) -> Check:
    """Every pane and the dead letters against the oracle."""
    return lambda connection: oracle.panes_verdict(
        store.panes(connection), store.dead_letters(connection), truth
    )


def claimed(connection: store.Connection, topic: str) -> int:
    """Partitions that a worker owns."""
    return sum(epoch > 0 for epoch, _ in store.positions(connection, topic).values())


def committed(connection: store.Connection, topic: str) -> int:
    """Records counted in committed transactions."""
    return sum(offset for _, offset in store.positions(connection, topic).values())


def quiet() -> None:
    """Finish what an earlier contestant left to be written, so that the next one does not pay for
    it.
    """
    os.sync()
