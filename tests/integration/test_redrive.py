"""Dead letters on real servers: counted exactly once however often, and however killed, redrive
runs; what they hold never commands a terminal; a worker that has stopped at bad records goes on
once a person accepts them.
"""

import base64
import concurrent.futures
import datetime as dt
import hashlib
import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import processes
import pytest
import sqlalchemy as sa
import traffic
from kafka import KafkaProducer

from schemas import topics
from streams import connect

WORKER = ["-m", "streams", "worker"]
REDRIVE = ["-m", "services.redrive"]
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
OLD = NOW - dt.timedelta(days=8, hours=2)  # too late for the worker, but its minutes are still kept
SIMULATED = {"INTENTWATCH_TEST_CLOCK": "1"}
INTEGRITY, USAGE = 5, 2
HOSTILE = b'{"v":1,"model":"\x1b]0;owned\x07\xe2\x80\xae\xff\r\n\x9b31m"}'


@pytest.fixture
def environment(kafka: str, database: str) -> dict[str, str]:
    return {"INTENTWATCH_KAFKA": kafka, "INTENTWATCH_DATABASE_URL": database}


def rows(database: str, query: str) -> list[Any]:
    with connect.engine(database, poolclass=sa.NullPool).connect() as connection:
        return list(connection.execute(sa.text(query)))


def scalar(database: str, query: str) -> Any:
    return rows(database, query)[0][0]


def produce(kafka: str, topic: topics.Topic, records: Iterable[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
    for number, value in enumerate(records):
        producer.send(topic.name, value, key=str(number).encode())
    producer.flush()
    producer.close()


def redrive(environment: dict[str, str], *argv: str) -> tuple[int, dict[str, Any]]:
    done = processes.run([*REDRIVE, "replay", "--json", *argv], environment)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


def logs_at(begin: dt.datetime, count: int, seed: int) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    return [
        traffic.log(number, rng, begin=begin, step_s=0.5) | {"req_id": f"{seed}-{number}"}
        for number in range(count)
    ]


def letter(database: str, place: tuple[str, int, int, int], reason: str, raw: bytes | None) -> None:
    """A dead letter as the worker leaves it; without bytes as after their retention."""
    of = dict(zip(("topic", "part", "offset", "line"), place, strict=True))
    with connect.engine(database, poolclass=sa.NullPool).begin() as connection:
        insert = (
            'insert into dead_letter (topic, part, "offset", line, reason, detail, size, sha256) '
        )
        values = of | {
            "reason": reason,
            "size": len(raw or b""),
            "sha": hashlib.sha256(raw or b"").hexdigest(),
        }
        connection.execute(
            sa.text(
                insert + "values (:topic, :part, :offset, :line, :reason, :reason, :size, :sha)"
            ),
            values,
        )
        if raw is not None:
            connection.execute(
                sa.text(
                    "insert into dead_letter_bytes values (:topic, :part, :offset, :line, :raw)"
                ),
                of | {"raw": raw},
            )


def test_letters_are_counted_exactly_once_and_their_windows_restated(
    kafka: str,
    database: str,
    environment: dict[str, str],
    new_topic: Callable[..., topics.Topic],
    tmp_path: Path,
) -> None:
    topic = new_topic()
    environment |= {"INTENTWATCH_TOPIC": topic.name}
    before, fresh, late = (
        logs_at(OLD, 300, 1),
        logs_at(NOW - dt.timedelta(hours=1), 1200, 2),
        logs_at(OLD, 40, 3),
    )
    for log in late[::2]:
        log |= (
            {}
            if "error" in log
            else {"sample": {"queue": "measure", "p": 0.5, "text": "an invented message"}}
        )
    produce(kafka, topic, map(traffic.encode, before))
    with processes.running(WORKER, environment | SIMULATED, tmp_path / "first"):
        assert processes.eventually(lambda: counted(database) == len(before)), (
            tmp_path / "first"
        ).read_text()
    mixed = [
        *fresh[:600],
        *(log for pair in zip(late, fresh[600:640], strict=True) for log in pair),
        *fresh[640:],
    ]
    produce(kafka, topic, map(traffic.encode, mixed))
    with processes.running(WORKER, environment, tmp_path / "second"):
        assert processes.eventually(lambda: counted(database) == len(before) + len(fresh)), (
            tmp_path / "second"
        ).read_text()
        assert processes.eventually(lambda: complete(database))
        assert [d["reason"] for d in processes.show("deadletters", environment)] == [
            "too_late"
        ] * len(late)
        assert redrive(environment) == (
            INTEGRITY,
            {"read": 40, "counted": 0, "still_bad": {"too_late": 40}, "skipped": 0, "envelopes": 0},
        )
        for step in ("panes", "commit"):
            killed = processes.run(
                [*REDRIVE, "replay"], environment | SIMULATED | {"INTENTWATCH_TEST_FAILPOINT": step}
            )
            assert killed.returncode == -9
        assert len(
            processes.run([*REDRIVE, "ls", "--json"], environment).stdout.splitlines()
        ) == len(late)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            both = [
                run.result()
                for run in [pool.submit(redrive, environment | SIMULATED) for _ in range(2)]
            ]
        assert sum(result["counted"] for _, result in both) == len(late), both
        assert {status for status, _ in both} == {0}
        assert redrive(environment | SIMULATED) == (
            0,
            {"read": 0, "counted": 0, "still_bad": {}, "skipped": 0, "envelopes": 0},
        )
        assert processes.eventually(
            lambda: counted(database) == len(before) + len(fresh) + len(late)
        )
        assert (
            traffic.differences(processes.show("windows", environment), [*before, *fresh, *late])
            == []
        )
    restated = [
        w
        for w in processes.show("windows", environment, "--horizon", "1h")
        if w["start"] < OLD.isoformat() < w["end"]
    ]
    assert restated
    assert all(w["amended"] and w["revision"] > 1 for w in restated)
    assert scalar(database, "select count(*) from sampled_prediction where seen = 1") == sum(
        "sample" in log for log in late
    )
    assert processes.run([*REDRIVE, "ls", "--json"], environment).stdout == ""
    assert len(
        processes.run([*REDRIVE, "ls", "--all", "--json"], environment).stdout.splitlines()
    ) == len(late)


def counted(database: str) -> int:
    return int(
        scalar(database, "select coalesce(sum(n), 0) from window_state where horizon = '1d'")
    )


def complete(database: str) -> bool:
    return bool(
        scalar(
            database,
            "select bool_and(complete) from window_state"
            " where horizon = '1h' and \"end\" < now() - interval '1 day'",
        )
    )


def test_a_letter_of_each_kind(database: str, environment: dict[str, str]) -> None:
    topic = topics.SERVING_LOG.name
    good = [traffic.encode(log) for log in logs_at(NOW, 5, 4)]
    letter(database, (topic, 0, 1, 0), "kills_worker", b"\n".join([*good[:3], b'{"v":2}']))
    letter(database, (topic, 0, 2, 0), "kills_worker", good[3][:-1] + b',"note":"deadly"}')
    letter(database, (topic, 0, 3, 0), "deleted_unread", b"")
    letter(database, (topic, 0, 4, 0), "invalid", None)
    letter(database, (topic, 0, 5, 7), "future", good[4])
    letter(database, (topic, 0, 6, 0), "future", b"{")
    environment |= SIMULATED
    done = processes.run(
        [*REDRIVE, "replay", "--json"],
        environment | {"INTENTWATCH_TEST_FAILPOINT": "poison:deadly"},
    )
    assert (done.returncode, "1 letter(s) stand for records deleted" in done.stderr) == (
        INTEGRITY,
        True,
    )
    bad = {"invalid": 1, "kills_worker": 1, "not_json": 1}
    assert json.loads(done.stdout) == {
        "read": 6,
        "counted": 4,
        "still_bad": bad,
        "skipped": 2,
        "envelopes": 1,
    }
    left = [
        json.loads(line)
        for line in processes.run([*REDRIVE, "ls", "--json"], environment).stdout.splitlines()
    ]
    stay = [
        (1, 4, "invalid"),
        (2, 0, "kills_worker"),
        (3, 0, "deleted_unread"),
        (4, 0, "invalid"),
        (6, 0, "not_json"),
    ]
    assert sorted((row["offset"], row["line"], row["reason"]) for row in left) == stay
    assert redrive(environment, "--letter", f"{topic}/0/2", "--letter", f"{topic}/0/5:7") == (
        0,
        {"read": 2, "counted": 1, "still_bad": {}, "skipped": 1, "envelopes": 0},
    )
    assert scalar(database, "select sum(n) from pane_minute where part = -1") == 5
    for argv, says in (
        (["replay", "--letter", f"{topic}/0/99"], "no dead letter"),
        (["show", f"{topic}/0/99"], "no dead letter"),
        (["show", "x"], "is no TOPIC/PART/OFFSET[:LINE]"),
        (["accept", f"{topic}/0", "--until", "9"], "no worker has read"),
        (["accept", topic, "--until", "9"], "is no TOPIC/PART"),
        (["accept", f"{topic}/0", "--until", "-1"], "is no offset"),
    ):
        done = processes.run([*REDRIVE, *argv], environment)
        assert (done.returncode, says in done.stderr) == (USAGE, True), done.stderr


def test_what_a_letter_holds_never_commands_a_terminal(
    database: str, environment: dict[str, str]
) -> None:
    topic = topics.SERVING_LOG.name
    letter(database, (topic, 0, 1, 0), "invalid", HOSTILE)
    letter(database, (topic, 0, 2, 0), "\x1b[2Jtrap\u202e", b"x" * 10_000)
    letter(database, (topic, 0, 3, 0), "invalid", None)
    outputs = [
        processes.run([*REDRIVE, *argv], environment)
        for argv in (["ls"], ["ls", "--json"], *(["show", f"{topic}/0/{i}"] for i in (1, 2, 3)))
    ]
    outputs += [
        processes.run([*REDRIVE, "replay"], environment),
        processes.run([*REDRIVE, "show", f"{topic}/0/1", "--json"], environment),
    ]
    for done in outputs:
        assert (done.returncode in (0, INTEGRITY), done.stderr) == (True, "")
        assert all(line.isprintable() for line in done.stdout.splitlines()), done.stdout
    listed, _, first, second, third, _, plain = (done.stdout for done in outputs)
    assert r"\x1b[2Jtrap\u202e" in listed
    assert r'{"v":1,"model":"\x1b]0;owned\x07\u202e\xff\r\n\x9b31m"}' in first
    assert "... and 5904 bytes more" in second
    assert "no bytes: past their retention" in third
    assert base64.b64decode(json.loads(plain)["raw"]) == HOSTILE


def test_a_stopped_worker_goes_on_once_a_person_accepts(
    kafka: str,
    database: str,
    environment: dict[str, str],
    new_topic: Callable[..., topics.Topic],
    tmp_path: Path,
) -> None:
    topic = new_topic(partitions=1)
    environment |= {"INTENTWATCH_TOPIC": topic.name} | SIMULATED
    good = [traffic.encode(log) for log in logs_at(OLD, 60, 5)]
    produce(kafka, topic, [*good[:30], *(b"{bad" for _ in range(150)), good[30]])
    for attempt in range(2):
        with processes.running(WORKER, environment, tmp_path / f"stopped{attempt}") as worker:
            assert worker.wait(60) == INTEGRITY, (tmp_path / f"stopped{attempt}").read_text()
    ((payload,),) = rows(database, "select payload from outbox where kind = 'alarm'")
    assert f"{topic.name}/0" in payload["cause"]
    assert f"python -m services.redrive accept {topic.name}/0 --until " in payload["remedy"]
    assert scalar(database, "select count(*) from dead_letter") <= 100, (
        "the topic is not drained into dead letters"
    )
    read = scalar(database, "select coalesce(max(next_offset), 0) from stream_offset")
    done = processes.run([*REDRIVE, "accept", f"{topic.name}/0", "--until", "180"], environment)
    assert (
        done.returncode,
        done.stdout.startswith(f"{topic.name}/0: bad records among the next {180 - read}"),
    ) == (0, True), done.stderr
    with processes.running(WORKER, environment, tmp_path / "on") as worker:
        assert processes.eventually(
            lambda: scalar(database, "select max(next_offset) from stream_offset") == 181
        ), (tmp_path / "on").read_text()
        produce(kafka, topic, [*good[31:45], b"{bad", *good[45:]])
        assert processes.eventually(lambda: counted(database) == len(good)), (
            tmp_path / "on"
        ).read_text()
        assert worker.poll() is None
    assert [d["reason"] for d in processes.show("deadletters", environment)] == ["not_json"] * 151
    again = processes.run([*REDRIVE, "accept", f"{topic.name}/0", "--until", "180"], environment)
    assert (again.returncode, "has been read up to offset" in again.stderr) == (USAGE, True)
