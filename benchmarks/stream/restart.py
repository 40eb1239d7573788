"""How soon a worker that comes back commits again: after a graceful stop, and as a static member
after kill -9; and after an outage of the broker.
"""

import contextlib
import signal
import time
from collections.abc import Mapping
from typing import Any

from benchmarks.stream import dataset, ours, paced, store, world
from streams import database

_RATE = 2_000
_DOWN_S = 2.0
_PATIENCE_S = 180.0


def graceful(servers: world.World, quick: bool) -> dict[str, Any]:
    """SIGTERM, wait, start: seconds from the start of the process to its first commit."""
    return _restarted(servers, signal.SIGTERM, {}, quick)


def static_member(servers: world.World, quick: bool) -> dict[str, Any]:
    """kill -9, start at once under the same INTENTWATCH_WORKER_ID."""
    return _restarted(servers, signal.SIGKILL, {"WORKER_ID": "bench"}, quick)


def _restarted(
    servers: world.World, how: signal.Signals, more: Mapping[str, str], quick: bool
) -> dict[str, Any]:
    topic = paced.topic(servers)
    with (
        servers.database() as url,
        contextlib.closing(database.engine(url).connect()) as connection,
        paced.producing(servers, topic, _RATE, 120),
    ):
        with ours.worker(servers, url, topic, more) as first:
            first.wait("a first commit", lambda: ours.committed(connection, topic) > _RATE)
            time.sleep(1 if quick else 4)
            asked = time.monotonic()
            first.end(how)
        before, begun = ours.committed(connection, topic), time.monotonic()
        with ours.worker(servers, url, topic, more) as second:
            again = second.wait(
                "a commit after the restart", lambda: ours.committed(connection, topic) > before
            )
    return {
        "first_commit_s": round(again - begun, 2),
        "stop_s": round(begun - asked, 2),
        "method": f"{how.name}; from the start of the new process",
    }


def broker_outage(_servers: world.World, quick: bool) -> dict[str, Any]:
    """SIGKILL of the broker, two seconds, start: seconds until every partition has committed logs
    that were read after it answered again.

    In servers of its own: after SIGKILL the broker reads through all it holds, and the topics of
    the other rows are large.
    """
    with world.running() as servers:
        topic = paced.topic(servers)
        with (
            servers.database() as url,
            contextlib.closing(database.engine(url).connect()) as connection,
            paced.producing(servers, topic, _RATE, 240),
        ):
            return _outage(servers, url, topic, connection, 1 if quick else 4)


def _outage(
    servers: world.World, url: str, topic: str, connection: store.Connection, settle_s: float
) -> dict[str, Any]:
    with contextlib.ExitStack() as workers:
        running = workers.enter_context(ours.worker(servers, url, topic))
        running.wait(
            "a first commit of all", lambda: _ahead(connection, topic, {}) == dataset.PARTITIONS
        )
        time.sleep(settle_s)
        broker = servers.child("kafka").process
        broker.kill()
        broker.wait()
        time.sleep(_DOWN_S)
        started = time.monotonic()
        servers.restart_broker()
        answered = time.monotonic()
        before = {part: offset for part, (_, offset) in store.positions(connection, topic).items()}
        starts = 0
        while _ahead(connection, topic, before) < dataset.PARTITIONS:
            if running.process.poll() is not None:  # as a supervisor would
                starts += 1
                running = workers.enter_context(ours.worker(servers, url, topic))
            if time.monotonic() - answered > _PATIENCE_S:
                told = running.log.read_text(errors="replace")[-400:]
                raise ours.Stuck(f"not every partition is live again: {told}")
            time.sleep(0.05)
        live = time.monotonic()
    seconds = {
        "live_after_broker_start_s": live - started,
        "live_after_broker_answers_s": live - answered,
        "broker_answers_after_start_s": answered - started,
    }
    return {name: round(value, 2) for name, value in seconds.items()} | {
        "down_s": _DOWN_S,
        "worker_restarts": starts,
    }


def _ahead(connection: store.Connection, topic: str, before: Mapping[int, int]) -> int:
    """Partitions that have committed more than before."""
    return sum(
        offset > before.get(part, 0)
        for part, (_, offset) in store.positions(connection, topic).items()
    )
