"""`python -m services.provision`: create the topics of schemas.topics and verify what is there. Running it again changes nothing."""

import sys

from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from schemas import settings
from schemas import topics as catalogue

_PATIENCE_MS = 10_000


class Unreachable(RuntimeError):
    """No broker answers."""


class Mismatch(RuntimeError):
    """A topic exists with another shape than the contract's."""


def topics(bootstrap: str, wanted: tuple[catalogue.Topic, ...] = catalogue.TOPICS) -> None:
    """Create every topic that is missing. Raises Unreachable, or Mismatch where an existing one has other partitions."""
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
        return {found["name"]: len(found["partitions"]) for found in client.describe_topics()}
    except KafkaError as error:
        raise Unreachable(f"the Kafka broker at {bootstrap} does not list its topics ({type(error).__name__}); look at its log") from error
    finally:
        client.close()


def _client(bootstrap: str) -> KafkaAdminClient:
    try:
        return KafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=_PATIENCE_MS, bootstrap_timeout_ms=_PATIENCE_MS)
    except (KafkaError, ValueError, OSError) as error:
        raise Unreachable(f"no Kafka broker answers at {bootstrap} ({type(error).__name__}); check INTENTWATCH_KAFKA or run `make up`") from error


def _ensure(client: KafkaAdminClient, topic: catalogue.Topic) -> None:
    configuration = {"retention.ms": str(topic.retention_ms), "message.timestamp.type": "LogAppendTime"}
    try:
        client.create_topics([NewTopic(topic.name, topic.partitions, -1, topic_configs=configuration)])
    except TopicAlreadyExistsError:
        (found,) = client.describe_topics([topic.name])
        if len(found["partitions"]) != topic.partitions:
            raise Mismatch(f"topic {topic.name} has {len(found['partitions'])} partitions, the contract says {topic.partitions}") from None


def main() -> None:
    """Shell: exit 3 without an address, 4 without a broker, 5 where a topic has another shape."""
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
    main()
