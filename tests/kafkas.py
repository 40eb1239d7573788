"""What tests do to a real Kafka beside plain sending: topics deleted, made anew, widened; producers
with transactions.
"""

import contextlib
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import confluent_kafka as ck
import processes
from confluent_kafka import admin


def client(kafka: str) -> Any:
    """For whoever administers it."""
    return admin.AdminClient({"bootstrap.servers": kafka, "log_level": 0})


def delete(kafka: str, topic: str) -> None:
    """The topic is gone, and its name free."""
    control = client(kafka)
    control.delete_topics([topic])[topic].result(30)

    def gone() -> bool:
        return topic not in control.list_topics(timeout=10).topics

    assert processes.eventually(gone)


def make(kafka: str, topic: str, partitions: int = 1) -> None:
    """The topic, where there is none of that name."""
    control = client(kafka)

    def made() -> bool:
        wanted = admin.NewTopic(topic, partitions, 1)
        try:
            control.create_topics([wanted])[topic].result(30)
        except ck.KafkaException:  # the old one of that name is still going
            return False
        return True

    assert processes.eventually(made)


def remake(kafka: str, topic: str, partitions: int = 1) -> None:
    """Another topic of the same name."""
    delete(kafka, topic)
    make(kafka, topic, partitions)


def widen(kafka: str, topic: str, partitions: int) -> None:
    """As `kafka-topics --alter --partitions` does."""
    control = client(kafka)
    wanted = admin.NewPartitions(topic, partitions)
    control.create_partitions([wanted])[topic].result(30)


def send(kafka: str, topic: str, values: Iterable[bytes], part: int = 0) -> None:
    """Plain records, each acknowledged."""
    sender = ck.Producer({"bootstrap.servers": kafka, "log_level": 0})
    for value in values:
        sender.produce(topic, value, partition=part)
    assert sender.flush(60) == 0


@contextlib.contextmanager
def transactional(kafka: str) -> Iterator[Any]:
    """A producer that writes in transactions; one that is open at the end is aborted."""
    sender = ck.Producer(
        {"bootstrap.servers": kafka, "transactional.id": uuid.uuid4().hex, "log_level": 0}
    )
    sender.init_transactions(60)
    yield sender


def transaction(
    sender: Any, topic: str, values: Iterable[bytes], part: int = 0, *, end: str = "commit"
) -> None:
    """One transaction; `end`: commit, abort, or leave it open."""
    sender.begin_transaction()
    for value in values:
        sender.produce(topic, value, partition=part)
    assert sender.flush(60) == 0
    if end == "commit":
        sender.commit_transaction(60)
    elif end == "abort":
        sender.abort_transaction(60)
