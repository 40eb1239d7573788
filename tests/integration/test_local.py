"""The embedded parts keep their data through kill -9 and leave nothing behind, however they end."""

import contextlib
import datetime as dt
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import processes
import psutil
import pytest
import sqlalchemy as sa
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from schemas import tables, topics
from services import provision
from services.local import jars, kafka, postgres, supervisor, topology
from services.local.demo import stage
from streams import connect

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def up(directory: Path | None) -> Iterator["subprocess.Popen[str]"]:
    argv = [
        sys.executable,
        "-m",
        "services.local",
        "up",
        *(["--dir", str(directory)] if directory else []),
    ]
    process = subprocess.Popen(
        argv,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=topology.inherited(),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def exports(process: "subprocess.Popen[str]") -> dict[str, str]:
    assert process.stdout is not None
    values: dict[str, str] = {}
    for line in process.stdout:
        if line.strip() == "# ready":
            return values
        name, _, value = line.strip().removeprefix("export ").partition("=")
        values[name] = value
    raise AssertionError(f"never ready: {process.stderr.read() if process.stderr else ''}")


def family(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    return list(psutil.Process(process.pid).children(recursive=True))


def gone(family: list[psutil.Process]) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family)


@pytest.mark.parametrize(
    ("how", "status"),
    [(signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGINT, 130), (signal.SIGKILL, -9)],
)
def test_no_child_survives_its_supervisor(tmp_path: Path, how: signal.Signals, status: int) -> None:
    with up(tmp_path / "d") as process:
        addresses = exports(process)
        children = family(process)
        assert {
            "INTENTWATCH_KAFKA",
            "INTENTWATCH_DATABASE_URL",
            "INTENTWATCH_MODELS",
        } <= addresses.keys()
        assert len(children) >= 2
        process.send_signal(how)
        assert process.wait(60) == status
        assert processes.eventually(lambda: gone(children))


@pytest.mark.parametrize(
    "presses",
    [(signal.SIGTERM,), (signal.SIGHUP,), (signal.SIGINT,) * 3],
    ids=["term", "hangup", "three Ctrl-C"],
)
def test_a_temporary_directory_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, presses: tuple[signal.Signals, ...]
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with up(None) as process:
        exports(process)
        children = family(process)
        assert list(tmp_path.glob("intentwatch-*"))
        for press in presses:
            process.send_signal(press)
            time.sleep(0.3)
        assert process.wait(60) == (130 if signal.SIGINT in presses else 0)
        assert gone(children)
        assert process.stderr is not None
        assert (
            process.stderr.read().count("stopping what was started; a second Ctrl-C kills it") == 1
        )
    assert not list(tmp_path.glob("intentwatch-*"))


def test_what_a_kill_leaves_behind_is_swept_by_the_next_one_and_nothing_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with up(None) as process:
        exports(process)
        children = family(process)
        process.kill()
        process.wait(60)
        assert processes.eventually(lambda: gone(children))
    (left,) = tmp_path.glob("intentwatch-*")
    with topology.directory(None) as running:
        assert not left.exists()
        being_made = tmp_path / "intentwatch-new"
        being_made.mkdir()
        topology.sweep()
        assert running.exists()
        assert being_made.exists()
    assert not running.exists()


def test_three_presses_end_a_demo_and_all_that_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    argv = [sys.executable, "-m", "services.local.demo", "--short"]
    demo = subprocess.Popen(
        argv,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=topology.inherited(),
    )
    try:
        assert demo.stdout is not None
        assert any(line.startswith("board ") for line in demo.stdout), demo.communicate()
        children = family(demo)
        assert len(children) >= 9
        for _ in range(3):
            demo.send_signal(signal.SIGINT)
            time.sleep(0.2)
        _, said = demo.communicate(timeout=60)
    finally:
        demo.kill()
    assert demo.returncode == 130
    assert "stopping what was started" in said
    assert (
        said.splitlines()[-1] == "intentwatch: stopped; everything that the demo started has ended"
    )
    assert gone(children)
    assert not list(tmp_path.glob("intentwatch-*"))


def test_a_second_one_on_the_same_directory_is_told_so(tmp_path: Path) -> None:
    with topology.directory(tmp_path / "d"), up(tmp_path / "d") as second:
        _, err = second.communicate(timeout=60)
    assert second.returncode == 75
    assert "in use" in err
    assert err.count("\n") == 1


def test_data_survives_kill_9_of_both_servers(tmp_path: Path) -> None:
    topic = topics.Topic("kept", "req_id", 1, 10_000_000, "", (), ())
    for round_ in (1, 2):
        with topology.embedded(tmp_path / "d") as (addresses, owner):
            provision.topics(addresses.kafka, (topic,))
            _write(addresses)
            assert _count(addresses) == (round_, round_)
            for child in owner.children:
                os.kill(child.process.pid, signal.SIGKILL)
                child.process.wait()


def _write(addresses: topology.Addresses) -> None:
    engine = connect.engine(addresses.database_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("create table if not exists kept (id int)"))
        connection.execute(sa.text("insert into kept values (1)"))
    producer = KafkaProducer(bootstrap_servers=addresses.kafka, acks="all")
    producer.send("kept", b"1").get(timeout=20)
    producer.close()


def _count(addresses: topology.Addresses) -> tuple[int, int]:
    engine = connect.engine(addresses.database_url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        rows = connection.execute(sa.text("select count(*) from kept")).scalar_one()
    consumer = KafkaConsumer(bootstrap_servers=addresses.kafka)
    ends = consumer.end_offsets([TopicPartition("kept", 0)])
    consumer.close()
    return rows, ends[TopicPartition("kept", 0)]


def test_a_child_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with supervisor.Supervisor() as owner:
        child = owner.start(
            "broken", ["sh", "-c", "echo no such thing; exit 3"], log=tmp_path / "log"
        )
        with pytest.raises(supervisor.NotReady, match="status 3: no such thing"):
            supervisor.wait_ready(child, lambda: False, timeout_s=30)


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    with supervisor.Supervisor(patience_s=0.5) as owner:
        child = owner.start(
            "deaf",
            ["sh", "-c", "trap '' TERM; echo on; while :; do sleep 0.1; done"],
            log=tmp_path / "log",
        )
        supervisor.wait_ready(child, lambda: "on" in child.log.read_text(), timeout_s=30)
    assert child.process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("environment", "status", "says"),
    [
        ({}, 3, "INTENTWATCH_KAFKA is not set"),
        ({"INTENTWATCH_KAFKA": "127.0.0.1:1"}, 4, "no Kafka broker answers at 127.0.0.1:1"),
    ],
)
def test_provision_names_cause_and_remedy(
    environment: dict[str, str], status: int, says: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.provision"],
        env=topology.inherited() | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (status, "")
    assert says in done.stderr.splitlines()[-1]


def test_nobody_answers_where_nobody_listens() -> None:
    assert not kafka.answers("127.0.0.1:1")
    assert not postgres.answers("postgresql+psycopg://postgres@127.0.0.1:1/postgres")


def test_whoever_fetches_the_archives_second_takes_the_first_ones(tmp_path: Path) -> None:
    made, target = tmp_path / "made", tmp_path / "kafka"
    for folder in (made, target):
        folder.mkdir()
        (folder / "a.jar").write_text(folder.name)
    jars._move(made, target)
    assert (target / "a.jar").read_text() == "kafka"
    with pytest.raises(OSError, match="No such file"):
        jars._move(made, tmp_path / "nowhere" / "kafka")


def test_a_wait_lasts_as_long_as_anything_moves_and_no_longer(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "PATIENCE_S", 0.5)
    engine = sa.create_engine(database, poolclass=sa.NullPool)
    hours: list[dt.datetime] = []

    def judge_an_hour() -> None:
        if len(hours) < 20:  # 20 polls of a tenth of a second: four times as long as its patience
            hours.append(dt.datetime(2026, 4, 20, tzinfo=dt.UTC) + dt.timedelta(hours=len(hours)))
            with engine.begin() as connection:
                connection.execute(
                    tables.job_run.insert().values(job="hourly", due_at=hours[-1], owner="test")
                )

    with supervisor.Supervisor() as owner:
        on = stage.Stage(
            topology.Addresses("", database, tmp_path), {}, owner, engine, tmp_path, 0, []
        )
        on.wait(lambda: len(hours) == 20, "twenty hours", judge_an_hour)
        with pytest.raises(supervisor.TooSlow, match="waited 0 s for a day, and nothing moved"):
            on.wait(lambda: False, "a day", judge_an_hour)
        owner.start(
            "gateway", ["sh", "-c", "echo no such port; exit 3"], log=tmp_path / "gateway.log"
        )
        with pytest.raises(stage.Ended, match="gateway ended with status 3: no such port"):
            on.wait(lambda: False, "a day")
