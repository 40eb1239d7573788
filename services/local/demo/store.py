"""Postgres, read only: how far the product is with what the demo gave it. One function per
question.
"""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from schemas import runs, tables
from services.alarms import store as alarms_store


def judged(connection: sa.Connection, hour_end: dt.datetime) -> bool:
    """Whether the scheduler has done the monitors of the hour that ends there."""
    job = tables.job_run
    done = (
        job.c.job == alarms_store.HOURLY,
        job.c.due_at == hour_end,
        job.c.finished_at.is_not(None),
    )
    return connection.execute(sa.select(job.c.job).where(*done)).first() is not None


def open_run(connection: sa.Connection) -> sa.RowMapping | None:
    """The run that has not ended; one that is registered is about to be promoted, by the demo's
    policy.
    """
    table = tables.run
    query = sa.select(table).where(table.c.state.not_in(runs.ENDED))
    return connection.execute(query).mappings().first()


def messages(connection: sa.Connection) -> tuple[int, int]:
    """Messages of the outbox that are in Slack, and those that are not."""
    sent = tables.outbox.c.sent_at.is_not(None)
    query = sa.select(sent, sa.func.count()).group_by(sent)
    counts = dict(connection.execute(query).tuples().all())
    return counts.get(True, 0), counts.get(False, 0)


def verdicts(connection: sa.Connection, decision_id: str) -> dict[str, dict[str, Any]]:
    """Of every figure that a decision rests on its verdict, the reference it is held against, and
    how many labels it lacks.
    """
    table = tables.decision
    query = sa.select(table.c.evidence).where(table.c.id == decision_id)
    evidence = connection.execute(query).scalar_one()
    by_signal = {}
    for verdict in evidence["verdicts"]:
        signal = verdict["signal"]
        by_signal[signal["signal"]] = {
            "verdict": verdict["verdict"],
            "labels_needed": verdict["labels_needed"],
            "reference": signal["reference"],
        }
    return by_signal


def error(connection: sa.Connection, run_id: str) -> str | None:
    """Why a run failed."""
    table = tables.run
    query = sa.select(table.c.error).where(table.c.id == run_id)
    why: str | None = connection.execute(query).scalar_one()
    return why


def moved(connection: sa.Connection) -> tuple[Any, ...]:
    """How far the product has come with everything it has been given: differs from before while
    anything is done.
    """
    count = sa.func.count()
    progress = sa.cast(tables.run.c.progress, sa.Text)
    steps = sa.select(count, sa.func.max(progress)).select_from(tables.run)
    states = sa.select(count).select_from(tables.run_step)
    read = sa.select(sa.func.sum(tables.stream_offset.c.next_offset))
    judged = sa.select(count).select_from(tables.job_run)
    sent = sa.select(sa.func.count(tables.outbox.c.sent_at))

    figures: list[Any] = []
    for query in (steps, states, read, judged, sent):
        figures += connection.execute(query).one()
    return tuple(figures)
