"""`python -m services.doctor [NAME] [--json]`: are the dependencies there, and is the work done?
NAME asks only what that process stands on and does.

Exit 0, or 4 if any line is `fail`. Reads only; docker-compose.yml uses it as the health check of
the processes without a port.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from schemas import present, settings, topics
from services import provision
from services import store as services_store
from services.alarms import state
from services.alarms import store as alarms_store
from services.doctor import findings, store
from services.local import processes
from streams import database
from streams.intents import places
from streams.intents import store as intents_store
from streams.stages import stage

_ROOT = Path(__file__).parents[2]
NAMES = tuple(process.name for process in processes.PROCESSES if not process.one_shot)


def examine(loaded: settings.Settings, names: tuple[str, ...]) -> Iterator[findings.Finding]:
    """Every check that these processes need, dependencies first."""
    needs = {need for name in names for need in processes.named(name).needs}
    if "KAFKA" in needs:
        yield from _kafka(str(loaded.kafka))
    yield from _database(loaded, names)


def _kafka(bootstrap: str) -> Iterator[findings.Finding]:
    try:
        found = provision.partitions(bootstrap)
    except provision.Unreachable as error:
        cause, _, remedy = str(error).partition("; ")
        yield findings.Finding("kafka", findings.Status.FAIL, cause, remedy)
        return
    yield findings.Finding("kafka", findings.Status.OK, f"answers at {bootstrap}")
    yield findings.provisioned(found, topics.TOPICS)


def _database(loaded: settings.Settings, names: tuple[str, ...]) -> Iterator[findings.Finding]:
    assert loaded.database_url is not None
    head = ScriptDirectory.from_config(Config(str(_ROOT / "alembic.ini"))).get_current_head()
    try:
        with database.engine(loaded.database_url.get_secret_value()).connect() as connection:
            yield findings.Finding("database", findings.Status.OK, "answers")
            found = findings.migration(store.revision(connection), str(head))
            yield found
            if found.status is findings.Status.OK:  # without its tables there is nothing to ask
                held = intents_store.held(connection)
                whose = findings.taxonomy(held and held[0], held and database.stranger(held[0]))
                yield whose
                if whose.status is findings.Status.OK:
                    places.learn(held[1] if held else present.INTENTS)
                    yield from _work(connection, loaded, names)
    except sa.exc.OperationalError:
        cause, _, remedy = database.NO_ANSWER.partition("; ")
        yield findings.Finding("database", findings.Status.FAIL, cause, remedy)


def _work(
    connection: sa.Connection, loaded: settings.Settings, names: tuple[str, ...]
) -> Iterator[findings.Finding]:
    known = alarms_store.facts(connection, loaded.topic)
    failing = [one for one in known.stages if stage.process(one.name) in names]
    if "streams" in names:
        yield from _stream(connection, loaded, known)
    if "scheduler" in names:
        yield findings.scheduler(len(known.output.due), store.jobs_idle_s(connection), known.beat)
        clock = known.output.clock
        yield findings.judged(
            clock.watermark if clock else None, alarms_store.newest_hour(connection)
        )
        yield findings.set_aside(known.output.set_aside)
    if "retrain" in names:
        leases = [store.lease_left_s(connection, name) for name in ("retrain_worker", "retrain")]
        yield findings.retrain(max((left for left in leases if left is not None), default=None))
    if "notifier" in names:
        yield findings.notifier(store.outbox(connection))
    yield from map(findings.failing, failing)


def _stream(
    connection: sa.Connection, loaded: settings.Settings, known: state.Facts
) -> Iterator[findings.Finding]:
    yield findings.lag(known.partitions)
    yield findings.stuck(known.partitions)
    yield findings.clock(known.output.clock, test_clock=loaded.test_clock)
    yield findings.arrivals(known.partitions)
    yield findings.dead(services_store.dead_last_hour(connection))
    yield findings.alarms(alarms_store.open_alarms(connection, known))
    # A worker whose roll-up fails does not hold the lease either.
    if all(one.name != stage.ROLLUP for one in known.stages):
        yield findings.rollup(store.lease_left_s(connection, "rollup"))


def main() -> None:
    """Parse, examine, print each line as it is known."""
    parser = argparse.ArgumentParser(prog="python -m services.doctor", description=__doc__)
    parser.add_argument("name", nargs="?", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="one object a line")
    chosen = parser.parse_args()
    names = (chosen.name,) if chosen.name else NAMES
    needs = {need.lower() for name in names for need in processes.named(name).needs}
    loaded = settings.load(*sorted(needs & {"kafka", "database_url"}))
    failed = False
    for found in examine(loaded, names):
        failed |= found.status is findings.Status.FAIL
        remedy = f"; {found.remedy}" if found.remedy else ""
        print(
            json.dumps(dataclasses.asdict(found))
            if chosen.json
            else f"{found.status:<5} {found.check:<11} {found.detail}{remedy}",
            flush=True,
        )
    sys.exit(settings.EXIT_DEPENDENCY if failed else 0)


if __name__ == "__main__":
    main()
