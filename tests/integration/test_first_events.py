"""The first event of every stage: whatever it is, the stage says what it is and goes on to the
second one.

Here of topic and partition: the first record is bad, empty, a tombstone, deleted by retention,
late, from the future, or sent twice. What comes first to hour, model, run, label, outbox and
database stands in test_first_of_the_rest.py.
"""

import dataclasses
import datetime as dt
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import builders
import processes
import pytest
import sqlalchemy as sa
import traffic
from confluent_kafka import TopicPartition, admin
from kafka import KafkaProducer

from schemas import topics
from streams import connect
from streams import database as databases
from streams.count import chunks
from streams.worker import counter

WORKER = ["-m", "streams", "worker"]
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


def log(number: int, ts: dt.datetime = NOW, **more: Any) -> bytes:
    return traffic.encode(builders.log(number, ts, **more))


@dataclasses.dataclass(frozen=True)
class First:
    """A first record. dead: the reasons of the dead letters it leaves; counted: how many logs;
    deleted: records that retention takes before anybody reads.
    """

    name: str
    records: tuple[bytes | None, ...]
    dead: tuple[str, ...]
    counted: int = 0
    deleted: int = 0
    batch: bool = False


FIRSTS = (
    First("bad", (b"hello",), ("not_json",)),
    First("bad: no object", (b"[]",), ("invalid",)),
    First("bad: not UTF-8", (b"\xff\xfe",), ("not_json",)),
    First(
        "bad: p under its floor",
        (log(1, sample={"queue": "measure", "p": 1e-310, "text": "t"}),),
        ("invalid",),
    ),
    First("bad envelope", (b"hello\n\n{}",), ("not_json", "invalid"), batch=True),
    First("empty", (b"",), ("not_json",)),
    First("empty envelope", (b"",), (), batch=True),
    First("tombstone", (None,), ("not_json",)),
    First(
        "deleted by retention", tuple(log(n) for n in range(50)), ("deleted_unread",), deleted=50
    ),
    First("late", (log(1, NOW - dt.timedelta(days=9)),), ("too_late",)),
    First("future", (log(1, NOW + dt.timedelta(hours=1)),), ("future",)),
    First(
        "future: year 9999",
        (log(1, dt.datetime(9999, 12, 31, 23, 59, tzinfo=dt.UTC)),),
        ("invalid",),
    ),
    First("twice", (log(1), log(1)), (), counted=2),
    First(
        "an error alone",
        (
            traffic.encode(
                {
                    "v": 1,
                    "ts": NOW.isoformat(),
                    "model": "v1",
                    "req_id": "r1",
                    "latency_ms": 5.0,
                    "error": "failed",
                }
            ),
        ),
        (),
        1,
    ),
)


def produce(
    kafka: str,
    topic: str,
    records: tuple[bytes | None, ...],
    *,
    partition: int,
    batch: bool = False,
) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
    for value in records:
        producer.send(
            topic,
            value,
            key=b"k",
            partition=partition,
            headers=[("content", b"batch")] if batch else [],
        )
    producer.flush()
    producer.close()


def delete(kafka: str, topic: str, partition: int, until: int) -> None:
    client = admin.AdminClient({"bootstrap.servers": kafka})
    for done in client.delete_records([TopicPartition(topic, partition, until)]).values():
        done.result(30)


def rows(database: str, query: str) -> list[Any]:
    with sa.create_engine(database, poolclass=sa.NullPool).connect() as connection:
        return list(connection.execute(sa.text(query)))


def dead(database: str, part: int = 0) -> list[str]:
    return [
        row.reason
        for row in rows(
            database, f'select reason from dead_letter where part = {part} order by line, "offset"'
        )
    ]


def counted(database: str, part: int = 0) -> int:
    return int(
        rows(database, f"select coalesce(sum(n), 0) from pane_minute where part = {part}")[0][0]
    )


def offset(database: str, part: int) -> int:
    return next(
        (
            row.next_offset
            for row in rows(database, f"select next_offset from stream_offset where part = {part}")
        ),
        0,
    )


def said(database: str) -> list[str]:
    return [
        row.cause
        for row in rows(database, "select payload ->> 'cause' as cause from outbox order by id")
    ]


@pytest.fixture
def environment(kafka: str, database: str) -> dict[str, str]:
    return {"INTENTWATCH_KAFKA": kafka, "INTENTWATCH_DATABASE_URL": database}


def refuse_to_end(cause: str, code: int) -> NoReturn:
    raise AssertionError(f"the worker would have ended with {code}: {cause}")


@pytest.mark.parametrize("first", FIRSTS, ids=lambda first: first.name)
def test_the_first_flush_of_a_new_installation_stores_what_it_is(
    first: First, database: str
) -> None:
    engine = databases.engine(database)
    counting = counter.Counter(engine, topic="t", check_time=True, end=refuse_to_end)
    epoch = counting.claim([0])[0].epoch
    arrived = [(value or b"", first.batch) for value in first.records[first.deleted :]]
    for at, (value, batch) in enumerate([*arrived, (log(9), False)], start=first.deleted):
        low = 0 if at == first.deleted else at
        counting.add(
            chunks.Chunk(
                "t",
                0,
                epoch,
                low,
                at + 1,
                [at],
                [value],
                [batch],
                [int(NOW.timestamp() * 1000)],
                deleted=at - low,
            )
        )
        counting.flush()
    engine.dispose()
    assert dead(database) == list(first.dead)
    assert counted(database) == first.counted + 1
    assert offset(database, 0) == len(first.records) + 1


def test_the_first_record_of_every_partition_is_told_apart_and_the_second_is_counted(
    environment: dict[str, str],
    database: str,
    new_topic: Callable[..., topics.Topic],
    tmp_path: Path,
) -> None:
    """One real worker; each partition gets its first record while all others rest, so in a flush
    that holds nothing else.
    """
    kafka, topic = environment["INTENTWATCH_KAFKA"], new_topic(len(FIRSTS)).name
    environment |= {"INTENTWATCH_TOPIC": topic}
    for part, first in enumerate(FIRSTS):
        if first.deleted:
            produce(kafka, topic, first.records, partition=part)
            delete(kafka, topic, part, first.deleted)
    with processes.running(WORKER, environment, tmp_path / "log") as worker:
        for part, first in enumerate(FIRSTS):
            if not first.deleted:
                produce(kafka, topic, first.records, partition=part, batch=first.batch)
            stored = functools.partial(lambda part, until: offset(database, part) == until, part)
            assert processes.eventually(functools.partial(stored, len(first.records))), (
                first.name,
                (tmp_path / "log").read_text(),
            )
            produce(kafka, topic, (log(9),), partition=part)
            assert processes.eventually(functools.partial(stored, len(first.records) + 1)), (
                first.name,
                (tmp_path / "log").read_text(),
            )
            assert dead(database, part) == list(first.dead), first.name
            assert counted(database, part) == first.counted + 1, first.name
        assert worker.poll() is None
        logs = sum(first.counted + 1 for first in FIRSTS)
        assert processes.eventually(
            lambda: (
                rows(database, "select sum(n) from window_state where horizon = '1d'") == [(logs,)]
            )
        )
    assert [
        cause for cause in said(database) if "were deleted before they were read" not in cause
    ] == []


def test_bad_records_from_the_first_on_stop_the_worker_and_are_accepted_by_the_runbooks_own_words(
    environment: dict[str, str],
    database: str,
    new_topic: Callable[..., topics.Topic],
    tmp_path: Path,
) -> None:
    kafka, topic = environment["INTENTWATCH_KAFKA"], new_topic(1).name
    environment |= {"INTENTWATCH_TOPIC": topic}
    produce(kafka, topic, (b"hello",) * 400, partition=0)
    done = processes.run(WORKER, environment)
    assert done.returncode == 5
    assert f"python -m services.redrive accept {topic}/0 --until" in done.stderr
    assert len(said(database)) == 1
    until = done.stderr.rpartition("--until ")[2].split("`")[0]
    accepted = processes.run(
        ["-m", "services.redrive", "accept", f"{topic}/0", "--until", until], environment
    )
    assert accepted.returncode == 0, accepted.stderr
    with processes.running(WORKER, environment, tmp_path / "log"):
        assert processes.eventually(lambda: offset(database, 0) == 400), (
            tmp_path / "log"
        ).read_text()
        produce(kafka, topic, (log(9),), partition=0)
        assert processes.eventually(lambda: counted(database) == 1), (tmp_path / "log").read_text()
    assert dead(database) == ["not_json"] * 400
    assert len(said(database)) == 1, "nothing but the stop was told"


def test_a_topic_made_anew_and_shorter_is_told_and_not_read_on_from(
    environment: dict[str, str],
    database: str,
    new_topic: Callable[..., topics.Topic],
    tmp_path: Path,
) -> None:
    kafka, topic = environment["INTENTWATCH_KAFKA"], new_topic(1).name
    environment |= {"INTENTWATCH_TOPIC": topic}
    with connect.engine(database, poolclass=sa.NullPool).begin() as connection:
        connection.execute(
            sa.text(
                "insert into stream_offset (topic, part, next_offset, epoch)"
                f" values ('{topic}', 0, 100, 1)"
            )
        )
    produce(kafka, topic, (log(1),) * 40, partition=0)
    done = processes.run(WORKER, environment)
    assert done.returncode == 5
    (cause,) = said(database)
    assert cause.startswith(
        f"The stream worker has ended: {topic}/0: "
        "Postgres stands at offset 100, the topic ends at 40"
    )
    assert counted(database) == 0
