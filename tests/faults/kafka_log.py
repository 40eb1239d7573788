"""What Kafka holds: every record of a topic from the first offset to the last, read without any
group.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import confluent_kafka

_PATIENCE_S = 300.0
_SETTINGS = {
    "group.id": "recount",
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "enable.partition.eof": True,  # the last offset may be a marker, which is no record
    "fetch.queue.backoff.ms": 5,
    "queued.min.messages": 200_000,
    "fetch.message.max.bytes": 8 * 1024 * 1024,
    "log_level": 0,
}


@dataclass(frozen=True, slots=True)
class Stored:
    """One record as the broker keeps it. `appended_ms`: its append time in epoch milliseconds."""

    part: int
    offset: int
    value: bytes
    batch: bool
    appended_ms: int


def bounds(kafka: str, topic: str) -> dict[int, tuple[int, int]]:
    """First offset there is and the one after the last, of each partition."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka, **_SETTINGS})
    try:
        parts = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        return {
            part: consumer.get_watermark_offsets(
                confluent_kafka.TopicPartition(topic, part), timeout=30
            )
            for part in parts
        }
    finally:
        consumer.close()


def stored(kafka: str, topic: str) -> Iterator[list[Stored]]:
    """Batches of records, each partition in offset order, up to where the topic ends now."""
    ends = bounds(kafka, topic)
    left = {part: high for part, (low, high) in ends.items() if high > low}
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka, **_SETTINGS})
    try:
        consumer.assign(
            [confluent_kafka.TopicPartition(topic, part, ends[part][0]) for part in left]
        )
        deadline = time.monotonic() + _PATIENCE_S
        while left:
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"{topic} could not be read to its end within {_PATIENCE_S:.0f} s; left: {left}"
                )
            messages = consumer.consume(10_000, timeout=1.0)
            records = [_stored(message) for message in messages if message.error() is None]
            for message in messages:
                _tick_off(left, message)
            yield [record for record in records if record.offset < ends[record.part][1]]
    finally:
        consumer.close()


def _tick_off(left: dict[int, int], message: confluent_kafka.Message) -> None:
    """The message is the last one of its partition, or tells of its end."""
    part = message.partition()
    ended = message.error() and message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF
    if ended or (message.error() is None and message.offset() + 1 >= left.get(part, 2**63)):
        left.pop(part, None)


def _stored(message: confluent_kafka.Message) -> Stored:
    batch = ("content", b"batch") in (message.headers() or ())
    return Stored(
        message.partition(), message.offset(), message.value() or b"", batch, message.timestamp()[1]
    )


def leaders(kafka: str, topic: str) -> tuple[list[int], bool]:
    """The leader of each partition, and whether all replicas are in sync."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka, **_SETTINGS})
    try:
        parts = consumer.list_topics(topic, timeout=30).topics[topic].partitions.values()
        return [part.leader for part in parts if part.leader > 0], all(
            len(part.isrs) == len(part.replicas) and part.leader > 0 for part in parts
        )
    finally:
        consumer.close()
