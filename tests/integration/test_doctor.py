"""The doctor on real servers: what is wrong is named with its remedy and exit 4, what is fine is
said to be fine.
"""

import json
from collections.abc import Callable
from pathlib import Path

import processes
import pytest
import sqlalchemy as sa

from schemas import topics
from streams import connect

DOCTOR = ["-m", "services.doctor"]
BEFORE = ("kafka", "topics", "database", "migration", "taxonomy")
STREAM = ("lag", "partitions", "watermark", "logs", "deadletters", "alarms", "streams")
NOBODY = {
    "INTENTWATCH_KAFKA": "127.0.0.1:1",
    "INTENTWATCH_DATABASE_URL": "postgresql+psycopg://postgres@127.0.0.1:1/x",
}


def ask(environment: dict[str, str], *argv: str) -> tuple[int, dict[str, dict[str, str]]]:
    done = processes.run([*DOCTOR, *argv, "--json"], environment)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(line.keys() == {"check", "status", "detail", "remedy"} for line in lines), (
        done.stderr
    )
    assert all(line["remedy"] for line in lines if line["status"] != "ok")
    return done.returncode, {line["check"]: line for line in lines}


@pytest.fixture
def environment(kafka: str, database: str) -> dict[str, str]:
    return {"INTENTWATCH_KAFKA": kafka, "INTENTWATCH_DATABASE_URL": database}


def test_a_worker_at_work_is_fine_and_a_missing_one_is_named(
    environment: dict[str, str], new_topic: Callable[..., topics.Topic], tmp_path: Path
) -> None:
    # In the contract's own, other tests leave bad records.
    environment |= {"INTENTWATCH_TOPIC": new_topic().name}
    assert processes.run(["-m", "services.provision"], environment).returncode == 0
    status, checks = ask(environment, "streams")
    assert status == 4
    assert {check for check, line in checks.items() if line["status"] == "fail"} == {"streams"}
    assert "python -m streams worker" in checks["streams"]["remedy"]
    with processes.running(["-m", "streams", "worker"], environment, tmp_path / "log"):
        assert processes.eventually(lambda: ask(environment, "streams")[0] == 0), (
            tmp_path / "log"
        ).read_text()
        status, checks = ask(environment)
    assert status == 4
    assert {check: line["status"] for check, line in checks.items()} == {
        **dict.fromkeys((*BEFORE, *STREAM, "scheduler", "judged", "hours", "notifier"), "ok"),
        "retrain": "fail",
    }


def test_what_stands_still_or_is_silent_is_named(
    environment: dict[str, str], database: str
) -> None:
    topic = "intentwatch.serving_log.v1"
    stuck = f"('{topic}', 3, 100, 150, 1, now() - interval '2 minutes')"
    current = f"('{topic}', 4, 7, 7, 1, now())"
    columns = "topic, part, next_offset, high_watermark, epoch, updated_at"
    offsets = f"insert into stream_offset ({columns}) values {stuck}, {current}"
    letter = f"insert into dead_letter values ('{topic}', 3, 9, 0, 'invalid', '', now(), 1, '')"
    with connect.engine(database, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text(offsets))
        connection.execute(sa.text(letter))
    _, checks = ask(environment, "streams")
    assert {check for check, line in checks.items() if line["status"] == "fail"} == {
        "partitions",
        "streams",
    }
    assert "partition 3 at offset 100" in checks["partitions"]["detail"]
    assert checks["lag"]["detail"] == "50 records behind, 50 of them in partition 3"
    assert checks["deadletters"]["detail"] == "1 in the last hour: invalid 1"
    with connect.engine(database, poolclass=sa.NullPool).begin() as connection:
        connection.execute(
            sa.text(
                "update stream_offset"
                " set next_offset = high_watermark, updated_at = '2026-04-20T10:00:00Z'"
            )
        )
    _, checks = ask(environment, "streams")
    assert (checks["partitions"]["status"], checks["logs"]["status"]) == ("ok", "warn")
    assert "since 2026-04-20T10:00:00Z" in checks["logs"]["detail"]


def test_every_unreachable_server_is_named_at_once() -> None:
    status, checks = ask(NOBODY)
    assert status == 4
    assert {check: line["status"] for check, line in checks.items()} == {
        "kafka": "fail",
        "database": "fail",
    }


def test_a_database_without_tables_is_named(
    environment: dict[str, str], empty_database: str
) -> None:
    status, checks = ask(environment | {"INTENTWATCH_DATABASE_URL": empty_database}, "scheduler")
    assert status == 4
    assert checks["migration"]["remedy"] == "run `alembic upgrade head`"
    assert checks.keys() == {"database", "migration"}


def test_a_missing_address_is_a_matter_of_configuration() -> None:
    done = processes.run([*DOCTOR, "streams"], {})
    assert (done.returncode, done.stdout) == (3, "")
    assert "INTENTWATCH_DATABASE_URL is not set" in done.stderr
    assert done.stderr.count("\n") == 1
