"""A topic that takes the time which a record's producer gives it: a dead letter, and a worker that
stops, blame that clock and name the topic's setting.
"""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import confluent_kafka
import processes
import pytest
from confluent_kafka import admin

from schemas import topics
from streams import brokers
from streams.access import Access

WORKER = ["-m", "streams", "worker"]
SETTING = "message.timestamp.type=CreateTime"


@pytest.fixture
def topic(kafka: str, new_topic: Callable[..., topics.Topic]) -> str:
    """At CreateTime, as brokers make topics by default."""
    name = new_topic(1).name
    entry = admin.ConfigEntry(
        "message.timestamp.type",
        "CreateTime",
        incremental_operation=admin.AlterConfigOpType.SET,
    )
    resource = admin.ConfigResource(admin.ResourceType.TOPIC, name, incremental_configs=[entry])
    client = brokers.control(Access(kafka))
    (answer,) = client.incremental_alter_configs([resource]).values()
    answer.result()
    return name


def send(kafka: str, topic: str, n: int, *, stamp_ms: int) -> None:
    """Logs that are right in themselves, in records with this time."""
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka})
    for number in range(n):
        log = {
            "v": 1,
            "ts": dt.datetime.now(dt.UTC).isoformat(),
            "model": "v1",
            "req_id": f"{stamp_ms}-{number}",
            "latency_ms": 5.0,
            "intent": "faq",
            "confidence": 0.9,
            "tokens": 3,
        }
        producer.produce(topic, json.dumps(log).encode(), timestamp=stamp_ms)
    assert producer.flush(20) == 0


def now_ms() -> int:
    return int(dt.datetime.now(dt.UTC).timestamp() * 1000)


def letters(environment: dict[str, str]) -> list[str]:
    done = processes.run(["-m", "services.redrive", "ls", "--json"], environment)
    return [json.loads(line)["detail"] for line in done.stdout.splitlines()]


def test_a_producers_clock_is_not_taken_for_the_brokers(
    kafka: str, topic: str, database: str, tmp_path: Path
) -> None:
    """Of 31 records one has a time in seconds where milliseconds are meant."""
    environment = {
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_TOPIC": topic,
    }
    send(kafka, topic, 30, stamp_ms=now_ms())
    send(kafka, topic, 1, stamp_ms=now_ms() // 1000)
    with processes.running(WORKER, environment, tmp_path / "log"):
        assert processes.eventually(lambda: len(letters(environment)) == 1), (
            tmp_path / "log"
        ).read_text()
    assert letters(environment) == [
        "ts is more than 5 minutes ahead of the record's time, which its producer has set:"
        f" the topic is at {SETTING}, not LogAppendTime"
    ]


def test_a_worker_that_stops_for_it_says_what_to_mend(
    kafka: str, topic: str, database: str
) -> None:
    environment = {
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_TOPIC": topic,
    }
    send(kafka, topic, 150, stamp_ms=now_ms() // 1000)
    done = processes.run(WORKER, environment)
    assert done.returncode == 5, done.stderr
    said = done.stderr.splitlines()[-1]
    assert "150 in a row are no serving logs (future)" in said
    assert SETTING in said
    assert "run `python -m services.provision --alter`, then take them" in said
    assert "mend the producer" not in said
