"""A replay from a real Kafka topic: the decisions of the same logs in a file, between two append
times, with nothing left behind.
"""

import datetime as dt
import json
import time
from collections.abc import Callable
from pathlib import Path

import confluent_kafka
import processes
import pytest
from kafka import KafkaAdminClient, KafkaProducer

from retrain.decide.history import topic as reader
from schemas import topics
from services.local.demo import recount
from streams.access import Access

BEGIN = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)


def logs(first: int, last: int) -> list[bytes]:
    """Every minute one, every second one sampled; from the sixth hour of the second day on all are
    answered alike.
    """
    lines = []
    for number in range(first, last):
        log = {
            "v": 1,
            "ts": (BEGIN + dt.timedelta(minutes=number)).isoformat().replace("+00:00", "Z"),
            "model": "v1",
            "req_id": f"r{number}",
        }
        log |= {
            "latency_ms": 5.0,
            "intent": "faq" if number % 3 and number < 1800 else "chitchat",
            "confidence": 0.5 + number % 5 / 10,
            "tokens": 9,
        }
        log |= (
            {"sample": {"queue": "measure", "p": 0.5, "text": "an invented message"}}
            if number % 2
            else {}
        )
        lines.append(json.dumps(log).encode())
    return lines


def send(kafka: str, name: str, values: list[bytes], envelope: int = 1) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka)
    for i in range(0, len(values), envelope):
        headers = [("content", b"batch")] if envelope > 1 else []
        producer.send(
            name, b"\n".join(values[i : i + envelope]), key=str(i).encode(), headers=headers
        )
    producer.flush()
    producer.close()


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    rows = [
        {
            "req_id": f"r{n}",
            "intent": "faq",
            "annotator": "a1",
            "labelled_at": (BEGIN + dt.timedelta(minutes=n + 90)).isoformat(),
            "action": "label",
        }
        for n in range(1, 3000, 2)
    ]
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [
        "--labels",
        str(tmp_path / "labels.jsonl"),
        "--reference-until",
        "2026-04-21T00:00:00Z",
        "--to",
        "2026-04-22T00:00:00Z",
        "--json",
    ]


def apart(printed: str) -> tuple[list[dict[str, object]], list[int]]:
    """The decisions of a replay, and how many logs each says were left out."""
    decided = [json.loads(line) for line in printed.splitlines()]
    return decided, [each.pop("left_out")["logs"] for each in decided]


def test_a_topic_replays_as_a_file_of_the_same_logs_does(
    kafka: str, new_topic: Callable[..., topics.Topic], given: list[str], tmp_path: Path
) -> None:
    topic, rows = new_topic(3), logs(0, 3000)
    send(kafka, topic.name, rows[:1000])
    send(kafka, topic.name, rows[1000:], envelope=200)
    send(kafka, topic.name, [b"{"])
    (tmp_path / "logs.jsonl").write_bytes(b"\n".join(rows))
    environment = {"INTENTWATCH_KAFKA": kafka, "INTENTWATCH_TEST_CLOCK": "1"}
    groups = KafkaAdminClient(bootstrap_servers=kafka)
    before = {group["group_id"] for group in groups.list_groups()}
    from_topic = processes.run(
        ["retrain/run.py", "replay", "--topic", topic.name, *given], environment
    )
    from_file = processes.run(
        ["retrain/run.py", "replay", "--logs", str(tmp_path / "logs.jsonl"), *given], {}
    )
    # Their states change: other tests' workers come and go.
    assert {group["group_id"] for group in groups.list_groups()} == before
    groups.close()
    assert (from_topic.returncode, from_file.returncode) == (10, 10), from_topic.stderr
    decided, left_out = apart(from_topic.stdout)
    assert (decided, [0] * 48) == apart(from_file.stdout)
    assert left_out == [1] * 48
    assert f"1 malformed lines of {topic.name} are left out" in from_topic.stderr


def test_only_what_was_appended_between_the_two_times_is_read(
    kafka: str, new_topic: Callable[..., topics.Topic]
) -> None:
    topic, early, late = new_topic(2), logs(0, 40), logs(40, 90)
    send(kafka, topic.name, early)
    time.sleep(0.05)  # append times are whole milliseconds
    between = dt.datetime.now(dt.UTC)
    time.sleep(0.05)
    send(kafka, topic.name, late)
    assert sorted(reader.lines(Access(kafka), topic.name, None, between)) == sorted(early)
    assert sorted(reader.lines(Access(kafka), topic.name, between, None)) == sorted(late)
    assert list(reader.lines(Access(kafka), topic.name, between, between)) == []
    assert (
        len(
            list(
                reader.lines(
                    Access(kafka), topic.name, None, dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
                )
            )
        )
        == 90
    )


def counted(environment: dict[str, str]) -> int:
    windows = processes.show("windows", environment, "--horizon", "5m")
    return sum(window["n"] for window in windows)


def test_worker_replay_and_recount_read_the_same_records(
    kafka: str, new_topic: Callable[..., topics.Topic], database: str, tmp_path: Path
) -> None:
    """Whatever a producer's transactions and its codec are: 10 committed, 5 aborted at the end of
    the first partition, 100 by each codec.
    """
    topic, rows = new_topic(2).name, logs(0, 415)
    transactional = confluent_kafka.Producer(
        {"bootstrap.servers": kafka, "transactional.id": topic, "log_level": 0}
    )
    transactional.init_transactions()
    for batch, end in ((rows[:10], "commit_transaction"), (rows[10:15], "abort_transaction")):
        transactional.begin_transaction()
        for row in batch:
            transactional.produce(topic, row, partition=0)
        transactional.flush()
        getattr(transactional, end)()
    for number, codec in enumerate(("gzip", "zstd", "snappy", "lz4")):
        producer = confluent_kafka.Producer(
            {"bootstrap.servers": kafka, "compression.type": codec, "linger.ms": 50}
        )
        for row in rows[15 + 100 * number : 115 + 100 * number]:
            producer.produce(topic, row, partition=1)
        assert producer.flush(20) == 0

    good = sorted(rows[:10] + rows[15:])
    assert sorted(reader.lines(Access(kafka), topic, None, None)) == good
    again = recount.logs(Access(kafka), topic)
    assert sorted(log["req_id"] for log in again) == sorted(
        json.loads(row)["req_id"] for row in good
    )
    environment = {
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_TOPIC": topic,
        "INTENTWATCH_TEST_CLOCK": "1",
    }
    with processes.running(["-m", "streams", "worker"], environment, tmp_path / "log"):
        assert processes.eventually(lambda: counted(environment) == 410), (
            tmp_path / "log"
        ).read_text()


def test_a_transaction_that_is_still_open_is_not_waited_for(
    kafka: str, new_topic: Callable[..., topics.Topic]
) -> None:
    topic, rows = new_topic(1).name, logs(0, 30)
    send(kafka, topic, rows[:10])
    held = confluent_kafka.Producer(
        {"bootstrap.servers": kafka, "transactional.id": topic, "log_level": 0}
    )
    held.init_transactions()
    held.begin_transaction()
    for row in rows[10:20]:
        held.produce(topic, row)
    held.flush()
    send(kafka, topic, rows[20:])
    assert list(reader.lines(Access(kafka), topic, None, None)) == rows[:10]
    held.commit_transaction()
    assert sorted(reader.lines(Access(kafka), topic, None, None)) == sorted(rows)


def test_a_topic_that_does_not_exist_is_refused_and_not_made(kafka: str, given: list[str]) -> None:
    done = processes.run(
        ["retrain/run.py", "replay", "--topic", "test.nowhere", *given],
        {"INTENTWATCH_KAFKA": kafka},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no topic test.nowhere" in done.stderr.splitlines()[-1]
    client = KafkaAdminClient(bootstrap_servers=kafka)
    assert "test.nowhere" not in client.list_topics()
    client.close()
