"""Postgres, read only: what the board shows. One function per question, one snapshot for them all."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from schemas import runs, tables, windows
from services import store
from services.alarms import store as alarms_store
from services.dashboard import facts
from streams.stages import store as stages_store

Connection = sa.Connection


def read(engine: sa.Engine, horizons: Iterable[str]) -> facts.Facts:
    """Everything, as of one instant: figures that stand side by side belong together."""
    with (
        engine.connect().execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        ) as connection,
        connection.begin(),
    ):
        known = stream(connection)
        return facts.Facts(
            stream=known,
            windows=[
                row
                for horizon in sorted({"1h", *horizons})
                for row in complete(connection, horizon, known)
            ],
            signals=signals(connection, known.since),
            quality=list(store.quality(connection, store.Wanted(since=known.since))),
            promotions=promotions(connection),
            references=references(connection),
            decision=decision(connection),
            action=decision(connection, holds=False),
            run=newest_run(connection),
        )


def stream(connection: Connection) -> facts.Stream:
    """How the stream stands, ages by database time."""
    known = alarms_store.facts(connection)
    clock = known.output.clock
    return facts.Stream(
        now=connection.execute(sa.select(sa.func.now())).scalar_one(),
        watermark=clock.watermark if clock else None,
        newest_end=alarms_store.newest_hour(connection),
        beat_s=clock.beat_s if clock else None,
        lag=sum(partition.lag for partition in known.partitions),
        unjudged=len(alarms_store.hours_due(connection)),
        partitions=known.partitions,
        dead=store.dead_last_hour(connection),
        open_alarms=len(alarms_store.open_alarms(connection, known)),
        scheduler=known.beat,
        decided_s=decision_delay_s(connection),
        heard=stages_store.heard(connection),
    )


def decision_delay_s(connection: Connection) -> float | None:
    """Seconds of the wall clock from the end of the newest judged hour to its decision; None before
    the first.
    """
    job = tables.job_run
    delay = sa.extract("epoch", job.c.finished_at - job.c.due_at)
    found = connection.execute(
        sa.select(delay)
        .where(job.c.job == alarms_store.HOURLY, job.c.finished_at.is_not(None))
        .order_by(job.c.due_at.desc())
        .limit(1)
    ).scalar()
    return None if found is None else float(found)


def complete(connection: Connection, horizon: str, known: facts.Stream) -> list[dict[str, Any]]:
    """The horizon's complete windows of the history; one that holds no step of it more than needed."""
    since = windows.floor(known.since, windows.STEPS[horizon])
    return [
        row
        for row in store.windows(connection, store.Wanted(horizon=horizon, since=since))
        if row["complete"]
    ]


def signals(connection: Connection, since: dt.datetime) -> list[Any]:
    """Judged signals over all intents with the limit they were judged by, oldest first."""
    table = tables.signal
    query = sa.select(table).where(
        table.c.end >= since, table.c.intent == "", table.c.verdict.is_not(None)
    )
    return list(connection.execute(query.order_by(table.c.end, table.c.model)).mappings())


def promotions(connection: Connection) -> list[Any]:
    """Who became champion when, oldest first."""
    return list(
        connection.execute(sa.select(tables.promotion).order_by(tables.promotion.c.id)).mappings()
    )


def references(connection: Connection) -> list[tuple[dt.datetime, runs.Reference]]:
    """Each reference with the instant it holds from, oldest first."""
    rows = connection.execute(
        sa.select(tables.reference.c.at, tables.reference.c.body).order_by(tables.reference.c.at)
    )
    return [(row.at, runs.reference(row.body)) for row in rows]


def decision(connection: Connection, *, holds: bool = True) -> Any:
    """The newest decision, or None; without holds the newest that asked for something."""
    table = tables.decision
    query = sa.select(table).order_by(table.c.at.desc(), table.c.taken_at.desc()).limit(1)
    return (
        connection.execute(query if holds else query.where(table.c.decision != "hold"))
        .mappings()
        .first()
    )


def newest_run(connection: Connection) -> Any:
    """The run queued last, or None."""
    return (
        connection.execute(
            sa.select(tables.run).order_by(tables.run.c.queued_at.desc(), tables.run.c.id).limit(1)
        )
        .mappings()
        .first()
    )
