"""`python -m services.provision [--alter]`: create the topics of schemas.topics and verify what is
there. Running it again changes nothing; with --alter it gives a topic what the contract has and the
topic has not.

`python -m services.provision taxonomy [--check]`: apply what INTENTWATCH_TAXONOMY has and the
database has not, intents appended or merged.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from schemas import present, settings, succession
from schemas import topics as catalogue
from services import describe, shape
from streams import brokers, database
from streams.access import Access
from streams.intents import store as intents_store


class Mismatch(RuntimeError):
    """A topic is there and breaks the contract."""


def topics(bootstrap: str, wanted: tuple[catalogue.Topic, ...] = catalogue.TOPICS) -> None:
    """Of brokers that let everybody in, such as the embedded one, whose topics are ours: create
    every topic that is missing, mend every other.
    """
    ensure(Access(bootstrap), wanted, alter=True)


def ensure(access: Access, wanted: tuple[catalogue.Topic, ...], *, alter: bool) -> None:
    """Create every topic that is missing, and hold all against the contract; with `alter` give them
    what they lack. Raises brokers.Unreachable, brokers.Refused, or Mismatch that names all.
    """
    cluster = describe.Topics(access)
    names = [topic.name for topic in wanted]
    there = cluster.shapes(names)
    for topic in wanted:
        if topic.name not in there:
            cluster.create(topic, shape.made_with(topic))
        elif alter:
            _mend(cluster, topic, there[topic.name])
    _hold(cluster.shapes(names), wanted)


def _mend(cluster: describe.Topics, topic: catalogue.Topic, had: shape.Shape) -> None:
    departures = shape.departures(topic, had)
    if departures:
        cluster.alter(topic.name, departures)
    if had.partitions < topic.partitions:
        cluster.extend(topic.name, topic.partitions)


def _hold(there: Mapping[str, shape.Shape], wanted: Iterable[catalogue.Topic]) -> None:
    broken = []
    remedies = []
    for topic in wanted:
        has = there[topic.name]
        if has.settings is None:
            raise brokers.Refused(shape.unseen(topic))
        cause = shape.broken(topic, has)
        if cause:
            broken.append(f"topic {topic.name} {cause}")
            remedies.append(shape.remedy(topic, has))
    if broken:
        raise Mismatch(f"{', '.join(broken)}; {', '.join(remedies)}")


def taxonomy(connection: sa.Connection, *, check: bool) -> str:
    """Make the database's taxonomy this process's, if what stands there can be read by it; says
    what was done, or would be with `check`. Else exit 3.
    """
    mine = present.TAXONOMY
    intents_store.lock(connection)
    held = intents_store.held(connection)
    if held is None:
        return _begin(connection, check=check)

    stored, places = held
    difference = succession.difference(stored, mine)
    if difference.kind is succession.Kind.OTHER:
        # Another shop's taxonomy; where no row names an intent of it yet, nothing is lost.
        if not intents_store.names_intents(connection):
            return _begin(connection, check=check)
        settings.refuse(str(database.stranger(stored)))

    words = f"{mine.version}: {difference.words}"
    if difference.kind is succession.Kind.SAME and stored.version == mine.version:
        return words
    if not check:
        # Every intent keeps its place in the stored arrays; the new ones come after them.
        added = [name for name in mine.names if name not in places]
        intents_store.change(connection, mine, (*places, *added))
    return words


def _begin(connection: sa.Connection, *, check: bool) -> str:
    """A database that nothing of another taxonomy stands in takes this process's."""
    mine = present.TAXONOMY
    if not check:
        intents_store.change(connection, mine, mine.names)
    return f"{mine.version}: a new database, with {len(mine.names)} intents"


def main() -> None:
    """Parse, and do one of the two."""
    parser = argparse.ArgumentParser(prog="python -m services.provision", description=__doc__)
    parser.add_argument(
        "--alter",
        action="store_true",
        help="change settings of a topic that break the contract, and add missing partitions",
    )
    command = parser.add_subparsers(dest="what").add_parser(
        "taxonomy",
        help="append or merge intents in the database",
    )
    command.add_argument(
        "--check",
        action="store_true",
        help="say what it would do, and do nothing",
    )
    chosen = parser.parse_args()
    if chosen.what == "taxonomy":
        engine = database.answering(settings.load("database_url").database_url)
        with engine.begin() as connection:
            print(taxonomy(connection, check=chosen.check))
    else:
        _topics(alter=chosen.alter)


def _topics(*, alter: bool) -> None:
    """Exit 3 without an address, 4 without a broker or a right, 5 where a topic breaks the
    contract.
    """
    access = brokers.of(settings.load("kafka"))
    try:
        ensure(access, catalogue.TOPICS, alter=alter)
    except (brokers.Unreachable, brokers.Refused) as error:
        settings.refuse(str(error), settings.EXIT_DEPENDENCY)
    except Mismatch as error:
        settings.refuse(str(error), settings.EXIT_INTEGRITY)
    print(f"intentwatch: {len(catalogue.TOPICS)} topic(s) in place", file=sys.stderr)


if __name__ == "__main__":
    with database.refusing():
        main()
