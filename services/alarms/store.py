"""Postgres, read only: how everything stands that should move, and which alarms still hold. One
function per question.
"""

import datetime as dt

import sqlalchemy as sa

from schemas import messages, runs, tables, times
from services.alarms import causes, state
from streams.stages import store as stages_store

BEAT, BEAT_S = "scheduler", 10  # the lease that schedulers renew as they tick, and for how long
HOURLY = "hourly"  # the job that judges an hour


def facts(connection: sa.Connection, topic: str | None = None) -> state.Facts:
    """Everything the alarms rest on, of one topic or of all."""
    return state.Facts(
        partitions(connection, topic),
        beat(connection),
        stages_store.failing(connection),
        output(connection, topic),
    )


def partitions(connection: sa.Connection, topic: str | None = None) -> list[state.Partition]:
    """How every partition moves, of one topic or of all."""
    table = tables.stream_offset
    still_s = sa.extract("epoch", sa.func.clock_timestamp() - table.c.updated_at)
    query = sa.select(table, still_s.label("still_s")).order_by(table.c.topic, table.c.part)
    if topic is not None:
        query = query.where(table.c.topic == topic)
    return [
        state.Partition(
            r.topic,
            r.part,
            r.next_offset,
            r.high_watermark,
            r.bad_until,
            r.updated_at,
            float(r.still_s),
            r.stalls,
            r.max_event_ts,
        )
        for r in connection.execute(query)
    ]


def hours_due(connection: sa.Connection, limit: int | None = None) -> list[dt.datetime]:
    """Ends of complete hours with champion traffic whose hourly job is neither done nor set aside,
    oldest first.
    """
    window, job = tables.window_state, tables.job_run
    settled = sa.exists().where(
        job.c.job == HOURLY, job.c.due_at == window.c.end, job.c.retry_at.is_(None)
    )
    query = (
        sa.select(window.c.end)
        .distinct()
        .where(
            window.c.horizon == "1h",
            window.c.role == "champion",
            window.c.complete,
            sa.not_(settled),
        )
    )
    return list(connection.execute(query.order_by(window.c.end).limit(limit)).scalars())


def newest_hour(connection: sa.Connection) -> dt.datetime | None:
    """The end of the champion's newest complete hour; None before the first."""
    window = tables.window_state
    hours = (window.c.horizon == "1h", window.c.role == "champion", window.c.complete)
    query = sa.select(window.c.end).where(*hours).order_by(window.c.end.desc()).limit(1)
    return connection.execute(query).scalar()


def hours_set_aside(connection: sa.Connection) -> list[state.Aside]:
    """The hours that could not be judged, oldest first."""
    job = tables.job_run
    query = sa.select(job.c.due_at, job.c.claimed_at).where(
        job.c.job == HOURLY, job.c.finished_at.is_(None), job.c.retry_at.is_(None)
    )
    return [
        state.Aside(row.due_at, row.claimed_at)
        for row in connection.execute(query.order_by(job.c.due_at))
    ]


def beat(connection: sa.Connection) -> state.Beat | None:
    """When a scheduler ticked last, by database time; None if none ever did."""
    table, now = tables.lease, sa.func.clock_timestamp()
    at = table.c.expires_at - sa.text(f"interval '{BEAT_S} seconds'")
    row = connection.execute(
        sa.select(at, sa.extract("epoch", now - at)).where(table.c.name == BEAT)
    ).first()
    return None if row is None else state.Beat(row[0], float(row[1]))


def output(connection: sa.Connection, topic: str | None = None) -> state.Output:
    """What should have come out of what went in."""
    return state.Output(
        clock=clock(connection, topic),
        minute=oldest_minute(connection),
        run=run_waiting(connection),
        unpromoted=unpromoted(connection),
        due=hours_due(connection, 500),
        set_aside=hours_set_aside(connection),
    )


def clock(connection: sa.Connection, topic: str | None = None) -> state.Clock | None:
    """How the stream's clock stands; None before the first log."""
    table = tables.stream_clock
    ages = (_age_s(at) for at in (table.c.moved_at, table.c.watermark, table.c.updated_at))
    query = sa.select(table.c.watermark, *ages).order_by(table.c.watermark.desc()).limit(1)
    row = connection.execute(
        query if topic is None else query.where(table.c.topic == topic)
    ).first()
    return None if row is None else state.Clock(row[0], *map(float, row[1:]))


def oldest_minute(connection: sa.Connection) -> state.Waiting | None:
    """The changed minute that has waited longest for the roll-up."""
    table = tables.pane_dirty
    row = connection.execute(
        sa.select(table.c.start, table.c.marked_at, _age_s(table.c.marked_at))
        .order_by(table.c.marked_at)
        .limit(1)
    ).first()
    return None if row is None else state.Waiting(times.rfc3339(row[0]), row[1], float(row[2]))


def run_waiting(connection: sa.Connection) -> state.Waiting | None:
    """The run that was queued first, while no retrain worker is there; it has waited since it was
    queued, or since the last worker let go.
    """
    run, lease = tables.run, tables.lease
    held = (
        sa.select(sa.func.max(lease.c.expires_at))
        .where(lease.c.name.startswith("retrain"))
        .scalar_subquery()
    )
    since = sa.func.greatest(run.c.queued_at, held)
    query = sa.select(run.c.id, since, _age_s(since)).where(
        run.c.state == runs.State.QUEUED,
        sa.func.coalesce(held, run.c.queued_at) <= sa.func.clock_timestamp(),
    )
    row = connection.execute(query.order_by(run.c.queued_at).limit(1)).first()
    return None if row is None else state.Waiting(row[0], row[1], float(row[2]))


def unpromoted(connection: sa.Connection) -> str | None:
    """The model of the newest complete champion hour, while nothing has ever been promoted."""
    table = tables.window_state
    hour = (table.c.horizon == "1h", table.c.role == "champion", table.c.complete)
    never = sa.not_(sa.exists().select_from(tables.promotion))
    return connection.execute(
        sa.select(table.c.model).where(*hour, never).order_by(table.c.end.desc()).limit(1)
    ).scalar()


def _age_s(at: "sa.ColumnElement[dt.datetime]") -> sa.Extract:
    return sa.extract("epoch", sa.func.clock_timestamp() - at)


def open_alarms(connection: sa.Connection, facts: state.Facts) -> list[messages.AlarmRaised]:
    """The alarms told whose cause still holds, oldest first."""
    table = tables.outbox
    standing = [messages.alarm_key(key) for key in sorted(causes.standing(facts))]
    query = sa.select(table.c.payload).where(
        table.c.kind == messages.Kind.ALARM, table.c.dedupe_key.in_(standing)
    )
    told = (
        messages.read(messages.Kind.ALARM, payload)
        for payload in connection.execute(query.order_by(table.c.id)).scalars()
    )
    return [alarm for alarm in told if isinstance(alarm, messages.AlarmRaised)]
