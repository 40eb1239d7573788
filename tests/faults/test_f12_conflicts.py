"""F12: deadlocks (40P01) and serialization failures (40001), real ones, provoked by a second
session; every one is retried.
"""

import time
from collections.abc import Callable

import sqlalchemy as sa
from faults import feed, invent, lab, servers

SEED = 112
DEADLOCKS = 10
CLASHES = 40


def test_deadlocks_and_serialization_failures(site: lab.Lab) -> None:
    log = servers.named(site.owner, "postgres").log
    seen = log.stat().st_size
    engine = sa.create_engine(
        site.database, poolclass=sa.NullPool, isolation_level="READ COMMITTED"
    )
    with feed.flowing(site.kafka, site.topic, invent.records(200_000, SEED), seconds=50):
        worker = site.crew.start("one")
        site.moves()
        for _ in range(DEADLOCKS):
            _tangle(engine)
            site.moves()
        name = sa.make_url(site.database).database
        servers.execute(
            site.database,
            f"alter database \"{name}\" set default_transaction_isolation = 'repeatable read'",
        )
        servers.execute(
            site.database,
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()",
        )
        for _ in range(CLASHES):
            _clash(engine)
        site.moves()
        servers.execute(
            site.database, f'alter database "{name}" reset default_transaction_isolation'
        )
        assert worker.process.poll() is None, site.crew.said()
    said = log.read_text(errors="replace")[seen:]
    deadlocks, clashes = (
        said.count("ERROR:  deadlock detected"),
        said.count("ERROR:  could not serialize access"),
    )
    assert deadlocks >= DEADLOCKS / 2
    assert clashes >= CLASHES / 4
    site.conclude(
        "F12",
        injected=deadlocks + clashes,
        at_least=15,
        more=f"deadlocks={deadlocks} serialization={clashes} seed={SEED}",
    )


def _tangle(engine: sa.Engine) -> None:
    """Hold what a flush takes last, let a flush take its rows and wait, then want those rows."""
    with engine.connect() as connection:
        _stubborn(connection)
        connection.execute(sa.text("set statement_timeout = '15s'"))
        connection.execute(sa.text("lock table pane_minute in share mode"))
        time.sleep(0.4)
        connection.execute(sa.text("select from stream_offset for update"))
        connection.rollback()


def _clash(engine: sa.Engine, hold: Callable[[float], None] = time.sleep) -> None:
    """Change the rows that a flush is about to change, under its snapshot."""
    with engine.connect() as connection:
        _stubborn(connection)
        connection.execute(sa.text("update stream_offset set updated_at = now()"))
        hold(0.1)
        connection.commit()
    hold(0.05)


def _stubborn(connection: sa.Connection) -> None:
    """In a deadlock this session never gives way: it is the flush that Postgres ends."""
    connection.execute(sa.text("set deadlock_timeout = '20s'"))
