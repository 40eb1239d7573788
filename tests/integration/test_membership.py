"""A worker stays a member of its consumer group as long as it lives, and ends with its membership:
it would wait for partitions for ever.
"""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

import processes
import traffic
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka import KafkaProducer

from schemas import topics

WORKER = ["-m", "streams", "worker"]


# The worker, with less patience for a consumer that fetches nothing.
IMPATIENT = """
import runpy, sys
from streams.worker import app
app.app.conf.broker_max_poll_interval = {seconds}
sys.argv = ["streams", "worker"]
runpy.run_module("streams", run_name="__main__")
"""


def worker_of(kafka: str, database: str, topic: str) -> dict[str, str]:
    return {
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_TEST_CLOCK": "1",
        "INTENTWATCH_TOPIC": topic,
    }


def send(kafka: str, topic: str, n: int) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
    for number in range(n):
        producer.send(topic, traffic.encode(traffic.log(number, random.Random(1))))
    producer.close()


async def join(kafka: str, group: str, topic: str, instance: str) -> None:
    """Become a static member that reads another topic, and go without a word: the group keeps its
    place and its assignment for a session time-out.
    """
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


def test_a_worker_stays_a_member_although_aiokafka_fetches_nothing(
    kafka: str, database: str, new_topic: Callable[..., topics.Topic], tmp_path: Path
) -> None:
    """aiokafka leaves the group of a consumer that has fetched nothing for so long, and lets it
    join no more; it is a quarter of an hour by default.
    """
    topic = new_topic(partitions=1)
    environment = worker_of(kafka, database, topic.name)
    argv = ["-c", IMPATIENT.format(seconds=3)]

    def counted() -> list[tuple[int, int]]:
        return [
            (row["epoch"], row["next_offset"]) for row in processes.show("offsets", environment)
        ]

    send(kafka, topic.name, 100)
    with processes.running(argv, environment, tmp_path / "a") as first:
        assert processes.eventually(lambda: [offset for _, offset in counted()] == [100]), (
            tmp_path / "a"
        ).read_text()
        # There is no partition for it.
        with processes.running(argv, environment, tmp_path / "b") as spare:
            time.sleep(15)
            before = counted()
            send(kafka, topic.name, 100)
            assert processes.eventually(lambda: [offset for _, offset in counted()] == [200]), (
                tmp_path / "a"
            ).read_text()
            assert {epoch for epoch, _ in counted()} == {epoch for epoch, _ in before}, (
                "nobody left the group"
            )
            first.kill()
            send(kafka, topic.name, 100)
            assert processes.eventually(lambda: [offset for _, offset in counted()] == [300]), (
                tmp_path / "b"
            ).read_text()
            assert spare.poll() is None


def test_a_worker_whose_membership_has_ended_ends(
    kafka: str, database: str, new_topic: Callable[..., topics.Topic], tmp_path: Path
) -> None:
    topic, other = new_topic(partitions=2), new_topic(partitions=2)
    send(kafka, topic.name, 100)
    environment = worker_of(kafka, database, topic.name) | {"INTENTWATCH_WORKER_ID": "one"}
    asyncio.run(join(kafka, f"intentwatch.streams.{topic.name}", other.name, "one"))
    ended = processes.run(WORKER, environment, timeout_s=45)  # a loop that only stalls has a minute
    assert ended.returncode == 75, ended.stderr
    assert "the membership in the consumer group has ended" in ended.stderr
    with processes.running(
        WORKER, environment | {"INTENTWATCH_WORKER_ID": "two"}, tmp_path / "log"
    ):
        assert processes.eventually(
            lambda: (
                sum(row["next_offset"] for row in processes.show("offsets", environment)) == 100
            ),
            90,
        )
