"""Postgres, read only: how everything stands that should move, and which alarms still hold. One
function per question.
"""

import datetime as dt
from typing import Any

import msgspec
import sqlalchemy as sa

from schemas import decisions, messages, runs, tables, times
from services.alarms import causes, state
from streams.stages import store as stages_store

BEAT, BEAT_S = "scheduler", 10  # the lease that schedulers renew as they tick, and for how long
LEAST_S = 60.0  # an alarm stands for at least so long
HOURLY = "hourly"  # the job that judges an hour


def facts(connection: sa.Connection, topic: str | None = None) -> state.Facts:
    """Everything the alarms rest on, of one topic or of all."""
    return state.Facts(
        partitions=partitions(connection, topic),
        beat=beat(connection),
        stages=stages_store.failing(connection),
        output=output(connection, topic),
    )


def partitions(connection: sa.Connection, topic: str | None = None) -> list[state.Partition]:
    """How every partition moves, of one topic or of all."""
    table = tables.stream_offset
    still_s = _age_s(table.c.updated_at).label("still_s")
    query = sa.select(table, still_s)
    query = query.order_by(table.c.topic, table.c.part)
    if topic is not None:
        query = query.where(table.c.topic == topic)

    rows = connection.execute(query)
    return [_partition(row) for row in rows]


def _partition(row: "sa.Row[Any]") -> state.Partition:
    return state.Partition(
        topic=row.topic,
        part=row.part,
        next_offset=row.next_offset,
        high_watermark=row.high_watermark,
        bad_until=row.bad_until,
        moved_at=row.updated_at,
        still_s=float(row.still_s),
        stalls=row.stalls,
        max_event_ts=row.max_event_ts,
        log_end=row.log_end or 0,
        topic_id=row.topic_id or "",
    )


def hours_due(connection: sa.Connection, limit: int | None = None) -> list[dt.datetime]:
    """Ends of complete hours with champion traffic whose hourly job is neither done nor set aside,
    oldest first.
    """
    window, job = tables.window_state, tables.job_run
    settled = sa.exists().where(
        job.c.job == HOURLY,
        job.c.due_at == window.c.end,
        job.c.retry_at.is_(None),
    )
    query = sa.select(window.c.end).distinct()
    query = query.where(
        *_champion_hour(window),
        sa.not_(settled),
    )
    query = query.order_by(window.c.end)
    query = query.limit(limit)
    return list(connection.execute(query).scalars())


def _champion_hour(window: sa.Table) -> tuple[sa.ColumnElement[bool], ...]:
    """The champion's complete hours."""
    return (
        window.c.horizon == "1h",
        window.c.role == "champion",
        window.c.complete,
    )


def newest_hour(connection: sa.Connection) -> dt.datetime | None:
    """The end of the champion's newest complete hour; None before the first."""
    window = tables.window_state
    query = sa.select(window.c.end)
    query = query.where(*_champion_hour(window))
    query = query.order_by(window.c.end.desc())
    query = query.limit(1)
    return connection.execute(query).scalar()


def hours_set_aside(connection: sa.Connection) -> list[state.Aside]:
    """The hours that could not be judged, oldest first."""
    job = tables.job_run
    query = sa.select(job.c.due_at, job.c.claimed_at)
    query = query.where(
        job.c.job == HOURLY,
        job.c.finished_at.is_(None),
        job.c.retry_at.is_(None),
    )
    rows = connection.execute(query.order_by(job.c.due_at))
    return [state.Aside(row.due_at, row.claimed_at) for row in rows]


def beat(connection: sa.Connection) -> state.Beat | None:
    """When a scheduler ticked last, by database time; None if none ever did."""
    table = tables.lease
    held_for = sa.text(f"interval '{BEAT_S} seconds'")
    at = table.c.expires_at - held_for
    query = sa.select(at, _age_s(at))
    query = query.where(table.c.name == BEAT)
    row = connection.execute(query).first()
    if row is None:
        return None
    ticked, age_s = row
    return state.Beat(ticked, float(age_s))


def output(connection: sa.Connection, topic: str | None = None) -> state.Output:
    """What should have come out of what went in."""
    return state.Output(
        clock=clock(connection, topic),
        minute=oldest_minute(connection),
        run=run_waiting(connection),
        unpromoted=unpromoted(connection),
        due=hours_due(connection, 500),
        set_aside=hours_set_aside(connection),
        distrusted=distrusted(connection),
        newest_run=newest_run(connection),
    )


def distrusted(connection: sa.Connection) -> list[state.Distrusted]:
    """Whose labels the newest decision does not rest on."""
    table = tables.decision
    newest = sa.select(table.c.at, table.c.evidence["aside"])
    row = connection.execute(newest.order_by(table.c.at.desc()).limit(1)).first()
    if row is None:
        return []
    at, sources = row
    every = msgspec.convert(sources or [], list[decisions.Aside])
    return [state.Distrusted(at, source) for source in every]


def clock(connection: sa.Connection, topic: str | None = None) -> state.Clock | None:
    """How the stream's clock stands; None before the first log."""
    table = tables.stream_clock
    query = sa.select(
        table.c.watermark,
        _age_s(table.c.moved_at),
        _age_s(table.c.watermark),
        _age_s(table.c.updated_at),
    )
    if topic is not None:
        query = query.where(table.c.topic == topic)
    query = query.order_by(table.c.watermark.desc())
    row = connection.execute(query.limit(1)).first()
    if row is None:
        return None
    watermark, still_s, behind_s, beat_s = row
    return state.Clock(
        watermark=watermark,
        still_s=float(still_s),
        behind_s=float(behind_s),
        beat_s=float(beat_s),
    )


def oldest_minute(connection: sa.Connection) -> state.Waiting | None:
    """The changed minute that has waited longest for the roll-up."""
    table = tables.pane_dirty
    marked_at = table.c.marked_at
    query = sa.select(
        table.c.start,
        marked_at,
        _age_s(marked_at),
    )
    query = query.order_by(marked_at)
    row = connection.execute(query.limit(1)).first()
    if row is None:
        return None
    start, since, age_s = row
    return state.Waiting(
        name=times.rfc3339(start),
        since=since,
        age_s=float(age_s),
    )


def run_waiting(connection: sa.Connection) -> state.Waiting | None:
    """The run that was queued first, while no retrain worker is there; it has waited since it was
    queued, or since the last worker let go.
    """
    run, lease = tables.run, tables.lease
    last_lease = sa.select(sa.func.max(lease.c.expires_at))
    last_lease = last_lease.where(lease.c.name.startswith("retrain"))
    held_until = last_lease.scalar_subquery()

    since = sa.func.greatest(run.c.queued_at, held_until)
    nobody = sa.func.coalesce(held_until, run.c.queued_at) <= sa.func.clock_timestamp()
    query = sa.select(
        run.c.id,
        since,
        _age_s(since),
    )
    query = query.where(
        run.c.state == runs.State.QUEUED,
        nobody,
    )
    query = query.order_by(run.c.queued_at)
    row = connection.execute(query.limit(1)).first()
    if row is None:
        return None
    run_id, waiting_since, age_s = row
    return state.Waiting(
        name=run_id,
        since=waiting_since,
        age_s=float(age_s),
    )


def newest_run(connection: sa.Connection) -> str | None:
    """The run that was queued last."""
    run = tables.run
    query = sa.select(run.c.id).order_by(run.c.queued_at.desc(), run.c.id.desc())
    return connection.execute(query.limit(1)).scalar()


def unpromoted(connection: sa.Connection) -> str | None:
    """The model of the newest complete champion hour, while nothing has ever been promoted."""
    window = tables.window_state
    promoted = sa.exists().select_from(tables.promotion)
    query = sa.select(window.c.model)
    query = query.where(
        *_champion_hour(window),
        sa.not_(promoted),
    )
    query = query.order_by(window.c.end.desc())
    query = query.limit(1)
    return connection.execute(query).scalar()


def _age_s(at: "sa.ColumnElement[dt.datetime]") -> sa.Extract:
    return sa.extract("epoch", sa.func.clock_timestamp() - at)


def over(
    connection: sa.Connection,
    facts: state.Facts,
    topic: str | None = None,
) -> list[messages.AlarmOver]:
    """The alarms told whose cause holds no more, oldest first, each until that is told, too. One is
    told for a while before it may be over: what it tells of may need a moment to be seen. Facts of
    one topic say nothing of another one's.
    """
    told, ended = tables.outbox, tables.outbox.alias("ended")
    said = sa.exists().where(ended.c.dedupe_key == told.c.dedupe_key + messages.OVER)
    age_s = _age_s(told.c.created_at)
    query = sa.select(told.c.payload, age_s).where(
        told.c.kind == messages.Kind.ALARM,
        told.c.payload["lasts"].as_boolean(),
        age_s > LEAST_S,
        sa.not_(said),
    )
    keys = causes.standing(facts)
    gone = []
    for payload, lasted_s in connection.execute(query.order_by(told.c.id)):
        alarm = messages.read(messages.Kind.ALARM, payload)
        assert isinstance(alarm, messages.AlarmRaised)
        if causes.about(alarm.key, topic) and not causes.holds(alarm.key, facts, keys):
            gone.append(messages.AlarmOver(alarm.key, alarm.cause, float(lasted_s)))
    return gone


def open_alarms(connection: sa.Connection, facts: state.Facts) -> list[messages.AlarmRaised]:
    """The alarms told whose cause still holds, oldest first."""
    table = tables.outbox
    keys = sorted(causes.standing(facts))
    standing = [messages.alarm_key(key) for key in keys]
    query = sa.select(table.c.payload)
    query = query.where(
        table.c.kind == messages.Kind.ALARM,
        table.c.dedupe_key.in_(standing),
    )
    query = query.order_by(table.c.id)

    alarms = []
    for payload in connection.execute(query).scalars():
        alarm = messages.read(messages.Kind.ALARM, payload)
        if isinstance(alarm, messages.AlarmRaised):
            alarms.append(alarm)
    return alarms
