"""Postgres: which jobs are due, who does them, and what they found. One function per question; the
caller owns the transaction.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from retrain.evaluation import live
from schemas import decisions, tables, verdicts
from services.alarms import store as alarms_store
from streams import leases

Connection = sa.Connection

HOURLY = alarms_store.HOURLY
# After the first failed attempt at an hour, twice that after the second: what passes by itself has
# passed then.
PAUSE_S = 10
TRIES = 3
_OF_SIGNAL = tuple(field.name for field in dataclasses.fields(verdicts.Signal))


def begin(connection: Connection, due_at: dt.datetime, owner: str) -> int | None:
    """Begin an hour: the number of this attempt; None where it is done, set aside, or somebody is
    at it. Committed before the work, so that an hour that kills its scheduler is counted too.
    """
    job = tables.job_run
    pause = sa.func.make_interval(0, 0, 0, 0, 0, 0, PAUSE_S * (job.c.attempts + 1))
    first = sa.func.make_interval(0, 0, 0, 0, 0, 0, PAUSE_S)
    insert = pg.insert(job).values(
        job=HOURLY, due_at=due_at, owner=owner, attempts=1, retry_at=sa.func.now() + first
    )
    again = insert.on_conflict_do_update(
        index_elements=["job", "due_at"],
        set_={"owner": owner, "attempts": job.c.attempts + 1, "retry_at": sa.func.now() + pause},
        where=sa.and_(job.c.finished_at.is_(None), job.c.retry_at <= sa.func.now()),
    )
    return connection.execute(again.returning(job.c.attempts)).scalar()


def finish(connection: Connection, due_at: dt.datetime, attempt: int) -> bool:
    """The hour is done, in the transaction of the work; False if another replica has begun it
    since.
    """
    job = tables.job_run
    mine = (
        job.c.job == HOURLY,
        job.c.due_at == due_at,
        job.c.attempts == attempt,
        job.c.finished_at.is_(None),
        job.c.retry_at.is_not(None),
    )
    return (
        connection.execute(
            sa.update(job).where(*mine).values(finished_at=sa.func.now(), retry_at=None, error=None)
        ).rowcount
        > 0
    )


def failed(connection: Connection, due_at: dt.datetime, error: str, *, counts: bool) -> None:
    """What the last attempt at the hour ended in. `counts`: an outage says nothing of the hour, so
    that attempt is none.
    """
    job = tables.job_run
    change = (
        sa.update(job)
        .where(*_unfinished(due_at))
        .values(error=error, attempts=job.c.attempts - (0 if counts else 1))
    )
    connection.execute(change)


def set_aside(
    connection: Connection, due_at: dt.datetime, error: str | None
) -> tuple[dt.datetime, str]:
    """Nobody tries the hour again. `error`: of the last attempt, None if it left none. Returns when
    its tries began, and what they ended in.
    """
    job = tables.job_run
    last = sa.func.coalesce(
        sa.cast(error, sa.Text), job.c.error, "its scheduler ended in the middle of it"
    )
    change = sa.update(job).where(*_unfinished(due_at)).values(retry_at=None, error=last)
    row = connection.execute(change.returning(job.c.claimed_at, job.c.error)).one()
    return row.claimed_at, row.error


def take_up(connection: Connection, due_at: dt.datetime | None) -> int:
    """Let an hour that was set aside (None: every one) be tried again; returns how many."""
    job = tables.job_run
    aside = (job.c.job == HOURLY, job.c.finished_at.is_(None), job.c.retry_at.is_(None))
    mine = (*aside, job.c.due_at == due_at) if due_at else aside
    return connection.execute(
        sa.update(job)
        .where(*mine)
        .values(attempts=0, retry_at=sa.func.now(), claimed_at=sa.func.now(), error=None)
    ).rowcount


def _unfinished(due_at: dt.datetime) -> tuple[Any, ...]:
    job = tables.job_run
    return job.c.job == HOURLY, job.c.due_at == due_at, job.c.finished_at.is_(None)


def claim(connection: Connection, job: str, due_at: dt.datetime, owner: str) -> bool:
    """Whether this replica does a job that belongs to an hour (the day, the week that ends with
    it): the row is inserted in the transaction of the work.
    """
    values = {"job": job, "due_at": due_at, "owner": owner, "finished_at": sa.func.now()}
    insert = (
        pg.insert(tables.job_run)
        .values(values)
        .on_conflict_do_nothing()
        .returning(tables.job_run.c.job)
    )
    return connection.execute(insert).first() is not None


def keep_beating(connection: Connection, owner: str) -> None:
    """A scheduler has ticked; of several one holds the lease."""
    leases.hold(connection, alarms_store.BEAT, owner, alarms_store.BEAT_S)


def put_signals(
    connection: Connection,
    judged: Iterable[verdicts.Verdict],
    measured: Iterable[verdicts.Signal] = (),
) -> None:
    """Write signals over what was there, in one statement; the measured ones have neither verdict
    nor limit.
    """
    unjudged = {"verdict": None, "limit": None, "in_breach": False, "level": None}
    rows = [
        *(_verdict_row(verdict) for verdict in judged),
        *(_signal_row(signal) | unjudged for signal in measured),
    ]
    if rows:
        table = tables.signal
        insert = pg.insert(table)
        rest = {c.name: insert.excluded[c.name] for c in table.columns if not c.primary_key}
        connection.execute(
            insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest), rows
        )


def _verdict_row(verdict: verdicts.Verdict) -> dict[str, Any]:
    return _signal_row(verdict.signal) | {
        name: getattr(verdict, name) for name in ("verdict", "limit", "in_breach", "level")
    }


def _signal_row(signal: verdicts.Signal) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(signal, name) for name in _OF_SIGNAL}
    return row | {"intent": signal.intent or ""}


def put_quality(
    connection: Connection,
    found: Sequence[live.Estimate],
    judged: Mapping[str, verdicts.Verdict],
    *,
    model: str,
    start: dt.datetime,
    end: dt.datetime,
    as_of: dt.datetime,
    maturity: str,
    expected: Mapping[str, float | None],
) -> None:
    """Write label figures of a window, restating what labels that came later have changed."""
    rows = []
    for estimate in found:
        verdict = judged.get(estimate.metric) if estimate.intent is None else None
        values = {
            name: getattr(estimate, name)
            for name in (
                "metric",
                "estimate",
                "low",
                "high",
                "n_labels",
                "n_effective",
                "n_predictions",
                "naive",
            )
        }
        level = (
            verdict.verdict
            if verdict
            else verdicts.Level.OK
            if estimate.n_labels
            else verdicts.Level.BLIND
        )
        place = {
            "model": model,
            "start": start,
            "end": end,
            "intent": estimate.intent or "",
            "as_of": as_of,
            "maturity": maturity,
            "verdict": level,
        }
        known = expected.get(estimate.intent or estimate.metric)
        rows.append(
            place
            | values
            | {"reference": known, "labels_needed": verdict.labels_needed if verdict else None}
        )
    table = tables.quality
    insert = pg.insert(table)
    rest = {c.name: insert.excluded[c.name] for c in table.columns if not c.primary_key}
    connection.execute(
        insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest), rows
    )


def put_decision(
    connection: Connection,
    decision: decisions.Decision,
    evidence: Mapping[str, Any],
    run_id: str | None,
) -> None:
    """Record a decision with its evidence; the same decision again changes nothing."""
    names = (
        "id",
        "at",
        "model",
        "decision",
        "hold_reason",
        "cause",
        "clause",
        "policy_sha256",
        "sha256",
    )
    row = {name: getattr(decision, name) for name in names}
    row |= {
        "reasons": [dataclasses.asdict(reason) for reason in decision.reasons],
        "evidence": dict(evidence),
        "run_id": run_id,
    }
    connection.execute(pg.insert(tables.decision).values(row).on_conflict_do_nothing())


def decided_after(connection: Connection, at: dt.datetime) -> bool:
    """Whether a later hour has been decided already."""
    return bool(
        connection.execute(sa.select(sa.exists().where(tables.decision.c.at > at))).scalar()
    )


def open_incident(connection: Connection, row: Mapping[str, Any]) -> None:
    """Record that the business sees something wrong."""
    connection.execute(pg.insert(tables.incident).values(dict(row)).on_conflict_do_nothing())


def open_incidents(connection: Connection) -> list[dict[str, Any]]:
    """Incidents and pauses that nobody has closed, the oldest first."""
    table = tables.incident
    query = sa.select(
        table.c.id, table.c.kind, table.c.started.label("since"), table.c.intent, table.c["count"]
    ).where(table.c.ended.is_(None))
    return [
        dict(row)
        for row in connection.execute(query.order_by(table.c.started, table.c.id)).mappings()
    ]


def close_incidents(connection: Connection, kind: str, intent: str | None, at: dt.datetime) -> int:
    """Close the open incidents of a kind; returns how many."""
    table = tables.incident
    chosen = [table.c.kind == kind, table.c.ended.is_(None)] + (
        [table.c.intent == intent] if intent else []
    )
    return connection.execute(sa.update(table).where(*chosen).values(ended=at)).rowcount
