"""What ends a worker's membership in its consumer group ends the worker: it would wait for partitions for ever."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import processes
import traffic
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka import KafkaProducer

from schemas import topics

WORKER = ["-m", "streams", "worker"]


async def join(kafka: str, group: str, topic: str, instance: str) -> None:
    """Become a static member that reads another topic, and go without a word: the group keeps its place and its assignment for a session time-out."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka,
        group_id=group,
        group_instance_id=instance,
        partition_assignment_strategy=[RoundRobinPartitionAssignor],
        session_timeout_ms=20_000,
    )
    await consumer.start()
    await asyncio.wait_for(_assigned(consumer), 30)
    await consumer.stop()


async def _assigned(consumer: AIOKafkaConsumer) -> None:
    while not consumer.assignment():
        await asyncio.sleep(0.05)


def test_a_worker_whose_membership_has_ended_ends(kafka: str, database: str, new_topic: Callable[..., topics.Topic], tmp_path: Path) -> None:
    topic, other = new_topic(partitions=2), new_topic(partitions=2)
    logs = [traffic.log(number, random.Random(1)) for number in range(100)]
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
    for log in logs:
        producer.send(topic.name, traffic.encode(log))
    producer.close()
    environment = {
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_TEST_CLOCK": "1",
        "INTENTWATCH_TOPIC": topic.name,
        "INTENTWATCH_WORKER_ID": "one",
    }
    asyncio.run(join(kafka, f"intentwatch.streams.{topic.name}", other.name, "one"))
    ended = processes.run(WORKER, environment, timeout_s=45)  # a loop that only stalls has a minute
    assert ended.returncode == 75, ended.stderr
    assert "the membership in the consumer group has ended" in ended.stderr
    with processes.running(WORKER, environment | {"INTENTWATCH_WORKER_ID": "two"}, tmp_path / "log"):
        assert processes.eventually(lambda: sum(row["next_offset"] for row in processes.show("offsets", environment)) == len(logs), 90)
