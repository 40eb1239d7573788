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
from services import describe
from services import store as services_store
from services.alarms import state
from services.alarms import store as alarms_store
from services.doctor import findings, position, store
from services.local import processes
from streams import brokers, database, fetch
from streams.access import Access
from streams.intents import places
from streams.intents import store as intents_store
from streams.stages import stage

_ROOT = Path(__file__).parents[2]
NAMES = tuple(process.name for process in processes.PROCESSES if not process.one_shot)


def examine(loaded: settings.Settings, names: tuple[str, ...]) -> Iterator[findings.Finding]:
    """Every check that these processes need, dependencies first."""
    if "KAFKA" in _needs(names):
        yield from _kafka(brokers.of(loaded))
    yield from _database(loaded, names)
    if "streams" in names:
        yield from _identity(loaded)


def _needs(names: tuple[str, ...]) -> set[str]:
    """The settings without which these processes do not start."""
    needs: set[str] = set()
    for name in names:
        needs.update(processes.named(name).needs)
    return needs


def _kafka(access: Access) -> Iterator[findings.Finding]:
    names = [topic.name for topic in topics.TOPICS]
    try:
        cluster = describe.Topics(access)
    except brokers.Unreachable as error:
        yield findings.said("kafka", findings.Status.FAIL, str(error))
        return
    yield findings.Finding("kafka", findings.Status.OK, f"answers at {access.addresses}")
    try:
        yield findings.provisioned(cluster.shapes(names), topics.TOPICS)
    except (brokers.Unreachable, brokers.Refused) as error:
        yield findings.said("topics", findings.Status.FAIL, str(error))


def _identity(loaded: settings.Settings) -> Iterator[findings.Finding]:
    """Whether the topic is another one than was read; nothing where Kafka or Postgres does not
    answer, which is told by then.
    """
    assert loaded.database_url is not None
    fetcher = fetch.Fetcher(brokers.of(loaded), loaded.topic)
    try:
        now = fetcher.topic_id()
        with database.engine(loaded.database_url).connect() as connection:
            partitions = alarms_store.partitions(connection, loaded.topic)
    except sa.exc.SQLAlchemyError:
        return
    finally:
        fetcher.close()
    another = position.another_topic(partitions, loaded.topic, now) if now else None
    if another is not None:
        yield another


def _database(loaded: settings.Settings, names: tuple[str, ...]) -> Iterator[findings.Finding]:
    assert loaded.database_url is not None
    head = ScriptDirectory.from_config(Config(str(_ROOT / "alembic.ini"))).get_current_head()
    try:
        with database.engine(loaded.database_url).connect() as connection:
            yield findings.Finding("database", findings.Status.OK, "answers")
            yield from _asked(connection, loaded, names, str(head))
    except sa.exc.SQLAlchemyError as error:
        told = database.meant(error)
        if told.code == settings.EXIT_CONFIGURATION:
            settings.refuse(told.sentence)
        yield findings.Finding("database", findings.Status.FAIL, told.cause, told.remedy)


def _asked(
    connection: sa.Connection,
    loaded: settings.Settings,
    names: tuple[str, ...],
    head: str,
) -> Iterator[findings.Finding]:
    """Each answer is what the next question stands on: tables, their taxonomy, the work."""
    tables = findings.migration(store.revision(connection), head)
    yield tables
    if tables.status is not findings.Status.OK:
        return

    held = intents_store.held(connection)
    if held is None:
        taxonomy = None
        intents = present.INTENTS
        strange = None
    else:
        taxonomy, intents = held
        strange = database.stranger(taxonomy)
    whose = findings.taxonomy(taxonomy, strange)
    yield whose
    if whose.status is not findings.Status.OK:
        return

    places.learn(intents)
    yield from _work(connection, loaded, names)


def _work(
    connection: sa.Connection, loaded: settings.Settings, names: tuple[str, ...]
) -> Iterator[findings.Finding]:
    facts = alarms_store.facts(connection, loaded.topic)
    output = facts.output
    if "streams" in names:
        yield from _stream(connection, loaded, facts)
    if "scheduler" in names:
        idle_s = store.jobs_idle_s(connection)
        yield findings.scheduler(len(output.due), idle_s, facts.beat)
        watermark = output.clock.watermark if output.clock else None
        yield findings.judged(watermark, alarms_store.newest_hour(connection))
        yield findings.set_aside(output.set_aside)
    if "retrain" in names:
        yield findings.retrain(_retrain_lease_left_s(connection))
    if "notifier" in names:
        yield findings.notifier(store.outbox(connection))
    for one in facts.stages:
        if stage.process(one.name) in names:
            yield findings.failing(one)


def _retrain_lease_left_s(connection: sa.Connection) -> float | None:
    """Seconds the newer of the retrain worker's two leases still holds; None if it had neither."""
    leases = []
    for name in ("retrain_worker", "retrain"):
        left_s = store.lease_left_s(connection, name)
        if left_s is not None:
            leases.append(left_s)
    return max(leases, default=None)


def _stream(
    connection: sa.Connection, loaded: settings.Settings, facts: state.Facts
) -> Iterator[findings.Finding]:
    yield findings.lag(facts.partitions)
    yield findings.stuck(facts.partitions)
    opened = position.open_transactions(facts.partitions)
    if opened is not None:
        yield opened
    yield findings.clock(facts.output.clock, test_clock=loaded.test_clock)
    yield findings.arrivals(facts.partitions)
    yield findings.dead(services_store.dead_last_hour(connection))
    yield findings.alarms(alarms_store.open_alarms(connection, facts))
    # A worker whose roll-up fails does not hold the lease either.
    failing = [one.name for one in facts.stages]
    if stage.ROLLUP not in failing:
        yield findings.rollup(store.lease_left_s(connection, "rollup"))


def main() -> None:
    """Parse, examine, print each line as it comes."""
    parser = argparse.ArgumentParser(prog="python -m services.doctor", description=__doc__)
    parser.add_argument(
        "name",
        nargs="?",
        choices=NAMES,
        metavar="NAME",
        help=", ".join(NAMES),
    )
    parser.add_argument("--json", action="store_true", help="one object a line")
    chosen = parser.parse_args()
    names = (chosen.name,) if chosen.name else NAMES
    needs = {need.lower() for need in _needs(names)}
    loaded = settings.load(*sorted(needs & {"kafka", "database_url"}))

    failed = False
    for finding in examine(loaded, names):
        failed |= finding.status is findings.Status.FAIL
        if chosen.json:
            print(json.dumps(dataclasses.asdict(finding)), flush=True)
        else:
            print(_readable(finding), flush=True)
    sys.exit(settings.EXIT_DEPENDENCY if failed else 0)


def _readable(finding: findings.Finding) -> str:
    line = f"{finding.status:<5} {finding.check:<11} {finding.detail}"
    return f"{line}; {finding.remedy}" if finding.remedy else line


if __name__ == "__main__":
    with database.refusing():
        main()
