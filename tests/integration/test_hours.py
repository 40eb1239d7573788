"""The first hour, and any other: whatever is in it, it is judged once, in its turn; one that cannot
be judged is set aside and the next one goes on.
"""

import datetime as dt
import json
import threading
from typing import Any

import builders
import past
import processes
import pytest
import sqlalchemy as sa

from retrain import log
from retrain import store as retrain_store
from retrain.evaluation import live
from schemas import policy, times
from services.alarms import causes, state
from services.alarms import store as alarms_store
from services.scheduler import monitor, store
from streams import database as databases

BEGIN = dt.datetime(2026, 4, 20, 10, tzinfo=dt.UTC)
HOUR, SECOND = dt.timedelta(hours=1), dt.timedelta(seconds=1)
ENDS = [BEGIN + HOUR, BEGIN + 2 * HOUR, BEGIN + 3 * HOUR]


@pytest.fixture
def engine(engine: sa.Engine) -> sa.Engine:
    """Three complete hours of v1, the champion since the day before, and the begin of a fourth."""
    past.champion(engine, BEGIN - 24 * HOUR)
    past.count(engine, [builders.log(n, BEGIN + n * HOUR / 20) for n in range(62)])
    return engine


def scheduler(engine: sa.Engine, owner: str = "one", rules: str = "") -> monitor.Monitor:
    return monitor.Monitor(engine, policy.parse(rules), log.LogLines("line"), owner)


def change(engine: sa.Engine, statement: str, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(statement), values)


def decided(engine: sa.Engine) -> list[dt.datetime]:
    with engine.connect() as connection:
        return [
            row.at.astimezone(dt.UTC)
            for row in connection.execute(sa.text("select at from decision order by at"))
        ]


def facts(engine: sa.Engine) -> state.Facts:
    with engine.connect() as connection:
        return alarms_store.facts(connection)


def open_alarms(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return [
            alarm.cause
            for alarm in alarms_store.open_alarms(connection, alarms_store.facts(connection))
        ]


def fail(engine: sa.Engine, times: int) -> None:
    """So many attempts at the oldest hour, its pauses over each time."""
    for _ in range(times):
        change(engine, "update job_run set retry_at = now() where retry_at is not null")
        with pytest.raises(ValueError, match="buffer size"):
            scheduler(engine).tick()


def poison(engine: sa.Engine, end: dt.datetime) -> None:
    """An hour's row that no code can read: its histogram ends amid a pair."""
    change(
        engine,
        "update window_state set latency_bins = '\\x01' where horizon = '1h' and \"end\" = :end",
        end=end,
    )


def test_each_hour_is_judged_once_however_many_schedulers_look(engine: sa.Engine) -> None:
    schedulers = [scheduler(engine, f"s{i}") for i in range(4)]
    threads = [threading.Thread(target=one.tick) for one in schedulers * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.tick() for one in schedulers) <= len(ENDS)
    assert decided(engine) == ENDS
    assert facts(engine).output.due == []


def test_a_midnight_asks_labels_once_a_horizon(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The day that ends is told of by the figures it was judged by."""
    asked, figures = 0, live.figures

    def counting(*args: Any) -> live.Figures:
        nonlocal asked
        asked += 1
        return figures(*args)

    monkeypatch.setattr(live, "figures", counting)
    midnight = dt.datetime(2026, 4, 21, tzinfo=dt.UTC)
    engine = databases.engine(database)
    past.champion(engine, midnight - 24 * HOUR)
    past.count(engine, [builders.log(n, midnight - HOUR + n * HOUR / 20) for n in range(21)])

    assert scheduler(engine).tick() == 1
    assert decided(engine) == [midnight]
    assert asked == 2, "the day and the week"
    with engine.connect() as connection:
        told = connection.execute(sa.text("select distinct start from quality")).scalars()
        starts = {start.astimezone(dt.UTC) for start in told}
    assert starts == {midnight - 24 * HOUR, midnight - 7 * 24 * HOUR}
    engine.dispose()


def test_an_hour_that_fails_is_tried_again_and_later_ones_wait_for_it(engine: sa.Engine) -> None:
    poison(engine, ENDS[1])
    with pytest.raises(ValueError, match="buffer size"):
        scheduler(engine).tick()
    assert decided(engine) == ENDS[:1]
    assert scheduler(engine, "another").tick() == 0, "its pause is not over"
    fail(engine, 1)
    assert decided(engine) == ENDS[:1]
    assert facts(engine).output.due == ENDS[1:]


def test_the_third_failure_sets_an_hour_aside_with_an_alarm_and_the_next_one_goes_on(
    engine: sa.Engine, database: str
) -> None:
    poison(engine, ENDS[0])
    fail(engine, 2)
    change(engine, "update job_run set retry_at = now() where retry_at is not null")
    assert scheduler(engine).tick() == 0
    assert scheduler(engine).tick() == 2
    assert decided(engine) == ENDS[1:]
    (cause,) = open_alarms(engine)
    assert cause.startswith(
        "the hour that ended 2026-04-20 11:00:00 UTC is set aside: "
        "judging it failed 3 times (ValueError: buffer size"
    )
    again = ["-m", "services.scheduler", "again"]
    environment = {"INTENTWATCH_DATABASE_URL": database}
    assert processes.run([*again, "2026-04-20T12:00:00Z"], environment).returncode == 2, (
        "that one has been judged"
    )
    # What poisoned it is mended.
    change(engine, "update window_state set latency_bins = '' where horizon = '1h'")
    done = processes.run([*again, "2026-04-20T11:00:00Z"], environment)
    assert done.returncode == 0, done.stderr
    assert scheduler(engine).tick() == 1
    assert decided(engine) == ENDS
    assert open_alarms(engine) == []


def test_an_hour_taken_up_after_later_ones_is_recorded_and_does_not_act(database: str) -> None:
    """Its evidence knows nothing of what came since: a pause, a run, another champion."""
    rules = "[signals.error_rate]\nk = 1\nof = 1\nmin_n = 100"
    engine = databases.engine(database)
    past.champion(engine, BEGIN - 24 * HOUR)
    failed = {"intent": None, "confidence": None, "tokens": None, "error": "failed"}
    past.count(engine, [builders.log(n, BEGIN + n * HOUR / 400, **failed) for n in range(400)])
    past.count(engine, [builders.log(1000 + n, BEGIN + HOUR + n * HOUR / 20) for n in range(22)])
    change(
        engine,
        "insert into job_run (job, due_at, owner, attempts) values ('hourly', :end, 'one', 3)",
        end=ENDS[0],
    )
    assert scheduler(engine, rules=rules).tick() == 1
    change(engine, "update job_run set attempts = 0, retry_at = now() where finished_at is null")
    assert scheduler(engine, rules=rules).tick() == 1
    with engine.connect() as connection:
        taken = connection.execute(
            sa.text("select decision from decision where at = :at"), {"at": ENDS[0]}
        ).scalar_one()
        told = connection.execute(
            sa.text("select count(*) from outbox where kind = 'decision'")
        ).scalar_one()
    assert (taken, told) == ("fix_upstream", 0)
    engine.dispose()


def test_a_replay_leaves_out_the_hour_that_could_not_be_judged(
    engine: sa.Engine, database: str
) -> None:
    poison(engine, ENDS[1])
    change(
        engine,
        "insert into job_run (job, due_at, owner, attempts) values ('hourly', :end, 'one', 3)",
        end=ENDS[1],
    )
    assert scheduler(engine).tick() == 2
    done = processes.run(
        ["retrain/run.py", "replay", "--json"], {"INTENTWATCH_DATABASE_URL": database}
    )
    assert done.returncode == 0, done.stderr
    again = {row["at"]: row["sha256"] for row in map(json.loads, done.stdout.splitlines())}
    with engine.connect() as connection:
        live = {
            times.rfc3339(row.at): row.sha256
            for row in connection.execute(sa.text("select at, sha256 from decision"))
        }
    assert again == live
    assert len(live) == 2


def test_an_hour_that_ends_its_scheduler_is_counted_too(engine: sa.Engine) -> None:
    for number in (1, 2, 3):
        with engine.begin() as connection:
            assert store.begin(connection, ENDS[0], "dies") == number
        assert scheduler(engine).tick() == 0, "somebody seems to be at it"
        change(engine, "update job_run set retry_at = now()")
    assert scheduler(engine).tick() == 0
    assert scheduler(engine).tick() == 2
    (cause,) = open_alarms(engine)
    assert "its scheduler ended in the middle of it" in cause


def test_an_outage_says_nothing_of_the_hour(engine: sa.Engine) -> None:
    """A lock that somebody holds for too long: however often, the hour is not set aside."""
    impatient = sa.create_engine(
        engine.url, poolclass=sa.NullPool, connect_args={"options": "-c lock_timeout=300ms"}
    )
    for _ in range(4):
        with engine.begin() as other:
            other.execute(sa.text("lock table signal in access exclusive mode"))
            with pytest.raises(sa.exc.OperationalError):
                scheduler(impatient).tick()
        change(engine, "update job_run set retry_at = now() where retry_at is not null")
    assert scheduler(engine).tick() == 3
    assert decided(engine) == ENDS


@pytest.mark.parametrize("p", [1e-310, 5e-324, 1e-5])
def test_a_weight_beyond_all_measure_from_before_the_floor_stops_no_decision(
    engine: sa.Engine, p: float
) -> None:
    change(
        engine,
        "insert into sampled_prediction"
        " (req_id, model, role, ts, intent, confidence, script, queue, p, text)"
        " values ('r5', 'v1', 'champion', :ts, 'faq', 0.9, 'latin', 'measure', :p, 't')",
        ts=BEGIN + SECOND,
        p=p,
    )
    change(
        engine,
        "insert into human_label (id, req_id, annotator, labelled_at, intent, also, action)"
        " values ('l', 'r5', 'a', :at, 'chitchat', '{}', 'label')",
        at=BEGIN + 2 * SECOND,
    )
    assert scheduler(engine).tick() == 3
    assert decided(engine) == ENDS


@pytest.mark.parametrize(
    ("name", "logs"),
    [
        (
            "of errors alone",
            [
                builders.log(
                    n, BEGIN + n * SECOND, intent=None, confidence=None, tokens=None, error="failed"
                )
                for n in range(20)
            ],
        ),
        ("of one log", [builders.log(0, BEGIN)]),
        (
            "of a model nobody promoted",
            [builders.log(n, BEGIN + n * SECOND, model="v9") for n in range(20)],
        ),
        (
            "of extremes",
            [
                builders.log(
                    n,
                    BEGIN + n * SECOND,
                    latency_ms=600_000.0,
                    confidence=5e-324,
                    tokens=1_000_000,
                    margin=0.0,
                )
                for n in range(400)
            ],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_first_hour_is_judged_whatever_it_holds(
    name: str, logs: list[dict[str, Any]], database: str
) -> None:
    engine = databases.engine(database)
    past.champion(engine, BEGIN - 24 * HOUR)
    past.count(engine, [*logs, builders.log(999, BEGIN + HOUR)])
    assert scheduler(engine).tick() == 1
    assert decided(engine) == ENDS[:1]
    engine.dispose()


def test_an_hour_outlives_its_minutes_and_a_late_log_does_not_judge_it_again(
    engine: sa.Engine,
) -> None:
    change(engine, "delete from pane_minute where start < :edge", edge=ENDS[1])
    assert scheduler(engine).tick() == 3
    past.count(engine, [builders.log(1000, ENDS[2] - SECOND)])
    assert scheduler(engine).tick() == 0
    assert decided(engine) == ENDS


def test_hours_before_the_first_promotion_have_no_decision_and_somebody_is_told(
    database: str,
) -> None:
    engine = databases.engine(database)
    past.count(engine, [builders.log(n, BEGIN + n * HOUR / 20) for n in range(22)])
    assert scheduler(engine).tick() == 1
    assert decided(engine) == []
    (alarm,) = causes.alarms(facts(engine))
    assert alarm.key == "champion:none"
    assert "v1 answers as champion, but no model has been promoted here" in alarm.cause
    past.champion(engine, BEGIN + HOUR)
    assert list(causes.alarms(facts(engine))) == []
    engine.dispose()


def test_a_reference_of_one_day_becomes_that_of_the_first_week(database: str) -> None:
    """The first whole day was a Saturday; with a week of good answers every weekday counts once."""
    saturday = dt.datetime(2026, 4, 25, tzinfo=dt.UTC)
    engine = databases.engine(database)
    past.champion(engine, saturday)
    logs = []
    for n in range(8 * 120 + 1):  # before each midnight: promotion at the weekend, else faq
        day, place = divmod(n, 120)
        ts = saturday + day * 24 * HOUR + 23 * HOUR + place * HOUR / 120
        intent = "promotion" if ts.weekday() >= 5 else "faq"
        sample = {"queue": "measure", "p": 1.0, "text": "an invented message"}
        logs.append(builders.log(n, ts, intent=intent, sample=sample))
    past.count(engine, logs)
    change(
        engine,
        "insert into human_label (id, req_id, intent, annotator, labelled_at, also, action) "
        "select req_id, req_id, intent, 'ana', ts + interval '1 second', '{}', 'label' "
        "from sampled_prediction",
    )
    few = "[signals.intent_mix_kl]\nmin_n = 100\n[signals.live_accuracy]\nmin_n = 50"
    while scheduler(engine, rules=few).tick():
        pass

    with engine.connect() as connection:
        known = retrain_store.references(connection, builders.MODEL)
        asked = connection.execute(sa.text("select at from decision where decision <> 'hold'"))
        assert list(asked) == []
    assert [(at, source) for at, source, _ in known] == [
        (saturday, "held_out"),
        (saturday + 24 * HOUR, "first_day"),
        (saturday + 7 * 24 * HOUR, "first_week"),
    ]
    of_day, of_week = known[1][2].intent_counts, known[2][2].intent_counts
    assert (of_day["promotion"], of_day["faq"]) == (120, 0)
    assert (of_week["promotion"], of_week["faq"]) == (240, 600)
    engine.dispose()
