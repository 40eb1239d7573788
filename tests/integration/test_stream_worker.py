"""The worker on a real Kafka and a real Postgres: nothing lost, nothing doubled, also when it is
killed; bad records kept apart.
"""

import datetime as dt
import functools
import random
import signal
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import processes
import pytest
import sqlalchemy as sa
import traffic
from kafka import KafkaProducer

from schemas import tables, tallies, topics, windows
from streams import connect
from streams import database as databases
from streams.panes import retention
from streams.panes import store as pane_store
from streams.rollup import store as rollup_store
from streams.worker import counter

WORKER = ["-m", "streams", "worker"]


@pytest.fixture
def environment(kafka: str, database: str) -> dict[str, str]:
    return {
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_TEST_CLOCK": "1",
    }


def produce(kafka: str, topic: topics.Topic, records: Iterable[tuple[bytes, bool]]) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all", compression_type="zstd")
    for number, (value, batch) in enumerate(records):
        producer.send(
            topic.name,
            value,
            key=str(number).encode(),
            headers=[("content", b"batch")] if batch else [],
        )
    producer.flush()
    producer.close()


def batched(logs: list[dict[str, Any]], size: int) -> list[list[dict[str, Any]]]:
    return [logs[begin : begin + size] for begin in range(0, len(logs), size)]


def envelopes(logs: list[dict[str, Any]], size: int) -> list[tuple[bytes, bool]]:
    return [(b"\n".join(map(traffic.encode, part)), True) for part in batched(logs, size)]


def counted(database: str) -> int:
    engine = connect.engine(database, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return int(
            connection.execute(
                sa.select(sa.func.coalesce(sa.func.sum(tables.window_state.c.n), 0)).where(
                    tables.window_state.c.horizon == "1d"
                )
            ).scalar_one()
        )


def test_single_records_and_envelopes_equal_a_recount(
    kafka: str,
    database: str,
    environment: dict[str, str],
    new_topic: Callable[..., topics.Topic],
    tmp_path: Path,
) -> None:
    rng = random.Random(1)
    logs = [traffic.log(number, rng) for number in range(4000)]
    bad = [
        (b"{bad", False),
        (b"", False),
        (b'{"v":1}', False),
        (b"\xff\xfe", False),
        (b"\n".join([b"x"] * 300), True),
    ]
    mixed = (b"\n".join([traffic.encode(logs[0]), b"[1]", traffic.encode(logs[1])]), True)
    records = (
        [(traffic.encode(log), False) for log in logs[2:2000]]
        + envelopes(logs[2000:], 200)
        + bad
        + [mixed]
    )
    rng.shuffle(records)
    topic = new_topic()
    produce(kafka, topic, records)
    environment |= {"INTENTWATCH_TOPIC": topic.name}
    with processes.running(WORKER, environment, tmp_path / "log") as worker:
        assert processes.eventually(lambda: counted(database) == len(logs)), (
            tmp_path / "log"
        ).read_text()
        assert traffic.differences(processes.show("windows", environment), logs) == []
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    dead = processes.show("deadletters", environment)
    assert sorted(d["reason"] for d in dead) == [
        "envelope_too_long",
        "invalid",
        "invalid",
        "not_json",
        "not_json",
        "not_json",
    ]
    offsets = processes.show("offsets", environment)
    assert sum(o["next_offset"] for o in offsets) == len(records)
    assert {o["lag"] for o in offsets} == {0}


def moved_on(database: str, before: int) -> bool:
    return counted(database) > before or offset(database) > before


def test_kill_9_in_mid_flow_loses_and_doubles_nothing(
    kafka: str,
    database: str,
    environment: dict[str, str],
    new_topic: Callable[..., topics.Topic],
    tmp_path: Path,
) -> None:
    rng = random.Random(2)
    logs = [traffic.log(number, rng, step_s=0.2) for number in range(24_000)]
    topic = new_topic()
    environment |= {"INTENTWATCH_TOPIC": topic.name}
    kills = 0
    for part in batched(logs, 6000):
        before = counted(database)
        produce(kafka, topic, [(traffic.encode(log), False) for log in part])
        with processes.running(WORKER, environment, tmp_path / "log") as worker:
            assert processes.eventually(functools.partial(moved_on, database, before))
            worker.kill()
            kills += worker.wait() == -signal.SIGKILL
    with processes.running(WORKER, environment, tmp_path / "log"):
        assert processes.eventually(lambda: counted(database) >= len(logs)), (
            tmp_path / "log"
        ).read_text()
    assert kills == 4
    assert traffic.differences(processes.show("windows", environment), logs) == []


def offset(database: str) -> int:
    engine = connect.engine(database, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return int(
            connection.execute(
                sa.select(sa.func.coalesce(sa.func.sum(tables.stream_offset.c.next_offset), 0))
            ).scalar_one()
        )


def epoch(database: str) -> int:
    with connect.engine(database, poolclass=sa.NullPool).connect() as connection:
        return int(
            connection.execute(sa.select(sa.func.max(tables.stream_offset.c.epoch))).scalar_one()
        )


def test_two_workers_share_the_partitions(
    kafka: str,
    database: str,
    environment: dict[str, str],
    new_topic: Callable[..., topics.Topic],
    tmp_path: Path,
) -> None:
    rng = random.Random(3)
    logs = [traffic.log(number, rng) for number in range(6000)]
    topic = new_topic(partitions=4)
    environment |= {"INTENTWATCH_TOPIC": topic.name}
    with processes.running(WORKER, environment, tmp_path / "a") as first:
        produce(kafka, topic, [(traffic.encode(log), False) for log in logs[:2000]])
        assert processes.eventually(lambda: counted(database) == 2000), (tmp_path / "a").read_text()
        with processes.running(WORKER, environment, tmp_path / "b") as second:
            produce(kafka, topic, [(traffic.encode(log), False) for log in logs[2000:4000]])
            assert processes.eventually(lambda: epoch(database) >= 2)
            assert processes.eventually(lambda: counted(database) == 4000), (
                tmp_path / "b"
            ).read_text()
            first.kill()
            produce(kafka, topic, [(traffic.encode(log), False) for log in logs[4000:]])
            assert processes.eventually(lambda: counted(database) == 6000), (
                tmp_path / "b"
            ).read_text()
            assert second.poll() is None
    assert traffic.differences(processes.show("windows", environment), logs) == []


def test_a_flush_under_way_while_its_minute_is_rolled_up_is_not_forgotten(database: str) -> None:
    """The mark of a minute stands already, a flush adds to that minute, and the roll-up takes the
    mark before the flush has committed.
    """
    engine = connect.engine(database, poolclass=sa.NullPool)
    minute = dt.datetime(2026, 4, 20, 10, 41, tzinfo=dt.UTC)
    key = (minute, "v1", "champion")
    counted_one = {0: ([key], tallies.of(windows.Tally(n=1)))}
    seen: list[int] = []

    def roll_up() -> None:
        with engine.begin() as connection:
            rollup_store.take_dirty(connection)
            panes = rollup_store.panes(
                connection, tables.pane_minute, minute, minute + dt.timedelta(minutes=1), {"v1"}
            )
            seen.append(int(panes.tallies.scalars[:, 0].sum()))

    with engine.begin() as connection:
        pane_store.make_partitions(
            connection, "pane_minute", retention.slots("pane_minute", [minute])
        )
        pane_store.add_panes(connection, counted_one)
    rolling = threading.Thread(target=roll_up)
    with engine.begin() as connection:
        pane_store.add_panes(connection, counted_one)
        rolling.start()
        rolling.join(1)  # it ends here, or waits for this flush
    rolling.join()
    with engine.begin() as connection:
        left = rollup_store.take_dirty(connection)
    assert seen == [2] or left == [key]


def test_who_gives_partitions_back_in_order_has_not_stalled_and_who_dies_has(database: str) -> None:
    engine = connect.engine(database, poolclass=sa.NullPool)
    for died_before in range(3):
        counting = counter.Counter(engine, topic="t", check_time=False)
        assert {claim.stalls for claim in counting.claim([0, 1]).values()} == {died_before}
    counting.release()  # also of partitions in which there was nothing to count
    assert {claim.stalls for claim in counting.claim([0, 1]).values()} == {1}


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"INTENTWATCH_KAFKA": ""}, 4, "no Kafka broker answers"),
        ({"INTENTWATCH_KAFKA": "127.0.0.1:1"}, 4, "no Kafka broker answers at 127.0.0.1:1"),
        (
            {"INTENTWATCH_DATABASE_URL": "postgresql+psycopg://postgres@127.0.0.1:1/x"},
            4,
            "Postgres does not answer",
        ),
    ],
)
def test_an_unreachable_part_is_named(
    environment: dict[str, str], change: dict[str, str], status: int, says: str
) -> None:
    done = processes.run(WORKER, environment | change)
    assert done.returncode == status
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_empty_database_is_named(environment: dict[str, str], empty_database: str) -> None:
    done = processes.run(WORKER, environment | {"INTENTWATCH_DATABASE_URL": empty_database})
    assert done.returncode == 4
    assert "alembic upgrade head" in done.stderr


def test_missing_configuration_is_named() -> None:
    done = processes.run(WORKER, {})
    assert done.returncode == 3
    assert "INTENTWATCH_KAFKA is not set" in done.stderr


def test_who_falls_silent_amid_a_roll_up_holds_its_rows_no_longer_than_told(database: str) -> None:
    lock = sa.text("lock table stream_offset in exclusive mode")
    silent, other = (
        databases.engine(database, idle_s=1),
        databases.engine(database, transaction_s=6),
    )
    with silent.connect() as connection:
        connection.execute(lock)
        with other.begin() as waiting:
            # By the time-out of the silent one: its own patience ends after six seconds.
            waiting.execute(lock)
        with pytest.raises(sa.exc.DBAPIError, match="idle-in-transaction"):
            connection.execute(lock)
    for engine in (silent, other):
        engine.dispose()
