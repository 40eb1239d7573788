"""The control: plain Faust under two of these faults does lose and does double, and the comparison
used here sees both.
"""

import collections
import json
import sys
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from faults import conftest, crew, feed, invent, kafka_log, servers

from services.local import supervisor, topology

SEED = 100
N = 3_000
APP = Path(__file__).with_name("stock_faust.py")


def _settled(database: str, wanted: int) -> None:
    """Until the sum has reached what is wanted, or stands still for twelve seconds, twice a
    session.
    """
    last, still = -1, 0
    for _ in crew.until(60, 0.5):
        now = servers.scalar(database, "select sum(n) from counted")
        still = still + 1 if now == last and now else 0
        last = now
        if now >= wanted or still > 24:
            return


def _verdict(kafka: str, topic: str, database: str) -> tuple[int, int]:
    """Logs lost and doubled, each by its own id."""
    sent = collections.Counter(
        json.loads(record.value)["req_id"]
        for batch in kafka_log.stored(kafka, topic)
        for record in batch
    )
    engine = sa.create_engine(database, poolclass=sa.NullPool)
    with engine.connect() as connection:
        held = collections.Counter(
            {
                row.req_id: row.n
                for row in connection.execute(sa.text("select req_id, n from counted"))
            }
        )
    return (sent - held).total(), (held - sent).total()


def _run(
    owner: supervisor.Supervisor, kafka: str, topic: str, database: str, log: Path, **more: str
) -> supervisor.Child:
    plain = sa.make_url(database).set(drivername="postgresql").render_as_string(hide_password=False)
    environment = (
        topology.inherited()
        | {"STOCK_KAFKA": kafka, "STOCK_TOPIC": topic, "STOCK_DATABASE": plain}
        | more
    )
    return owner.start(
        "stock",
        [sys.executable, str(APP), "worker", "-l", "error", "--without-web"],
        log=log,
        env=environment,
    )


def test_an_exception_acknowledges_its_log(
    kafka: str, empty_database: str, say: Callable[[str], None], tmp_path: Path
) -> None:
    topic = conftest.topic_on(kafka, 1)
    servers.execute(empty_database, "create table counted (req_id text primary key, n integer)")
    feed.send(kafka, topic, [invent.Record(value, batch=False) for value in invent.logs(N, SEED)])
    with supervisor.Supervisor(patience_s=5) as owner:
        _run(owner, kafka, topic, empty_database, tmp_path / "log", STOCK_FAILS_AT="1000")
        _settled(empty_database, N)
    lost, duplicated = _verdict(kafka, topic, empty_database)
    say(f"CONTROL exception lost={lost} dup={duplicated} n={N} injected=1 seed={SEED}")
    assert lost >= 1


def test_a_kill_doubles(
    kafka: str, empty_database: str, say: Callable[[str], None], tmp_path: Path
) -> None:
    topic = conftest.topic_on(kafka, 1)
    servers.execute(empty_database, "create table counted (req_id text primary key, n integer)")
    feed.send(kafka, topic, [invent.Record(value, batch=False) for value in invent.logs(N, SEED)])
    with supervisor.Supervisor(patience_s=5) as owner:
        worker = _run(owner, kafka, topic, empty_database, tmp_path / "log")
        for _ in crew.until(60, 0.02):
            if servers.scalar(empty_database, "select sum(n) from counted") >= N / 10:
                break
        worker.process.kill()
        worker.process.wait(10)
        _run(owner, kafka, topic, empty_database, tmp_path / "log")
        _settled(empty_database, 2 * N)
    lost, duplicated = _verdict(kafka, topic, empty_database)
    say(f"CONTROL kill lost={lost} dup={duplicated} n={N} injected=1 seed={SEED}")
    assert duplicated >= 1
