"""Postgres: which jobs are due, who does them, and what they found. One function per question; the caller owns the transaction."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from retrain.evaluation import live
from schemas import decisions, tables, verdicts
from services import store as services_store
from streams import store as streams_store

Connection = sa.Connection

_OF_SIGNAL = tuple(field.name for field in dataclasses.fields(verdicts.Signal))


def due(connection: Connection, limit: int = 500) -> list[dt.datetime]:
    """Ends of complete hours with champion traffic that no hourly job has claimed, oldest first."""
    window, job = tables.window_state, tables.job_run
    done = sa.exists().where(job.c.job == "hourly", job.c.due_at == window.c.end)
    query = sa.select(window.c.end).distinct().where(window.c.horizon == "1h", window.c.role == "champion", window.c.complete, sa.not_(done))
    return list(connection.execute(query.order_by(window.c.end).limit(limit)).scalars())


def claim(connection: Connection, job: str, due_at: dt.datetime, owner: str) -> bool:
    """Whether this replica does the job: the row is inserted in the transaction of the work, so a crash gives it back."""
    values = {"job": job, "due_at": due_at, "owner": owner, "finished_at": sa.func.now()}
    insert = pg.insert(tables.job_run).values(values).on_conflict_do_nothing().returning(tables.job_run.c.job)
    return connection.execute(insert).first() is not None


def keep_beating(connection: Connection, owner: str) -> None:
    """A scheduler has ticked; of several one holds the lease."""
    streams_store.hold_lease(connection, services_store.BEAT, owner, services_store.BEAT_S)


def put_signals(connection: Connection, judged: Iterable[verdicts.Verdict], measured: Iterable[verdicts.Signal] = ()) -> None:
    """Write signals over what was there, in one statement; the measured ones have neither verdict nor limit."""
    unjudged = {"verdict": None, "limit": None, "in_breach": False, "level": None}
    rows = [*(_verdict_row(verdict) for verdict in judged), *(_signal_row(signal) | unjudged for signal in measured)]
    if rows:
        table = tables.signal
        insert = pg.insert(table)
        rest = {c.name: insert.excluded[c.name] for c in table.columns if not c.primary_key}
        connection.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest), rows)


def _verdict_row(verdict: verdicts.Verdict) -> dict[str, Any]:
    return _signal_row(verdict.signal) | {name: getattr(verdict, name) for name in ("verdict", "limit", "in_breach", "level")}


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
        values = {name: getattr(estimate, name) for name in ("metric", "estimate", "low", "high", "n_labels", "n_effective", "n_predictions", "naive")}
        level = verdict.verdict if verdict else verdicts.Level.OK if estimate.n_labels else verdicts.Level.BLIND
        place = {"model": model, "start": start, "end": end, "intent": estimate.intent or "", "as_of": as_of, "maturity": maturity, "verdict": level}
        known = expected.get(estimate.intent or estimate.metric)
        rows.append(place | values | {"reference": known, "labels_needed": verdict.labels_needed if verdict else None})
    table = tables.quality
    insert = pg.insert(table)
    rest = {c.name: insert.excluded[c.name] for c in table.columns if not c.primary_key}
    connection.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest), rows)


def put_decision(connection: Connection, decision: decisions.Decision, evidence: Mapping[str, Any], run_id: str | None) -> None:
    """Record a decision with its evidence; the same decision again changes nothing."""
    names = ("id", "at", "model", "decision", "hold_reason", "cause", "policy_sha256", "sha256")
    row = {name: getattr(decision, name) for name in names}
    row |= {"reasons": [dataclasses.asdict(reason) for reason in decision.reasons], "evidence": dict(evidence), "run_id": run_id}
    connection.execute(pg.insert(tables.decision).values(row).on_conflict_do_nothing())


def open_incident(connection: Connection, row: Mapping[str, Any]) -> None:
    """Record that the business sees something wrong."""
    connection.execute(pg.insert(tables.incident).values(dict(row)).on_conflict_do_nothing())


def open_incidents(connection: Connection) -> list[dict[str, Any]]:
    """Incidents and pauses that nobody has closed, the oldest first."""
    table = tables.incident
    query = sa.select(table.c.id, table.c.kind, table.c.started.label("since"), table.c.intent, table.c["count"]).where(table.c.ended.is_(None))
    return [dict(row) for row in connection.execute(query.order_by(table.c.started, table.c.id)).mappings()]


def close_incidents(connection: Connection, kind: str, intent: str | None, at: dt.datetime) -> int:
    """Close the open incidents of a kind; returns how many."""
    table = tables.incident
    chosen = [table.c.kind == kind, table.c.ended.is_(None)] + ([table.c.intent == intent] if intent else [])
    return connection.execute(sa.update(table).where(*chosen).values(ended=at)).rowcount
