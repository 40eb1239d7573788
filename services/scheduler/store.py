"""Postgres: which jobs are due, who does them, and what came of them. One function per question;
the caller owns the transaction.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from retrain.evaluation import live
from schemas import decisions, events, tables, verdicts
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
    insert = pg.insert(job).values(
        job=HOURLY,
        due_at=due_at,
        owner=owner,
        attempts=1,
        retry_at=_in_seconds(PAUSE_S),
    )
    attempts = job.c.attempts + 1
    retried = {
        "owner": owner,
        "attempts": attempts,
        "retry_at": _in_seconds(PAUSE_S * attempts),
    }
    due = sa.and_(job.c.finished_at.is_(None), job.c.retry_at <= sa.func.now())
    again = insert.on_conflict_do_update(
        index_elements=["job", "due_at"],
        set_=retried,
        where=due,
    )
    return connection.execute(again.returning(job.c.attempts)).scalar()


def _in_seconds(seconds: Any) -> Any:
    return sa.func.now() + sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)


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
    change = (
        sa.update(job)
        .where(*mine)
        .values(
            finished_at=sa.func.now(),
            retry_at=None,
            error=None,
        )
    )
    return connection.execute(change).rowcount > 0


def failed(connection: Connection, due_at: dt.datetime, error: str, *, counts: bool) -> None:
    """What the last attempt at the hour ended in. `counts`: an outage says nothing of the hour, so
    that attempt is none.
    """
    job = tables.job_run
    attempts = job.c.attempts - (0 if counts else 1)
    change = sa.update(job).where(*_unfinished(due_at))
    connection.execute(change.values(error=error, attempts=attempts))


def set_aside(
    connection: Connection, due_at: dt.datetime, error: str | None
) -> tuple[dt.datetime, str]:
    """Nobody tries the hour again. `error`: of the last attempt, None if it left none. Returns when
    its tries began, and what they ended in.
    """
    job = tables.job_run
    last = sa.func.coalesce(
        sa.cast(error, sa.Text),
        job.c.error,
        "its scheduler ended in the middle of it",
    )
    change = sa.update(job).where(*_unfinished(due_at)).values(retry_at=None, error=last)
    row = connection.execute(change.returning(job.c.claimed_at, job.c.error)).one()
    return row.claimed_at, row.error


def take_up(connection: Connection, due_at: dt.datetime | None) -> int:
    """Let an hour that was set aside (None: every one) be tried again; returns how many."""
    job = tables.job_run
    change = sa.update(job).where(
        job.c.job == HOURLY,
        job.c.finished_at.is_(None),
        job.c.retry_at.is_(None),
    )
    if due_at:
        change = change.where(job.c.due_at == due_at)
    change = change.values(
        attempts=0,
        retry_at=sa.func.now(),
        claimed_at=sa.func.now(),
        error=None,
    )
    return connection.execute(change).rowcount


def _unfinished(due_at: dt.datetime) -> tuple[Any, ...]:
    job = tables.job_run
    return job.c.job == HOURLY, job.c.due_at == due_at, job.c.finished_at.is_(None)


def claim(connection: Connection, job: str, due_at: dt.datetime, owner: str) -> bool:
    """Whether this replica does a job that belongs to an hour (the day, the week that ends with
    it): the row is inserted in the transaction of the work.
    """
    insert = pg.insert(tables.job_run).values(
        job=job,
        due_at=due_at,
        owner=owner,
        finished_at=sa.func.now(),
    )
    inserted = insert.on_conflict_do_nothing().returning(tables.job_run.c.job)
    return connection.execute(inserted).first() is not None


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
    unjudged = {
        "verdict": None,
        "limit": None,
        "in_breach": False,
        "level": None,
        "since": None,
        "days_alike": None,
    }
    rows = [_verdict_row(verdict) for verdict in judged]
    rows += [_signal_row(signal) | unjudged for signal in measured]
    if rows:
        connection.execute(_upsert(tables.signal), rows)


def _upsert(table: sa.Table) -> pg.Insert:
    """Rows written over those of the same key."""
    insert = pg.insert(table)
    rest = {c.name: insert.excluded[c.name] for c in table.columns if not c.primary_key}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest)


def _verdict_row(verdict: verdicts.Verdict) -> dict[str, Any]:
    judgement = {
        "verdict": verdict.verdict,
        "limit": verdict.limit,
        "in_breach": verdict.in_breach,
        "level": verdict.level,
        "since": verdict.since,
        "days_alike": verdict.days_alike,
    }
    return _signal_row(verdict.signal) | judgement


def _signal_row(signal: verdicts.Signal) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(signal, name) for name in _OF_SIGNAL}
    return row | {"intent": signal.intent or ""}


def loudest(
    connection: Connection,
    model: str,
    start: dt.datetime,
    end: dt.datetime,
) -> tuple[float | None, int]:
    """Of the messages of the measure queue in [start, end), each for the 1/p that it counts for,
    the largest share of one conversation, None without any, and how many they are. A message that
    names no conversation is one of its own.
    """
    table = tables.sampled_prediction
    weight = sa.func.sum(1 / sa.func.greatest(table.c.p, sa.literal(events.P_FLOOR, sa.Double)))
    whose = sa.func.coalesce(table.c.conversation, sa.func.concat("\t", table.c.req_id))
    mine = (
        sa.select(weight.label("weight"), sa.func.count().label("n"))
        .where(
            table.c.model == model,
            table.c.role == "champion",
            table.c.queue == "measure",
            table.c.ts >= start,
            table.c.ts < end,
        )
        .group_by(whose)
        .subquery()
    )
    share = sa.func.max(mine.c.weight) / sa.func.sum(mine.c.weight)
    n = sa.func.coalesce(sa.func.sum(mine.c.n), 0)
    largest, messages = connection.execute(sa.select(share, n)).one()
    return None if largest is None else float(largest), int(messages)


def put_quality(
    connection: Connection,
    estimates: Sequence[live.Estimate],
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
    place = {
        "model": model,
        "start": start,
        "end": end,
        "as_of": as_of,
        "maturity": maturity,
    }
    rows = []
    for estimate in estimates:
        # Verdicts are of a figure over all intents; one of an intent alone has none.
        verdict = judged.get(estimate.metric) if estimate.intent is None else None
        reference = expected.get(estimate.intent or estimate.metric)
        rows.append(place | _quality_row(estimate, verdict, reference))
    connection.execute(_upsert(tables.quality), rows)


def _quality_row(
    estimate: live.Estimate, verdict: verdicts.Verdict | None, reference: float | None
) -> dict[str, Any]:
    """A label figure; what nobody judges is ok with labels and blind without."""
    level = verdicts.Level.OK if estimate.n_labels else verdicts.Level.BLIND
    return {
        "metric": estimate.metric,
        "intent": estimate.intent or "",
        "estimate": estimate.estimate,
        "low": estimate.low,
        "high": estimate.high,
        "n_labels": estimate.n_labels,
        "n_effective": estimate.n_effective,
        "n_predictions": estimate.n_predictions,
        "naive": estimate.naive,
        "verdict": verdict.verdict if verdict else level,
        "reference": reference,
        "labels_needed": verdict.labels_needed if verdict else None,
    }


def put_decision(
    connection: Connection,
    decision: decisions.Decision,
    evidence: Mapping[str, Any],
    run_id: str | None,
    alert_id: str | None,
) -> None:
    """Record a decision with its evidence; the same decision again changes nothing."""
    row = {
        "id": decision.id,
        "at": decision.at,
        "model": decision.model,
        "decision": decision.decision,
        "hold_reason": decision.hold_reason,
        "cause": decision.cause,
        "clause": decision.clause,
        "policy_sha256": decision.policy_sha256,
        "sha256": decision.sha256,
        "expected": list(decision.expected),
        "under_new_reference": decision.under_new_reference,
        "reasons": [dataclasses.asdict(reason) for reason in decision.reasons],
        "evidence": dict(evidence),
        "run_id": run_id,
        "alert_id": alert_id,
        "costs": dataclasses.asdict(decision.costs) if decision.costs else None,
    }
    connection.execute(pg.insert(tables.decision).values(row).on_conflict_do_nothing())


def decided_after(connection: Connection, at: dt.datetime) -> bool:
    """Whether a later hour has been decided already."""
    later = sa.exists().where(tables.decision.c.at > at)
    return bool(connection.execute(sa.select(later)).scalar())


def open_incident(connection: Connection, row: Mapping[str, Any]) -> None:
    """Record that the business sees something wrong."""
    connection.execute(pg.insert(tables.incident).values(dict(row)).on_conflict_do_nothing())


def open_incidents(connection: Connection) -> list[dict[str, Any]]:
    """Incidents and pauses that nobody has closed, the oldest first."""
    table = tables.incident
    query = sa.select(
        table.c.id,
        table.c.kind,
        table.c.started.label("since"),
        table.c.intent,
        table.c["count"],
    )
    query = query.where(table.c.ended.is_(None))
    query = query.order_by(table.c.started, table.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def close_incidents(connection: Connection, kind: str, intent: str | None, at: dt.datetime) -> int:
    """Close the open incidents of a kind; returns how many."""
    table = tables.incident
    change = sa.update(table).where(table.c.kind == kind, table.c.ended.is_(None))
    if intent:
        change = change.where(table.c.intent == intent)
    return connection.execute(change.values(ended=at)).rowcount
