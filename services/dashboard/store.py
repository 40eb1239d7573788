"""Postgres, read only: what the board shows. One function per question, one snapshot for all."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from schemas import runs, tables, windows
from schemas import signals as signal_names
from services import store
from services.alarms import store as alarms_store
from services.dashboard import facts
from streams.stages import store as stages_store

Connection = sa.Connection
Query = sa.Select[Any]
Reference = runs.Reference
Stream = facts.Stream


def read(engine: sa.Engine, horizons: Iterable[str]) -> facts.Facts:
    """Everything, as of one instant: figures that stand side by side belong together."""
    snapshot = engine.connect().execution_options(
        isolation_level="REPEATABLE READ",
        postgresql_readonly=True,
    )
    with snapshot as connection, connection.begin():
        now = stream(connection)
        shown: list[facts.Row] = []
        for horizon in sorted({"1h", *horizons}):
            shown += complete(connection, horizon, now)

        since = store.Wanted(since=now.since)
        return facts.Facts(
            stream=now,
            windows=shown,
            signals=signals(connection, now.since),
            quality=list(store.quality(connection, since)),
            promotions=promotions(connection),
            references=references(connection),
            decision=decision(connection),
            action=decision(connection, holds=False),
            run=newest_run(connection),
            loudest=loudest(connection, now.since),
        )


def stream(connection: Connection) -> Stream:
    """How the stream stands, ages by database time."""
    causes = alarms_store.facts(connection)
    now = connection.execute(sa.select(sa.func.now())).scalar_one()
    clock = causes.output.clock
    due = alarms_store.hours_due(connection)
    alarms = alarms_store.open_alarms(connection, causes)
    return Stream(
        now=now,
        watermark=clock.watermark if clock else None,
        newest_end=alarms_store.newest_hour(connection),
        beat_s=clock.beat_s if clock else None,
        lag=sum(partition.lag for partition in causes.partitions),
        unjudged=len(due),
        partitions=causes.partitions,
        dead=store.dead_last_hour(connection),
        open_alarms=len(alarms),
        scheduler=causes.beat,
        decided_s=decision_delay_s(connection),
        heard=stages_store.heard(connection),
    )


def decision_delay_s(connection: Connection) -> float | None:
    """Seconds of the wall clock from the end of the newest judged hour to its decision; None before
    the first.
    """
    job = tables.job_run
    delay = sa.extract("epoch", job.c.finished_at - job.c.due_at)
    query = sa.select(delay).where(
        job.c.job == alarms_store.HOURLY,
        job.c.finished_at.is_not(None),
    )
    newest = query.order_by(job.c.due_at.desc()).limit(1)
    seconds = connection.execute(newest).scalar()
    return None if seconds is None else float(seconds)


def complete(
    connection: Connection,
    horizon: str,
    now: Stream,
) -> list[dict[str, Any]]:
    """The horizon's complete windows of the history; of the one before it begins at most a step."""
    step = windows.STEPS[horizon]
    since = windows.floor(now.since, step)
    wanted = store.Wanted(horizon=horizon, since=since)
    rows = store.windows(connection, wanted)
    return [row for row in rows if row["complete"]]


def signals(connection: Connection, since: dt.datetime) -> list[Any]:
    """Judged signals over all intents with the limit they were judged by, oldest first."""
    table = tables.signal
    query = sa.select(table).where(
        table.c.end >= since,
        table.c.intent == "",
        table.c.verdict.is_not(None),
    )
    query = query.order_by(table.c.end, table.c.model)
    return _rows(connection, query)


def loudest(connection: Connection, since: dt.datetime) -> Any:
    """The newest day's largest share of one conversation, or None."""
    table = tables.signal
    query = sa.select(table).where(
        table.c.end >= since,
        table.c.signal == signal_names.CONVERSATION_SHARE,
        table.c.value.is_not(None),
    )
    newest = query.order_by(table.c.end.desc()).limit(1)
    return connection.execute(newest).mappings().first()


def promotions(connection: Connection) -> list[Any]:
    """Who became champion when, oldest first."""
    table = tables.promotion
    query = sa.select(table).order_by(table.c.id)
    return _rows(connection, query)


def references(connection: Connection) -> list[tuple[dt.datetime, Reference]]:
    """Each reference with the instant it holds from, oldest first."""
    table = tables.reference
    query = sa.select(table.c.at, table.c.body).order_by(table.c.at)
    history = []
    for at, body in connection.execute(query):
        history.append((at, runs.reference(body)))
    return history


def decision(connection: Connection, *, holds: bool = True) -> Any:
    """The newest decision, or None; without holds the newest that asked for something."""
    table = tables.decision
    query = sa.select(table)
    if not holds:
        query = query.where(table.c.decision != "hold")
    newest_first = query.order_by(
        table.c.at.desc(),
        table.c.taken_at.desc(),
    )
    return _first(connection, newest_first)


def newest_run(connection: Connection) -> Any:
    """The run queued last, or None."""
    table = tables.run
    query = sa.select(table).order_by(
        table.c.queued_at.desc(),
        table.c.id,
    )
    return _first(connection, query)


def _rows(connection: Connection, query: Query) -> list[Any]:
    """All rows of the query, as mappings."""
    answer = connection.execute(query)
    return list(answer.mappings())


def _first(connection: Connection, query: Query) -> Any:
    """The query's first row, or None."""
    answer = connection.execute(query.limit(1))
    return answer.mappings().first()
