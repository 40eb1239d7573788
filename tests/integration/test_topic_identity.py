"""A topic of the same name is not the same topic, and its end is not its last record: what the
stream worker says and counts where topics are made anew, producers write in transactions, and
partitions are added.
"""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import builders
import kafkas
import processes
import pytest
import sqlalchemy as sa
import traffic

from schemas import tables, topics
from services.redrive import store as redrive_store
from streams import identity, store
from streams.rollup import store as rollup_store

WORKER = ["-m", "streams", "worker"]
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


def logs(first: int, n: int, step_s: float = 0.0) -> list[bytes]:
    """The last one is of now."""
    made = []
    for number in range(first, first + n):
        before = dt.timedelta(seconds=step_s * (first + n - 1 - number))
        made.append(traffic.encode(builders.log(number, NOW - before)))
    return made


class Site:
    """A topic with a database and, now and then, a worker."""

    def __init__(self, kafka: str, database: str, topic: str, log: Path) -> None:
        self.kafka, self.topic, self.log = kafka, topic, log
        self.engine = sa.create_engine(database, poolclass=sa.NullPool)
        self.environment = {
            "INTENTWATCH_KAFKA": kafka,
            "INTENTWATCH_DATABASE_URL": database,
            "INTENTWATCH_TOPIC": topic,
        }

    def rows(self, query: str) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(sa.text(query)))

    def counted(self) -> int:
        return int(self.rows("select coalesce(sum(n), 0) from pane_minute")[0][0])

    def said(self) -> list[str]:
        query = "select payload ->> 'cause', payload ->> 'remedy' from outbox order by id"
        return [f"{cause}; {remedy}" for cause, remedy in self.rows(query)]

    def letters(self) -> list[tuple[int, bytes]]:
        rows = self.rows('select "offset", raw from dead_letter_bytes order by at, "offset"')
        return [(row.offset, bytes(row.raw)) for row in rows]

    def offsets(self) -> list[dict[str, Any]]:
        return processes.show("offsets", self.environment)

    def all_read(self, n: int, partitions: int = 1) -> bool:
        shown = [each for each in self.offsets() if each["high_watermark"]]
        lags = [each["lag"] for each in shown]
        return self.counted() == n and lags == [0] * partitions

    def reads(self, n: int, partitions: int = 1) -> None:
        """A worker that reads until all is counted, and ends in order."""
        with processes.running(WORKER, self.environment, self.log) as worker:
            assert processes.eventually(lambda: self.all_read(n, partitions)), self.why()
            worker.terminate()
            assert worker.wait(60) == 0

    def why(self) -> str:
        return f"{self.counted()} {self.offsets()} {self.log.read_text()[-3000:]}"

    def command(self, *argv: str) -> str:
        done = processes.run(["-m", *argv], self.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def doctor(self) -> dict[str, Any]:
        done = processes.run(["-m", "services.doctor", "streams", "--json"], self.environment)
        findings = [json.loads(line) for line in done.stdout.splitlines()]
        return {each["check"]: (each["status"], each["detail"]) for each in findings}


@pytest.fixture
def site(
    kafka: str, database: str, new_topic: Callable[..., topics.Topic], tmp_path: Path
) -> Callable[..., Site]:
    def make(partitions: int = 1) -> Site:
        return Site(kafka, database, new_topic(partitions).name, tmp_path / "worker.log")

    return make


def seen(topic_id: str, end: int) -> identity.Topic:
    return identity.Topic(topic_id, {0: end}, {0: end})


def stand(engine: sa.Engine, offset: int, topic_id: str | None) -> None:
    row = {"topic": "t", "part": 0, "next_offset": offset, "epoch": 1, "topic_id": topic_id}
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.stream_offset), row)


@pytest.mark.parametrize(
    ("offset", "before", "claimed"),
    [
        (0, None, "new"),  # nothing was read of it
        (0, "old", "new"),
        (30, None, "new"),  # by an older release, which knew no ids
        (40, None, "new"),
        (41, None, None),  # beyond its end: of another one
        (30, "new", "new"),
        (30, "old", "old"),
    ],
)
def test_offsets_are_of_the_topic_they_were_read_of(
    engine: sa.Engine, offset: int, before: str | None, claimed: str | None
) -> None:
    stand(engine, offset, before)
    with engine.begin() as connection:
        claim = store.claim(connection, "t", [0], seen("new", 40))[0]
    assert (claim.topic_id, claim.next_offset, claim.epoch) == (claimed, offset, 2)


@pytest.mark.parametrize(
    ("offset", "before", "left"),
    [
        (30, "old", {0: 30}),
        (41, None, {0: 41}),
        (30, None, {}),
        (30, "new", {}),
        (41, "new", {}),  # it has lost records: counted from its first one they would count twice
    ],
)
def test_only_offsets_of_another_topic_begin_anew(
    engine: sa.Engine, offset: int, before: str | None, left: dict[int, int]
) -> None:
    stand(engine, offset, before)
    with engine.begin() as connection:
        assert redrive_store.begin_anew(connection, "t", seen("new", 40)) == left
        assert redrive_store.begin_anew(connection, "other", seen("new", 40)) is None
        claim = store.claim(connection, "t", [0], seen("new", 40))[0]
    assert claim.next_offset == (0 if left else offset)
    assert claim.epoch == (3 if left else 2), "who held it is fenced"


def test_who_goes_back_is_asked_of_no_leader_and_nobody_goes_ahead(engine: sa.Engine) -> None:
    stand(engine, 100, "id")
    with engine.begin() as connection:
        store.claim(connection, "t", [0], seen("id", 140))
        moved = store.Advance(0, 2, 100, 120, None, leader_epoch=7)
        assert store.advance(connection, "t", [moved])
        assert store.claim(connection, "t", [0], seen("id", 140))[0].leader_epoch == 7

        # A worker of an older release reads on and says nothing of leaders.
        connection.execute(sa.update(tables.stream_offset).values(next_offset=130))
        assert store.claim(connection, "t", [0], seen("id", 140))[0].leader_epoch is None

        assert redrive_store.go_back(connection, "t", 0, 131) == 130
        assert store.claim(connection, "t", [0], seen("id", 140))[0].next_offset == 130
        assert redrive_store.go_back(connection, "t", 0, 40) == 130
        claim = store.claim(connection, "t", [0], seen("id", 140))[0]
        assert (claim.next_offset, claim.leader_epoch) == (40, None)
        assert redrive_store.go_back(connection, "t", 9, 0) is None


def test_ends_are_noted_of_the_topic_that_was_read_alone(engine: sa.Engine) -> None:
    stand(engine, 30, "old")
    with engine.begin() as connection:
        rollup_store.note_ends(connection, "t", seen("new", 40))
        assert rollup_store.positions(connection, "t")[0].high_watermark == 0
        rollup_store.note_ends(connection, "t", seen("old", 50))
        assert rollup_store.positions(connection, "t")[0].high_watermark == 50


def test_a_topic_made_anew_is_said_and_counted_whole_after_the_command(
    site: Callable[..., Site],
) -> None:
    here = site()
    old = logs(0, 100)
    kafkas.send(here.kafka, here.topic, [*old[:5], b"old bad", *old[6:]])
    here.reads(99)
    before = here.offsets()[0]["topic_id"]

    kafkas.remake(here.kafka, here.topic)
    new = logs(1000, 150)
    kafkas.send(here.kafka, here.topic, [*new[:5], b"NEW BAD", *new[6:]])

    done = processes.run(WORKER, here.environment)
    assert done.returncode == 5
    assert f"{here.topic} is another topic than the one that was read" in done.stderr
    assert f"`python -m services.redrive anew {here.topic}`" in done.stderr
    assert here.counted() == 99
    (said,) = here.said()
    assert "another topic" in said
    assert f"`python -m services.redrive anew {here.topic}`" in said
    status, detail = here.doctor()["topic"]
    assert (status, before in detail) == ("fail", True)

    told = here.command("services.redrive", "anew", here.topic)
    assert "0 (read up to 100)" in told
    here.reads(99 + 149)

    assert here.letters() == [(5, b"old bad"), (5, b"NEW BAD")]
    assert here.offsets()[0]["topic_id"] not in (None, before)

    ambiguous = f"{here.topic}/0/5"
    done = processes.run(["-m", "services.redrive", "show", ambiguous], here.environment)
    assert (done.returncode, f"{ambiguous}@{before}" in done.stderr) == (2, True), done.stderr
    replay = ["-m", "services.redrive", "replay", "--letter", ambiguous]
    done = processes.run(replay, here.environment)
    assert (done.returncode, f"{ambiguous}@{before}" in done.stderr) == (2, True), done.stderr
    assert "old bad" in here.command("services.redrive", "show", f"{ambiguous}@{before}")
    assert f"{ambiguous}@{before}" in here.command("services.redrive", "ls")


def test_a_topic_made_anew_under_a_running_worker_is_said_and_nothing_of_it_counted(
    site: Callable[..., Site],
) -> None:
    here = site()
    kafkas.send(here.kafka, here.topic, logs(0, 100))
    with processes.running(WORKER, here.environment, here.log) as worker:
        assert processes.eventually(lambda: here.all_read(100)), here.why()
        kafkas.remake(here.kafka, here.topic)
        kafkas.send(here.kafka, here.topic, logs(1000, 40))
        assert worker.wait(60) == 5, here.why()
    assert here.counted() == 100
    assert "is another topic than the one that was read" in here.said()[0]
    here.command("services.redrive", "anew", here.topic)
    assert "nothing to begin anew" in here.command("services.redrive", "anew", here.topic)
    here.reads(140)


def test_transactions_leave_no_lag_and_hold_no_clock(site: Callable[..., Site]) -> None:
    here = site(3)
    values = logs(0, 300, step_s=3.0)
    with (
        processes.running(WORKER, here.environment, here.log),
        kafkas.transactional(here.kafka) as sender,
    ):
        for number in range(30):
            some = values[number * 10 : number * 10 + 10]
            kafkas.transaction(sender, here.topic, some, number % 3)
        for part in range(3):
            kafkas.transaction(sender, here.topic, logs(900, 5), part, end="abort")
        assert processes.eventually(lambda: here.all_read(300, 3)), here.why()

        def clock() -> list[Any]:
            return [row[0] for row in here.rows("select watermark from stream_clock")]

        assert processes.eventually(lambda: clock() == [NOW]), (clock(), here.why())

        # Open: no lag, for nobody may read it, and it holds nothing up; the doctor names it.
        kafkas.transaction(sender, here.topic, logs(300, 7), 1, end="leave open")
        assert processes.eventually(lambda: "open" in here.doctor())
        assert here.all_read(300, 3)
        doctor = here.doctor()
        assert doctor["open"] == ("ok", "behind an open transaction: 7 records in partition 1")
        assert doctor["lag"][1] == "0 records behind"
        assert doctor["partitions"][0] == "ok"
        sender.commit_transaction(60)
        assert processes.eventually(lambda: here.all_read(307, 3)), here.why()
    assert here.said() == []


def test_partitions_of_markers_alone_and_new_ones_are_read_to_their_end_by_a_running_worker(
    site: Callable[..., Site],
) -> None:
    """0: nothing but an aborted transaction; 1: a gap in the middle; 2: plain records, as in the
    three that come later.
    """
    here = site(3)
    with (
        processes.running(WORKER, here.environment, here.log),
        kafkas.transactional(here.kafka) as sender,
    ):
        kafkas.transaction(sender, here.topic, logs(10, 5), 0, end="abort")
        kafkas.transaction(sender, here.topic, logs(20, 2), 1)
        kafkas.transaction(sender, here.topic, logs(30, 3), 1, end="abort")
        kafkas.transaction(sender, here.topic, logs(40, 2), 1)
        kafkas.send(here.kafka, here.topic, logs(0, 4), 2)
        assert processes.eventually(lambda: here.all_read(8, 3)), here.why()
        offsets = {each["partition"]: each["next_offset"] for each in here.offsets()}
        assert offsets == {0: 6, 1: 10, 2: 4}
        flushed = here.rows("select max(updated_at) from stream_offset")

        kafkas.widen(here.kafka, here.topic, 6)
        for part in range(3, 6):
            kafkas.send(here.kafka, here.topic, logs(part * 100, 10), part)
        assert processes.eventually(lambda: here.all_read(38, 6), 30), here.why()
        unmoved = "select max(updated_at) from stream_offset where part < 3"
        assert here.rows(unmoved) == flushed, "nothing new, so nothing was stored"
        # What comes after the markers is counted.
        kafkas.send(here.kafka, here.topic, logs(50, 3), 0)
        assert processes.eventually(lambda: here.all_read(41, 6)), here.why()
    assert here.said() == []
