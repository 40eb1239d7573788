"""The scheduler tells of what stands still: once a stall and once a silence, however many
schedulers look; the notifier tells that no scheduler lives.
"""

import contextlib
from pathlib import Path

import processes
import sqlalchemy as sa

from schemas import topics
from services.alarms import state, store
from streams import connect

TOPIC = topics.SERVING_LOG.name


def change(database: str, statement: str) -> None:
    with connect.engine(database, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text(statement))


def told(database: str) -> list[str]:
    with connect.engine(database, poolclass=sa.NullPool).connect() as connection:
        return list(
            connection.execute(
                sa.text("select payload ->> 'cause' from outbox where kind = 'alarm' order by id")
            ).scalars()
        )


def test_a_stall_and_a_silence_are_each_told_once(database: str, tmp_path: Path) -> None:
    environment = {"INTENTWATCH_DATABASE_URL": database}
    stuck = f"('{TOPIC}', 3, 100, 150, 1, now() - interval '5 minutes')"
    current = f"('{TOPIC}', 4, 7, 7, 1, now())"
    change(
        database,
        "insert into stream_offset (topic, part, next_offset, high_watermark, epoch, updated_at)"
        f" values {stuck}, {current}",
    )
    with contextlib.ExitStack() as stack:
        for i in range(2):
            stack.enter_context(
                processes.running(["-m", "services.scheduler"], environment, tmp_path / f"s{i}")
            )
        assert processes.eventually(lambda: len(told(database)) == 1), (tmp_path / "s0").read_text()
        change(
            database,
            "update stream_offset"
            " set next_offset = high_watermark, updated_at = now() - interval '2 hours'",
        )
        assert processes.eventually(lambda: len(told(database)) == 2)
        change(
            database,
            "update stream_offset"
            " set next_offset = 9, high_watermark = 9, updated_at = now() where part = 4",
        )
        change(database, "update stream_offset set updated_at = now() - interval '1 hour'")
        assert processes.eventually(lambda: len(told(database)) == 3), (
            "the next log has ended a silence: another one is told anew"
        )
    stall, *silences = told(database)
    assert stall.startswith(f"{TOPIC}/3 stands still at offset 100 with 50 records unread")
    assert all(
        silence.startswith(f"{TOPIC}: no serving log has come since ") for silence in silences
    )


def test_that_no_scheduler_lives_is_told_once_and_is_over_when_one_does(
    database: str, tmp_path: Path
) -> None:
    nowhere = {
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_SLACK_BASE_URL": "http://127.0.0.1:9/api/",
    }
    with processes.running(["-m", "services.notifier"], nowhere, tmp_path / "notifier"):
        with processes.running(["-m", "services.scheduler"], nowhere, tmp_path / "scheduler"):
            assert processes.eventually(lambda: beat(database) is not None), (
                tmp_path / "scheduler"
            ).read_text()
        assert told(database) == []
        change(
            database,
            "update lease set expires_at = now() - interval '2 minutes' where name = 'scheduler'",
        )
        assert processes.eventually(lambda: len(told(database)) == 1), (
            tmp_path / "notifier"
        ).read_text()
        assert told(database)[0].startswith("no scheduler has ticked since ")
        assert standing(database) == told(database)
        with processes.running(["-m", "services.scheduler"], nowhere, tmp_path / "again"):
            assert processes.eventually(lambda: standing(database) == [])
        assert len(told(database)) == 1


def beat(database: str) -> state.Beat | None:
    with connect.engine(database, poolclass=sa.NullPool).connect() as connection:
        return store.beat(connection)


def standing(database: str) -> list[str]:
    with connect.engine(database, poolclass=sa.NullPool).connect() as connection:
        return [alarm.cause for alarm in store.open_alarms(connection, store.facts(connection))]
