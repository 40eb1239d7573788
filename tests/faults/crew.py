"""The workers under test: started as an operator would, killed by their own id, started again as a
supervisor would. None outlives the test.
"""

import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import processes

from services.local import supervisor, topology

WORKER = ("-m", "streams", "worker")


@dataclass
class Crew:
    """Use from the main thread. `log` collects what every worker says; `home`: whose code they
    run.
    """

    owner: supervisor.Supervisor
    environment: Mapping[str, str]
    log: Path
    running: list[supervisor.Child] = field(default_factory=list)
    home: Path = processes.ROOT

    def start(self, name: str | None = None, **more: str) -> supervisor.Child:
        """One worker; `name` makes it a static member of the group; `more` are further variables
        without their prefix.
        """
        chosen = {f"INTENTWATCH_{key}": value for key, value in more.items()} | (
            {"INTENTWATCH_WORKER_ID": name} if name else {}
        )
        environment = topology.inherited() | dict(self.environment) | chosen
        child = self.owner.start(
            name or "worker",
            [sys.executable, *WORKER],
            log=self.log,
            env=environment,
            cwd=self.home,
        )
        self.running.append(child)
        return child

    def kill(self, child: supervisor.Child) -> None:
        """SIGKILL, and the end of it."""
        child.process.kill()
        self.ended(child, 10)

    def ended(self, child: supervisor.Child, timeout_s: float) -> int:
        """Wait for a worker that ends by itself; its exit status."""
        status = child.process.wait(timeout_s)
        self.running.remove(child)
        return status

    def stop(self, child: supervisor.Child, timeout_s: float = 45) -> int:
        """SIGTERM; the exit status."""
        child.process.send_signal(signal.SIGTERM)
        return self.ended(child, timeout_s)

    def revived(
        self, name: str, child: supervisor.Child, **more: str
    ) -> tuple[supervisor.Child, int | None]:
        """What a supervisor does on its round: the child as it is, or a new one and the status the
        old one ended with.
        """
        status = child.process.poll()
        if status is None:
            return child, None
        self.running.remove(child)
        return self.start(name, **more), status

    def finish(self) -> list[int]:
        """SIGTERM to all that run; their exit statuses."""
        return [self.stop(child) for child in list(self.running)]

    def command(self, *argv: str) -> str:
        """A command as the on-call gives it; what it prints."""
        done = processes.run(["-m", *argv], dict(self.environment))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def said(self, lines: int = 12) -> str:
        """The end of what the workers said."""
        return (
            "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
            if self.log.exists()
            else "nothing"
        )


def until(seconds: float, pause_s: float = 0.1) -> Iterator[float]:
    """Ticks until the time is up: every wait of these tests is bounded."""
    begun = time.monotonic()
    while (gone := time.monotonic() - begun) < seconds:
        yield gone
        time.sleep(pause_s)
