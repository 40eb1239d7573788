"""Kafka clients without any framework, with our aggregator. Settings: aiokafka, kafka_python,
confluent; count and count_envelopes only fetch (the floor).
"""

from collections import defaultdict
from typing import Any

from benchmarks.stream import aggregator, dataset
from benchmarks.stream.peers import meter

CONFLUENT: dict[str, Any] = {
    "group.id": "bench",
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "fetch.queue.backoff.ms": 5,  # the default of a second leaves the processor idle
    "queued.min.messages": 1_000_000,
}
KAFKA_PYTHON: dict[str, Any] = {
    "enable_auto_commit": False,
    "max_partition_fetch_bytes": 4 << 20,
    "fetch_max_bytes": 50 << 20,
}
AIOKAFKA: dict[str, Any] = {
    "enable_auto_commit": False,
    "max_partition_fetch_bytes": 4 << 20,
    "fetch_max_wait_ms": 100,
}
RECORDS = 10_000
ENVELOPES = 500


def by_confluent(job: meter.Job, measure: meter.Meter, counted: aggregator.Counted | None) -> int:
    """consume(); without `counted` it only counts messages."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

    consumer = Consumer(CONFLUENT | {"bootstrap.servers": job.bootstrap})
    consumer.assign(
        [TopicPartition(job.topic, part, OFFSET_BEGINNING) for part in range(dataset.PARTITIONS)]
    )
    at_once = ENVELOPES if job.setting == "count_envelopes" else RECORDS
    seen = 0
    while seen < job.expected:
        messages = consumer.consume(at_once, 0.5)
        if not seen and messages:
            measure.begin()
        seen += len(messages)
        if counted:
            for part, records in _by_partition(messages).items():
                counted.add(part, records[0].offset(), [message.value() for message in records])
    measure.stop()
    return seen


def _by_partition(messages: list[Any]) -> dict[int, list[Any]]:
    parts: dict[int, list[Any]] = defaultdict(list)
    for message in messages:
        parts[message.partition()].append(message)
    return parts


def by_kafka_python(job: meter.Job, measure: meter.Meter, counted: aggregator.Counted) -> int:
    """poll()."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=job.bootstrap, **KAFKA_PYTHON)
    parts = [TopicPartition(job.topic, part) for part in range(dataset.PARTITIONS)]
    consumer.assign(parts)
    consumer.seek_to_beginning(*parts)
    seen = 0
    while seen < job.expected:
        fetched = consumer.poll(timeout_ms=500, max_records=RECORDS)
        if not seen and fetched:
            measure.begin()
        for part, records in fetched.items():
            seen += len(records)
            counted.add(part.partition, records[0].offset, [record.value for record in records])
    measure.stop()
    return seen


async def by_aiokafka(job: meter.Job, measure: meter.Meter, counted: aggregator.Counted) -> int:
    """getmany()."""
    from aiokafka import AIOKafkaConsumer, TopicPartition

    consumer = AIOKafkaConsumer(bootstrap_servers=job.bootstrap, **AIOKAFKA)
    await consumer.start()
    parts = [TopicPartition(job.topic, part) for part in range(dataset.PARTITIONS)]
    consumer.assign(parts)
    await consumer.seek_to_beginning(*parts)
    seen = 0
    while seen < job.expected:
        fetched = await consumer.getmany(timeout_ms=500, max_records=RECORDS)
        if not seen and fetched:
            measure.begin()
        for part, records in fetched.items():
            seen += len(records)
            counted.add(part.partition, records[0].offset, [record.value for record in records])
    measure.stop()
    await consumer.stop()
    return seen


def main() -> None:
    """Read to the last expected record."""
    job = meter.job()
    measure, counted = meter.Meter(job), aggregator.Counted()
    if job.setting == "aiokafka":
        import uvloop

        seen = uvloop.run(by_aiokafka(job, measure, counted))
    elif job.setting == "kafka_python":
        seen = by_kafka_python(job, measure, counted)
    else:
        seen = by_confluent(job, measure, counted if job.setting == "confluent" else None)
    panes = aggregator.plain(counted.panes())
    measure.report(seen, panes=panes, dead=counted.dead)


if __name__ == "__main__":
    main()
