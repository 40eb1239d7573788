"""Databases whose clocks change, those that never do, and processes in such a zone: the same
windows, partitions, retention and decisions in all of them.
"""

import collections
import contextlib
import datetime as dt
import functools
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import past
import processes
import psycopg
import pytest
import sqlalchemy as sa
import traffic
from kafka import KafkaProducer

from schemas import topics, windows
from streams import connect
from streams.panes import retention

# Never; at 06:00 and 07:00 UTC; by half an hour, at 10:30 and 11.
ZONES = ("UTC", "America/New_York", "Australia/Lord_Howe")
DAY = dt.timedelta(days=1)
HALF_HOUR = dt.timedelta(minutes=30)


def times(begin: str, days: int, step: dt.timedelta) -> list[dt.datetime]:
    return [
        dt.datetime.fromisoformat(begin).replace(tzinfo=dt.UTC) + i * step
        for i in range(int(days * DAY / step))
    ]


# New York's clocks change on 8 March and 1 November; a day without logs, and days of few, lie
# beside.
SPRING = [*times("2026-03-05", 1, 5 * HALF_HOUR), *times("2026-03-07", 3, HALF_HOUR)]
AUTUMN = [
    *times("2026-10-25", 6, 11 * HALF_HOUR),
    *times("2026-10-31", 3, HALF_HOUR),
    *times("2026-11-03", 2, 9 * HALF_HOUR),
]
NEXT_DAY = times("2026-11-05", 1, 17 * HALF_HOUR)


class Site(NamedTuple):
    """A database in a zone, and what processes that use it are told."""

    zone: str
    database: str
    topic: topics.Topic
    environment: dict[str, str]


@pytest.fixture
def sites(
    kafka: str,
    database_in: Callable[[str], str],
    new_topic: Callable[..., topics.Topic],
    tmp_path: Path,
) -> list[Site]:
    (tmp_path / "policy.toml").write_text('[signals.live_accuracy]\nhorizon = "1d"\nmin_n = 20\n')
    return [
        site(zone, kafka, database_in(zone), new_topic(), tmp_path / "policy.toml")
        for zone in ZONES
    ]


def site(zone: str, kafka: str, database: str, topic: topics.Topic, policy: Path) -> Site:
    engine = connect.engine(database, poolclass=sa.NullPool)
    past.champion(engine, SPRING[0] - 30 * DAY, past.REFERENCE_OF_ALL)
    environment = {
        "INTENTWATCH_KAFKA": kafka,
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_TOPIC": topic.name,
        "INTENTWATCH_TEST_CLOCK": "1",
    }
    return Site(
        zone, database, topic, environment | {"INTENTWATCH_POLICY": str(policy), "TZ": zone}
    )


def logs(at: list[dt.datetime]) -> list[dict[str, Any]]:
    """One log at each of these times, written in the zones that producers write; answers are
    sampled.
    """
    lines = []
    for number, ts in enumerate(at):
        log = traffic.log(number, random.Random(int(ts.timestamp())), begin=ts, step_s=0)
        zone = dt.timezone(dt.timedelta(minutes=(0, 0, 345, -240)[number % 4]))
        log |= {
            "ts": dt.datetime.fromisoformat(log["ts"])
            .astimezone(zone)
            .isoformat()
            .replace("+00:00", "Z"),
            "req_id": f"r{ts:%m%d%H%M}",
        }
        sample = {"sample": {"queue": "measure", "p": 0.5, "text": f"an invented message {number}"}}
        lines.append(log | (sample if "intent" in log else {}))
    return lines


def labels(of: list[dict[str, Any]]) -> Iterator[str]:
    """Given an hour and a half after each message, in Kathmandu."""
    kathmandu = dt.timezone(dt.timedelta(hours=5, minutes=45))
    for log in of:
        if "intent" in log:
            given = (dt.datetime.fromisoformat(log["ts"]) + dt.timedelta(minutes=90)).astimezone(
                kathmandu
            )
            yield json.dumps(
                {
                    "req_id": log["req_id"],
                    "intent": log["intent"],
                    "annotator": "a1",
                    "labelled_at": given.isoformat(),
                    "action": "label",
                }
            )


def produce(kafka: str, topic: str, of: list[dict[str, Any]]) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
    for log in of:
        producer.send(topic, traffic.encode(log), key=log["req_id"].encode())
    producer.close()


def counted(site: Site) -> tuple[int, dt.datetime | None]:
    """Logs in day windows, and the oldest minute kept."""
    with connect.engine(site.database, poolclass=sa.NullPool).connect() as connection:
        n = connection.execute(
            sa.text("select coalesce(sum(n), 0) from window_state where horizon = '1d'")
        ).scalar_one()
        return int(n), connection.execute(
            sa.text("select max(keep_from) from stream_clock")
        ).scalar()


def has_counted(site: Site, wanted: tuple[int, dt.datetime | None]) -> bool:
    return counted(site) == wanted


def has_judged(site: Site, hours: int) -> bool:
    return judged(site) == hours


def test_windows_partitions_retention_and_decisions_are_the_same_in_every_zone(
    kafka: str, sites: list[Site], tmp_path: Path
) -> None:
    stages = [logs(SPRING), logs(AUTUMN), logs(NEXT_DAY)]
    sent = [log for stage in stages for log in stage]
    (tmp_path / "labels.jsonl").write_text("\n".join(labels(sent)))
    for each in sites:
        assert (
            json.loads(
                processes.run(
                    ["-m", "services.labels", "import", str(tmp_path / "labels.jsonl"), "--json"],
                    each.environment,
                ).stdout
            )["rejected"]
            == []
        )
    with contextlib.ExitStack() as stack:
        for i, each in enumerate(sites):
            stack.enter_context(
                processes.running(["-m", "streams", "worker"], each.environment, tmp_path / f"w{i}")
            )
        for number in range(len(stages)):
            arrived = [log for stage in stages[: number + 1] for log in stage]
            for each in sites:
                produce(kafka, each.topic.name, stages[number])
            for i, each in enumerate(sites):
                wanted = (len(arrived), retention.keep_from(clock(arrived)))
                assert processes.eventually(
                    functools.partial(has_counted, each, wanted), timeout_s=240
                ), f"{counted(each)}\n{(tmp_path / f'w{i}').read_text()}"
    for each in sites:
        shown = processes.show("windows", each.environment)
        assert traffic.differences(shown, sent) == [], each.zone
        assert weeks(shown) == recounted_weeks(sent), each.zone
        assert standing(each) == kept(sent, edge=retention.keep_from(clock(stages[1]))), each.zone
    check_decisions(sites, sent, tmp_path)


def instants(of: list[dict[str, Any]]) -> list[dt.datetime]:
    return [dt.datetime.fromisoformat(log["ts"]).astimezone(dt.UTC) for log in of]


def clock(of: list[dict[str, Any]]) -> dt.datetime:
    return max(instants(of))


def weeks(shown: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
    return {
        (window["model"], window["end"]): window["n"]
        for window in shown
        if window["horizon"] == "7d"
    }


def recounted_weeks(sent: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
    """How many logs of a model lie in the week before each midnight, as far as the one in which the
    clock stands.
    """
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    newest = clock(sent)
    for log, ts in zip(sent, instants(sent), strict=True):
        for days in range(1, 8):
            end = ts.replace(hour=0, minute=0, second=0, microsecond=0) + days * DAY
            if end - DAY <= newest:
                counts[log["model"], end.isoformat().replace("+00:00", "Z")] += 1
    return dict(counts)


def standing(site: Site) -> dict[str, str]:
    """The partitions of the pane tables and their bounds."""
    query = (
        "select c.relname, pg_get_expr(c.relpartbound, c.oid)"
        " from pg_inherits i join pg_class c on c.oid = i.inhrelid where c.relkind = 'r'"
    )
    with connect.engine(site.database, poolclass=sa.NullPool).connect() as connection:
        return {row[0]: row[1] for row in connection.execute(sa.text(query))}


def kept(sent: list[dict[str, Any]], *, edge: dt.datetime) -> dict[str, str]:
    """What must stand: UTC days from `edge` on, weeks (of Thursdays) younger than 60 days."""
    bounds = {}
    epoch, newest = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), clock(sent)
    for table, width, oldest in (
        ("pane_minute", DAY, edge),
        ("pane_hour", 7 * DAY, newest - 60 * DAY),
    ):
        for slot in {ts - (ts - epoch) % width for ts in instants(sent)}:
            if slot + width > oldest:
                first, last = f"{slot:%Y-%m-%d}", f"{slot + width:%Y-%m-%d}"
                bounds[f"{table}_{slot:%Y%m%d}"] = (
                    f"FOR VALUES FROM ('{first} 00:00:00+00') TO ('{last} 00:00:00+00')"
                )
    return bounds


def check_decisions(sites: list[Site], sent: list[dict[str, Any]], tmp_path: Path) -> None:
    """Every hour with traffic is judged once, and to the same sha256 in every zone."""
    hours = {
        windows.floor(ts, dt.timedelta(hours=1)) + dt.timedelta(hours=1) for ts in instants(sent)
    }
    due = sorted(end.isoformat().replace("+00:00", "Z") for end in hours if end <= clock(sent))
    with contextlib.ExitStack() as stack:
        for i, each in enumerate(sites):
            stack.enter_context(
                processes.running(
                    ["-m", "services.scheduler"], each.environment, tmp_path / f"s{i}"
                )
            )
        for i, each in enumerate(sites):
            assert processes.eventually(
                functools.partial(has_judged, each, len(due)), timeout_s=240
            ), (tmp_path / f"s{i}").read_text()
    taken = [
        [(d["at"], d["id"], d["sha256"]) for d in processes.show("decisions", each.environment)]
        for each in sites
    ]
    assert [at for at, *_ in taken[0]] == due
    assert taken[1] == taken[2] == taken[0]
    assert len({json.dumps(processes.show("quality", each.environment)) for each in sites}) == 1


def judged(site: Site) -> int:
    with connect.engine(site.database, poolclass=sa.NullPool).connect() as connection:
        return int(connection.execute(sa.text("select count(*) from decision")).scalar_one())


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cursor", [psycopg.Cursor, connect.BinaryCursor])
def test_an_instant_is_utc_even_where_a_pooler_has_set_another_zone(
    database: str, zone: str, cursor: Any
) -> None:
    engine = connect.engine(
        database, poolclass=sa.NullPool, connect_args={"cursor_factory": cursor}
    )
    with engine.connect() as connection:
        assert connection.execute(sa.text("show timezone")).scalar() == "UTC"
        connection.execute(sa.text(f"set time zone '{zone}'"))
        twice = (
            "select timestamptz '2026-11-01 04:30:00.5Z' + n * interval '1 hour'"
            " from generate_series(0, 3) n"
        )
        instants = list(connection.execute(sa.text(twice)).scalars())
    assert instants == [
        dt.datetime(2026, 11, 1, hour, 30, 0, 500_000, tzinfo=dt.UTC) for hour in range(4, 8)
    ]
    assert {instant.tzinfo for instant in instants} == {dt.UTC}
    assert instants[-1] - instants[0] == dt.timedelta(hours=3)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/New_York"])
@pytest.mark.parametrize("cursor", [psycopg.Cursor, connect.BinaryCursor])
@pytest.mark.parametrize(
    "value",
    [
        "infinity",
        "-infinity",
        "0044-03-15 00:00Z BC",
        "10000-01-01 00:00Z",
        "9999-12-31 23:59:59-12:00",
    ],
)
def test_what_is_no_instant_for_python_is_named(
    database: str, zone: str, cursor: Any, value: str
) -> None:
    engine = connect.engine(
        database, poolclass=sa.NullPool, connect_args={"cursor_factory": cursor}
    )
    with engine.connect() as connection:
        connection.execute(sa.text(f"set time zone '{zone}'"))
        with pytest.raises((sa.exc.DataError, psycopg.DataError), match=r"year|infinity"):
            connection.execute(sa.text(f"select timestamptz '{value}'")).scalar()


def test_the_zone_of_a_process_changes_nothing() -> None:
    code = (
        "import time; from schemas import settings; settings.load();"
        " print(time.strftime('%H %Z', time.localtime(0)))"
    )
    assert processes.run(["-c", code], {"TZ": "America/New_York"}).stdout == "00 UTC\n"
