"""`python -m services.provision`: create the topics of schemas.topics and verify what is there.
Running it again changes nothing.

`python -m services.provision taxonomy [--check]`: apply what INTENTWATCH_TAXONOMY has and the
database has not, intents appended or merged.
"""

import argparse
import sys

import sqlalchemy as sa
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from schemas import present, settings, succession
from schemas import topics as catalogue
from streams import database
from streams.intents import store as intents_store

_PATIENCE_MS = 10_000


class Unreachable(RuntimeError):
    """No broker answers."""


class Mismatch(RuntimeError):
    """A topic exists with another shape than the contract's."""


def topics(bootstrap: str, wanted: tuple[catalogue.Topic, ...] = catalogue.TOPICS) -> None:
    """Create every topic that is missing. Raises Unreachable, or Mismatch where an existing one has
    other partitions.
    """
    client = _client(bootstrap)
    try:
        for topic in wanted:
            _ensure(client, topic)
    finally:
        client.close()


def partitions(bootstrap: str) -> dict[str, int]:
    """The number of partitions of every topic there; changes nothing. Raises Unreachable."""
    client = _client(bootstrap)
    try:
        return {each["name"]: len(each["partitions"]) for each in client.describe_topics()}
    except KafkaError as error:
        cause = type(error).__name__
        raise Unreachable(
            f"the Kafka broker at {bootstrap} does not list its topics ({cause}); look at its log"
        ) from error
    finally:
        client.close()


def _client(bootstrap: str) -> KafkaAdminClient:
    try:
        return KafkaAdminClient(
            bootstrap_servers=bootstrap,
            request_timeout_ms=_PATIENCE_MS,
            bootstrap_timeout_ms=_PATIENCE_MS,
        )
    except (KafkaError, ValueError, OSError) as error:
        cause = type(error).__name__
        raise Unreachable(
            f"no Kafka broker answers at {bootstrap} ({cause});"
            " check INTENTWATCH_KAFKA or run `make up`"
        ) from error


def _ensure(client: KafkaAdminClient, topic: catalogue.Topic) -> None:
    configuration = {
        "retention.ms": str(topic.retention_ms),
        "message.timestamp.type": "LogAppendTime",
    }
    new = NewTopic(topic.name, topic.partitions, -1, topic_configs=configuration)
    try:
        client.create_topics([new])
    except TopicAlreadyExistsError:
        (existing,) = client.describe_topics([topic.name])
        count = len(existing["partitions"])
        if count != topic.partitions:
            raise Mismatch(
                f"topic {topic.name} has {count} partitions, the contract says {topic.partitions}"
            ) from None


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
        _topics()


def _topics() -> None:
    """Exit 3 without an address, 4 without a broker, 5 where a topic has another shape."""
    loaded = settings.load("kafka")
    assert loaded.kafka is not None
    try:
        topics(loaded.kafka)
    except Unreachable as error:
        settings.refuse(str(error), settings.EXIT_DEPENDENCY)
    except Mismatch as error:
        settings.refuse(str(error), settings.EXIT_INTEGRITY)
    print(f"intentwatch: {len(catalogue.TOPICS)} topic(s) in place", file=sys.stderr)


if __name__ == "__main__":
    with database.refusing():
        main()
