"""The demo's stage: the embedded servers and every process of the product, with the demo's policy,
on free ports; and what Postgres says.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from schemas import settings
from services import ports, store
from services.local import processes, supervisor, topology
from services.local.demo import store as progress
from streams import database

# No step of a free machine takes a minute; one with busy neighbours is three or four times slower.
PATIENCE_S = 300.0
# Beside a busy neighbour a training thread that spins at a barrier keeps the core from the one it
# waits for: half as fast, measured.
_THREADS = {"OMP_WAIT_POLICY": "PASSIVE"}
_MINE = {process.name for process in processes.PROCESSES}

HERE = Path(__file__).parent


class Ended(supervisor.NotReady):
    """A process that should run has ended."""

    def __init__(self, child: supervisor.Child) -> None:
        self.status = child.process.returncode
        end = supervisor.tail(child.log)
        super().__init__(f"{child.name} ended with status {self.status}: {end}")


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything is."""

    addresses: topology.Addresses
    environment: dict[str, str]
    owner: supervisor.Supervisor
    engine: sa.Engine
    logs: Path
    slack_port: int
    notes: list[str]  # what happened to a process and has not been said yet

    def port(self, name: str) -> int:
        """The port of a process, by the variable that names it."""
        return int(self.environment[settings.PREFIX + name])

    def start(self, name: str) -> supervisor.Child:
        """Start one process of the list."""
        return self._start(name, *processes.named(name).command)

    def start_sandbox(self) -> supervisor.Child:
        """Start what stands in for Slack."""
        return self._start(
            "slack_sandbox", "-m", "services.local.slack_sandbox", "--port", str(self.slack_port)
        )

    def _start(self, name: str, *command: str) -> supervisor.Child:
        env = topology.inherited() | _THREADS | self.environment
        return self.owner.start(
            name,
            [sys.executable, *command],
            env=env,
            log=self.logs / f"{name}.log",
            cwd=topology.ROOT,
        )

    def rows(
        self, what: Callable[..., Iterator[dict[str, Any]]], **wanted: Any
    ) -> list[dict[str, Any]]:
        """What `services.show` would print."""
        with self.engine.connect() as connection:
            return list(what(connection, store.Wanted(**wanted)))

    def alive(self) -> None:
        """Raise if a process has ended: the loop would wait for it in vain. One of the product that
        asks for it (75) is started again, as a deployment does.
        """
        for child in list(self.owner.children):
            status = child.process.poll()
            if status == settings.EXIT_TRY_AGAIN and child.name in _MINE:
                self._again(child)
            elif status is not None:
                raise Ended(child)

    def keep(self) -> None:
        """Stay until interrupted. A process of the product that ends is named and started again, as
        a deployment does; a server that ends ends this.
        """
        while True:
            time.sleep(1)
            for child in list(self.owner.children):  # a child started again joins at the end
                if child.name in _MINE and child.process.poll() is not None:
                    self._again(child)
                    print(f"intentwatch: {self.notes.pop()}", file=sys.stderr)
            self.alive()

    def _again(self, child: supervisor.Child) -> None:
        ended = f"{child.name} ended with status {child.process.returncode}"
        last_line = supervisor.tail(child.log, 1)
        self.notes.append(f"{ended} and is started again: {last_line}")
        self.owner.children.remove(child)
        self.start(child.name)

    def wait(
        self,
        holds: Callable[[], bool],
        what: str,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        """Poll until it holds, watching the processes; as long as the product comes anywhere at
        all. Raises TooSlow.
        """
        deadline = time.monotonic() + PATIENCE_S
        before = self._moved()
        while not holds():
            self.alive()
            meanwhile()
            if time.monotonic() > deadline:
                now = self._moved()
                if now == before:
                    raise supervisor.TooSlow(
                        f"waited {PATIENCE_S:.0f} s for {what}, and nothing moved"
                    )
                deadline = time.monotonic() + PATIENCE_S
                before = now
            time.sleep(0.1)

    def _moved(self) -> tuple[Any, ...]:
        with self.engine.connect() as connection:
            return progress.moved(connection)


@contextlib.contextmanager
def up(directory: Path | None, overlay: dict[str, str]) -> Iterator[Stage]:
    """The servers, migrated and provisioned, and a free port for every process; none is started
    yet.
    """
    with topology.embedded(directory) as (addresses, owner):
        topology.prepare(addresses)
        gateway, dashboard, slack = ports.free(3)
        mine = {
            "POLICY": str(HERE / "policy.toml"),
            "RECIPE": str(HERE / "recipe.toml"),
            "TEST_CLOCK": "1",
            "GATEWAY_PORT": str(gateway),
            "DASHBOARD_PORT": str(dashboard),
            "DASHBOARD_URL": f"http://{ports.HOST}:{dashboard}",
            "SLACK_BASE_URL": f"http://{ports.HOST}:{slack}/api/",
        }
        environment = addresses.environment()
        for name, value in mine.items():
            environment[settings.PREFIX + name] = value
        environment |= overlay
        yield Stage(
            addresses,
            environment,
            owner,
            database.engine(addresses.database_url),
            addresses.models.parent / "logs",
            slack,
            [],
        )
