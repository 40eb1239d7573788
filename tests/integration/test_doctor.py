"""The doctor on real servers: what is wrong is named with its remedy and exit 4, what is fine is said to be fine."""

import json
from pathlib import Path

import processes
import pytest

DOCTOR = ["-m", "services.doctor"]
NOBODY = {"INTENTWATCH_KAFKA": "127.0.0.1:1", "INTENTWATCH_DATABASE_URL": "postgresql+psycopg://postgres@127.0.0.1:1/x"}


def ask(environment: dict[str, str], *argv: str) -> tuple[int, dict[str, dict[str, str]]]:
    done = processes.run([*DOCTOR, *argv, "--json"], environment)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(line.keys() == {"check", "status", "detail", "remedy"} for line in found), done.stderr
    assert all(line["remedy"] for line in found if line["status"] != "ok")
    return done.returncode, {line["check"]: line for line in found}


@pytest.fixture
def environment(kafka: str, database: str) -> dict[str, str]:
    return {"INTENTWATCH_KAFKA": kafka, "INTENTWATCH_DATABASE_URL": database}


def test_a_worker_at_work_is_fine_and_a_missing_one_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    assert processes.run(["-m", "services.provision"], environment).returncode == 0
    status, found = ask(environment, "streams")
    assert status == 4
    assert {check for check, line in found.items() if line["status"] == "fail"} == {"streams"}
    assert "python -m streams worker" in found["streams"]["remedy"]
    with processes.running(["-m", "streams", "worker"], environment, tmp_path / "log"):
        assert processes.eventually(lambda: ask(environment, "streams")[0] == 0), (tmp_path / "log").read_text()
        status, found = ask(environment)
    assert status == 4
    assert {check: line["status"] for check, line in found.items()} == {
        **dict.fromkeys(("kafka", "topics", "database", "migration", "lag", "streams", "scheduler", "notifier"), "ok"),
        "retrain": "fail",
    }


def test_every_unreachable_server_is_named_at_once() -> None:
    status, found = ask(NOBODY)
    assert status == 4
    assert {check: line["status"] for check, line in found.items()} == {"kafka": "fail", "database": "fail"}


def test_a_database_without_tables_is_named(environment: dict[str, str], empty_database: str) -> None:
    status, found = ask(environment | {"INTENTWATCH_DATABASE_URL": empty_database}, "scheduler")
    assert status == 4
    assert found["migration"]["remedy"] == "run `alembic upgrade head`"
    assert found.keys() == {"database", "migration"}


def test_a_missing_address_is_a_matter_of_configuration() -> None:
    done = processes.run([*DOCTOR, "streams"], {})
    assert (done.returncode, done.stdout) == (3, "")
    assert "INTENTWATCH_DATABASE_URL is not set" in done.stderr
    assert done.stderr.count("\n") == 1
