"""P5: Postgres is killed, or stands still, for longer than anybody's patience: each process ends
with 4 and a line that says why, and a supervisor starts it again; the gateway serves on.
"""

import os
import signal
import sys
import time
from pathlib import Path

import processes
import pytest
from faults import crew, feed, invent, lab, servers

from services import ports
from services.local import postgres, supervisor, topology
from services.local import processes as catalogue

SEED = 129
# Noticed after so long at the most where it stands still, and given two minutes from then.
MOST_S = {signal.SIGKILL: 170.0, signal.SIGSTOP: 260.0}


@pytest.mark.parametrize("how", MOST_S)
def test_without_postgres_for_longer_than_patience(
    site: lab.Lab, tmp_path: Path, how: signal.Signals
) -> None:
    gateway, dashboard = ports.free(2)
    given = {
        **site.crew.environment,
        "INTENTWATCH_SLACK_BASE_URL": "http://127.0.0.1:1/api/",
        "INTENTWATCH_MODELS": str(tmp_path),
        "INTENTWATCH_GATEWAY_PORT": str(gateway),
        "INTENTWATCH_DASHBOARD_PORT": str(dashboard),
    }
    feed.send(site.kafka, site.topic, invent.records(20_000, SEED))
    with supervisor.Supervisor(patience_s=5) as others:
        ending = {}
        for process in catalogue.PROCESSES:
            if not process.one_shot and process.name != "streams":
                ending[process.name] = others.start(
                    process.name,
                    [sys.executable, *process.command],
                    log=tmp_path / process.name,
                    env=topology.inherited() | given,
                    cwd=processes.ROOT,
                )
        ending["streams"] = worker = site.crew.start("one")
        serving = ending.pop("gateway")
        site.moves()
        assert any(_all_ready(tmp_path, gateway, dashboard) for _ in crew.until(60, 0.5))
        gone = _gone(site, how)
        feed.send(site.kafka, site.topic, invent.records(20_000, SEED + 1))
        over = any(
            all(child.process.poll() is not None for child in ending.values())
            for _ in crew.until(MOST_S[how], 0.5)
        )
        waited = time.monotonic() - gone
        statuses = {name: child.process.poll() for name, child in ending.items()}
        assert over, statuses
        assert set(statuses.values()) == {4}, statuses
        assert serving.process.poll() is None
        for name in ("scheduler", "notifier", "dashboard", "retrain"):
            *_, last = (tmp_path / name).read_text().splitlines()
            assert last.startswith("intentwatch: without Postgres for 120 s: "), (name, last)
    site.crew.running.remove(worker)
    _back(site, how)
    site.crew.start("one")
    site.conclude("P5", injected=5, at_least=5, more=f"how={how.name} after_s={waited:.0f}")


def _all_ready(folder: Path, gateway: int, dashboard: int) -> bool:
    said = [(folder / name).read_text() for name in ("scheduler", "notifier", "retrain")]
    return all("ready" in text for text in said) and all(map(ports.listening, (gateway, dashboard)))


def _gone(site: lab.Lab, how: signal.Signals) -> float:
    """Postgres stops, with every backend; since when."""
    server = servers.named(site.owner, "postgres")
    if how is signal.SIGKILL:
        servers.killed(server)
    else:
        for pid in _family(server.process.pid):
            os.kill(pid, signal.SIGSTOP)
    return time.monotonic()


def _back(site: lab.Lab, how: signal.Signals) -> None:
    server = servers.named(site.owner, "postgres")
    if how is signal.SIGKILL:
        servers.postgres_again(site.owner, site.database)
        return
    for pid in _family(server.process.pid):
        os.kill(pid, signal.SIGCONT)
    assert any(postgres.answers(site.database) for _ in crew.until(60, 0.5))


def _family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]
