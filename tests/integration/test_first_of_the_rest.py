"""The first label, outbox row and database: whatever it is, it is told apart and the second one
goes through. Hours and runs have files of their own.
"""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import builders
import past
import processes
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from schemas import tables
from services import ports
from services.local import processes as product

ROOT = Path(__file__).parents[2]
BEGIN = dt.datetime(2026, 4, 20, 10, tzinfo=dt.UTC)
GOOD = {
    "req_id": "r1",
    "intent": "faq",
    "annotator": "a1",
    "labelled_at": "2026-04-20T12:00:00Z",
    "action": "label",
}
# A first line of labels -> (exit status, joined, orphans, rejected lines)
LABELS: dict[str, tuple[str, tuple[int, int, int, int]]] = {
    "empty": ("", (0, 1, 0, 0)),
    "bad": ("hello", (5, 1, 0, 1)),
    "bad: a number": ("7", (5, 1, 0, 1)),
    "bad: half a character": (
        '{"req_id": "\\ud800", "intent": "faq", "annotator": "a1",'
        ' "labelled_at": "2026-04-20T12:00:00Z"}',
        (5, 1, 0, 1),
    ),
    "bad: an intent nobody knows": (json.dumps(GOOD | {"intent": "weather"}), (5, 1, 0, 1)),
    "a retraction of nothing": (
        json.dumps(GOOD | {"intent": None, "action": "retract", "annotator": "a2"}),
        (0, 2, 0, 0),
    ),
    "before its message": (json.dumps(GOOD | {"req_id": "r99"}), (0, 1, 1, 0)),
    "late: before the message was written": (
        json.dumps(GOOD | {"labelled_at": "2026-04-19T12:00:00Z"}),
        (0, 2, 0, 0),
    ),
    "from the future": (
        json.dumps(GOOD | {"labelled_at": "2099-04-20T12:00:00Z", "annotator": "a2"}),
        (5, 1, 0, 1),
    ),
    "beyond all time": (
        json.dumps(GOOD | {"labelled_at": "9999-12-31T23:59:59-12:00"}),
        (5, 1, 0, 1),
    ),
    "twice": (json.dumps(GOOD), (0, 2, 0, 0)),
}


@pytest.mark.parametrize("name", LABELS)
def test_a_first_label_is_told_apart_and_the_second_counts(
    name: str, engine: sa.Engine, database: str, tmp_path: Path
) -> None:
    sampled = {"queue": "measure", "p": 0.5, "text": "where is my parcel"}
    past.count(engine, [builders.log(1, BEGIN, sample=sampled), builders.log(2, BEGIN)])
    first, wanted = LABELS[name]
    (tmp_path / "labels.jsonl").write_text(f"{first}\n{json.dumps(GOOD)}\n")
    done = processes.run(
        ["-m", "services.labels", "import", str(tmp_path / "labels.jsonl"), "--json"],
        {"INTENTWATCH_DATABASE_URL": database},
    )
    report = json.loads(done.stdout)
    assert (
        done.returncode,
        report["joined"],
        report["orphans"],
        len(report["rejected"]),
    ) == wanted, done.stderr
    with engine.connect() as connection:
        held = connection.execute(
            sa.text(
                "select count(*) from human_label"
                " where req_id = 'r1' and annotator = 'a1' and intent = 'faq'"
            )
        )
        assert held.scalar_one() == (2 if name.startswith("late") else 1)


# A first row of the outbox -> whether it reaches Slack.
ALARM = {"cause": "the roll-up stands still", "remedy": "read its log"}
ROWS: dict[str, tuple[str, Any]] = {
    "an empty payload": ("decision", {}),
    "a kind nobody knows": ("monitor", {"x": 1}),
    "an alarm without a remedy": ("alarm", {"cause": "c"}),
    "no object": ("alarm", ["c", "r"]),
    "a run without gates": ("run", {"run_id": "ft_1", "state": "rejected", "gates": None}),
    "null": ("alarm", None),
}


@pytest.mark.parametrize(
    "together", [True, False], ids=["in one thread", "in threads of their own"]
)
def test_first_outbox_rows_that_nothing_can_be_made_of_are_parked_and_the_rest_goes_out(
    together: bool, engine: sa.Engine, database: str, tmp_path: Path
) -> None:
    (port,) = ports.free(1)
    environment = {
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_SLACK_BASE_URL": f"http://127.0.0.1:{port}/api/",
    }
    with processes.running(
        ["-m", "services.local.slack_sandbox", "--port", str(port)], {}, tmp_path / "sandbox"
    ):
        assert processes.eventually(lambda: ports.listening(port))
        empty = processes.run(["-m", "services.notifier", "--once"], environment)
        assert empty.returncode == 0, empty.stderr
        with engine.begin() as connection:
            for name, (kind, payload) in ROWS.items():
                row = {
                    "dedupe_key": name,
                    "thread_key": "t" if together else name,
                    "kind": kind,
                    "payload": payload,
                }
                connection.execute(sa.insert(tables.outbox).values(row))
            good = {
                "dedupe_key": "good",
                "thread_key": "t" if together else "good",
                "kind": "alarm",
                "payload": ALARM,
            }
            connection.execute(sa.insert(tables.outbox).values(good))
            later = {
                "dedupe_key": "later",
                "thread_key": "later",
                "kind": "alarm",
                "payload": ALARM,
            }
            connection.execute(
                sa.insert(tables.outbox).values(
                    **later, next_attempt_at=dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
                )
            )
        done = processes.run(["-m", "services.notifier", "--once"], environment)
    assert done.returncode == 75, done.stderr
    assert "1 messages are still to be sent" in done.stderr
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text("select dedupe_key, sent_at, error from outbox order by id")
        ).all()
    assert {
        row.dedupe_key: (row.sent_at is not None, (row.error or "").split(":")[0]) for row in rows
    } == {
        **dict.fromkeys(ROWS, (False, "parked")),
        "good": (True, ""),
        "later": (False, ""),
    }


ALWAYS_ON = [process for process in product.PROCESSES if not process.one_shot]


@pytest.mark.parametrize("revision", [None, "0003"], ids=["empty", "of the version before"])
@pytest.mark.parametrize("process", ALWAYS_ON, ids=lambda process: process.name)
def test_a_first_database_without_its_tables_is_refused_with_the_remedy(
    process: product.Process, revision: str | None, empty_database: str, kafka: str, tmp_path: Path
) -> None:
    if revision:
        migrated(empty_database, revision)
    (port,) = ports.free(1)
    environment = {
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_DATABASE_URL": empty_database,
        "INTENTWATCH_MODELS": str(tmp_path),
        "INTENTWATCH_SLACK_BASE_URL": "http://127.0.0.1:9/api/",
        "INTENTWATCH_GATEWAY_PORT": str(port),
        "INTENTWATCH_DASHBOARD_PORT": str(port),
    }
    done = processes.run(list(process.command), environment)
    assert done.returncode == 4, done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith("run `alembic upgrade head`\n")


def migrated(url: str, revision: str) -> None:
    config = Config(str(ROOT / "alembic.ini"))
    config.set_main_option("sqlalchemy.url", url)
    command.upgrade(config, revision)


def test_the_tables_name_the_newest_revision() -> None:
    assert (
        ScriptDirectory.from_config(Config(str(ROOT / "alembic.ini"))).get_current_head()
        == tables.REVISION
    )


def test_a_database_migrated_twice_is_migrated_once(empty_database: str) -> None:
    for _ in range(2):
        done = processes.run(
            ["-m", "alembic", "upgrade", "head"], {"INTENTWATCH_DATABASE_URL": empty_database}
        )
        assert done.returncode == 0, done.stderr


def test_a_database_of_a_newer_version_is_taken_as_a_rolling_upgrade_is_under_way(
    engine: sa.Engine, database: str
) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))
    done = processes.run(["-m", "services.show", "windows"], {"INTENTWATCH_DATABASE_URL": database})
    assert done.returncode == 0, done.stderr
