"""A stage that fails in a loop is an alarm with its remedy, and over when it works again: on a real
worker, scheduler, notifier and gateway.
"""

import contextlib
import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import builders
import past
import processes
import sqlalchemy as sa
import traffic
from kafka import KafkaProducer

from schemas import topics
from services import ports
from services.alarms import causes
from services.alarms import store as alarms_store
from streams.stages import rounds, stage
from streams.stages import store as stages_store

BEGIN = dt.datetime(2026, 4, 20, 10, tzinfo=dt.UTC)


def change(engine: sa.Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(statement))


def failing(engine: sa.Engine) -> dict[str, stage.Failing]:
    with engine.connect() as connection:
        return {row.name: row for row in stages_store.failing(connection)}


def told(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return list(
            connection.execute(
                sa.text("select payload ->> 'cause' from outbox where kind = 'alarm' order by id")
            ).scalars()
        )


def standing(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return [
            alarm.cause
            for alarm in alarms_store.open_alarms(connection, alarms_store.facts(connection))
        ]


def age(engine: sa.Engine) -> None:
    """As if what fails now had failed for two minutes."""
    change(
        engine,
        "update stage set failing_since = failing_since - interval '2 minutes'"
        " where failing_since is not null",
    )


def test_rounds_tell_how_they_end_and_how_often(engine: sa.Engine) -> None:
    now = [0.0]
    one = rounds.Rounds(engine, stage.RETRAIN, "one", clock=lambda: now[0])

    def fail(error: Exception) -> None:
        with one.round():
            raise error

    with one.round():
        pass
    assert failing(engine) == {}
    for second in range(12):
        now[0] = float(second)
        fail(ValueError("a\x00b\nmore"))
    failure = failing(engine)[stage.RETRAIN]
    assert (failure.failures, failure.error) == (11, "ValueError: a\ufffdb"), (
        "told every five seconds, in words that Postgres takes"
    )
    with rounds.Rounds(engine, stage.RETRAIN, "two").round():
        pass
    assert list(failing(engine)) == [stage.RETRAIN], (
        "another process of it works: this one does not"
    )
    with one.round():
        pass
    assert failing(engine) == {}


def test_a_process_is_heard_by_whichever_of_its_rounds_ended_last(engine: sa.Engine) -> None:
    for name, owner in (
        (stage.ROLLUP, "one"),
        (f"{stage.GATEWAY} champion", "two"),
        (f"{stage.GATEWAY} shadow", "two"),
    ):
        with rounds.Rounds(engine, name, owner).round():
            pass
    change(
        engine,
        "update stage set told_at = now() - interval '9 minutes'"
        " where name in ('rollup', 'gateway shadow')",
    )
    with engine.connect() as connection:
        heard = stages_store.heard(connection)
    assert heard.keys() == {"streams", "gateway"}
    assert heard["streams"] > 500 > heard["gateway"]


def test_what_an_ended_process_said_is_forgotten(engine: sa.Engine) -> None:
    with rounds.Rounds(engine, stage.ROLLUP, "gone").round():
        raise ValueError("torn")
    assert failing(engine)[stage.ROLLUP].error == "ValueError: torn"
    change(
        engine,
        f"update stage set told_at = now() - interval '{stages_store.FORGOTTEN_S + 1} seconds'",
    )
    assert failing(engine) == {}
    change(engine, "update stage set told_at = now() - interval '2 days'")
    with rounds.Rounds(engine, stage.ROLLUP, "new").round():
        pass
    with engine.connect() as connection:
        assert connection.execute(sa.text("select owner from stage")).scalars().all() == ["new"]


def test_a_roll_up_that_fails_is_an_alarm_until_it_works(
    engine: sa.Engine,
    kafka: str,
    database: str,
    new_topic: Callable[..., topics.Topic],
    tmp_path: Path,
) -> None:
    topic = new_topic(1).name
    environment = {
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_TEST_CLOCK": "1",
        "INTENTWATCH_TOPIC": topic,
    }
    change(engine, "alter table window_state rename column late to later")
    with contextlib.ExitStack() as stack:
        stack.enter_context(
            processes.running(["-m", "streams", "worker"], environment, tmp_path / "worker")
        )
        producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
        for n in range(20):
            producer.send(
                topic, traffic.encode(builders.log(n, BEGIN + dt.timedelta(minutes=n))), key=b"k"
            )
        producer.close()
        assert processes.eventually(lambda: stage.ROLLUP in failing(engine)), (
            tmp_path / "worker"
        ).read_text()
        age(engine)
        stack.enter_context(
            processes.running(["-m", "services.scheduler"], environment, tmp_path / "scheduler")
        )
        assert processes.eventually(
            lambda: any(cause.startswith("rollup has failed since ") for cause in told(engine))
        ), told(engine)
        doctor = processes.run(["-m", "services.doctor", "streams"], environment)
        assert "rollup has failed since" in doctor.stdout
        assert "start `python -m streams worker`" not in doctor.stdout, "it runs"
        change(engine, "alter table window_state rename column later to late")
        assert processes.eventually(lambda: standing(engine) == [] and failing(engine) == {}), (
            standing(engine),
            failing(engine),
        )
    assert processes.show("windows", environment, "--horizon", "1d")[0]["n"] == 20


def test_a_minute_that_nobody_rolls_up_is_told(engine: sa.Engine) -> None:
    change(
        engine,
        "insert into pane_dirty (start, model, role, part)"
        " values ('2026-04-20T10:00:00Z', 'v1', 'champion', 0)",
    )
    with engine.connect() as connection:
        assert list(causes.alarms(alarms_store.facts(connection))) == []
    change(engine, "update pane_dirty set marked_at = now() - interval '4 minutes'")
    with engine.connect() as connection:
        (alarm,) = causes.alarms(alarms_store.facts(connection))
    assert "no window comes out: the minute 2026-04-20T10:00:00Z has waited" in alarm.cause


def test_a_scheduler_whose_ticks_fail_says_so_instead_of_seeming_dead(
    engine: sa.Engine, database: str, tmp_path: Path
) -> None:
    past.champion(engine, BEGIN - dt.timedelta(days=1))
    past.count(engine, [builders.log(n, BEGIN + dt.timedelta(minutes=6 * n)) for n in range(12)])
    change(engine, "alter table window_state rename column complete to completed")
    with processes.running(
        ["-m", "services.scheduler"], {"INTENTWATCH_DATABASE_URL": database}, tmp_path / "log"
    ):
        assert processes.eventually(lambda: stage.SCHEDULER in failing(engine)), (
            tmp_path / "log"
        ).read_text()
        assert "UndefinedColumn" in failing(engine)[stage.SCHEDULER].error
        with engine.connect() as connection:
            beat = alarms_store.beat(connection)
        assert beat is not None
        assert causes.unattended(beat) is None, "it ticks; that its ticks fail is another alarm"


def test_the_gateway_tells_of_a_model_it_refuses_and_takes_it_once_it_is_whole(
    shop: Any, kafka: str, database: str, engine: sa.Engine, tmp_path: Path
) -> None:
    (port,) = ports.free(1)
    environment = {
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_MODELS": str(tmp_path / "models"),
        "INTENTWATCH_GATEWAY_PORT": str(port),
    }
    (tmp_path / "models").mkdir()
    past.champion(engine, BEGIN)
    with processes.running(["-m", "services.gateway"], environment, tmp_path / "log"):
        name = f"{stage.GATEWAY} champion"
        assert processes.eventually(lambda: name in failing(engine)), (tmp_path / "log").read_text()
        assert "champion v1 is refused" in failing(engine)[name].error
        age(engine)
        with engine.connect() as connection:
            (alarm,) = [
                alarm
                for alarm in causes.alarms(alarms_store.facts(connection))
                if alarm.key.startswith("stage:")
            ]
        assert "look at the model's directory" in alarm.remedy
        shutil.copy(shop.models / ".signing_key", tmp_path / "models")
        shutil.copytree(shop.models / "v1", tmp_path / "models" / "v1")
        assert processes.eventually(lambda: failing(engine) == {}), (tmp_path / "log").read_text()
    assert "serving v1 as champion" in (tmp_path / "log").read_text()
