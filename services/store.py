"""Postgres, read only: what services.show prints, and how the stream stands. One function per
question.
"""

import dataclasses
import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from retrain.train.noted import store as noted
from schemas import tables
from schemas.runs import State
from streams.intents import places
from streams.signals import describe


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader asked for; None asks for everything. `since` <= end (or at) <= `until`."""

    model: str | None = None
    horizon: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    run: str | None = None


def _chosen(
    query: "sa.Select[Any]", wanted: Wanted, *, table: sa.Table, time: str
) -> "sa.Select[Any]":
    if wanted.model is not None and "model" in table.c:
        query = query.where(table.c.model == wanted.model)
    if wanted.horizon is not None and "horizon" in table.c:
        query = query.where(table.c.horizon == wanted.horizon)
    if wanted.since is not None:
        query = query.where(table.c[time] >= wanted.since)
    if wanted.until is not None:
        query = query.where(table.c[time] <= wanted.until)
    return query


def _rows(
    connection: sa.Connection, table: sa.Table, names: tuple[str, ...], wanted: Wanted, time: str
) -> Iterator[dict[str, Any]]:
    columns = [table.c[name] for name in names]
    query = _chosen(sa.select(*columns), wanted, table=table, time=time)
    query = query.order_by(table.c[time], *table.primary_key)
    for row in connection.execute(query).mappings():
        yield dict(row)


def windows(connection: sa.Connection, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Windows, oldest first."""
    table = tables.window_state
    query = _chosen(sa.select(table), wanted, table=table, time="end")
    query = query.order_by(table.c.end, table.c.horizon, table.c.model, table.c.role)
    for row in connection.execute(query).mappings():
        yield describe.window(places.window(row))


def signals(connection: sa.Connection, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Signals; those that no rule of the policy judges have neither verdict nor level."""
    names = (
        "model",
        "horizon",
        "end",
        "signal",
        "intent",
        "value",
        "n",
        "reference",
        "reference_n",
        "low",
        "high",
        "noise_floor",
        "p_value",
        "level",
        "verdict",
        "in_breach",
        "since",
    )
    return _whole(_rows(connection, tables.signal, names, wanted, "end"))


def quality(connection: sa.Connection, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Label-based figures."""
    names = (
        "model",
        "start",
        "end",
        "metric",
        "intent",
        "estimate",
        "low",
        "high",
        "n_labels",
        "n_effective",
        "n_predictions",
        "naive",
        "reference",
        "maturity",
        "verdict",
        "labels_needed",
    )
    return _whole(_rows(connection, tables.quality, names, wanted, "end"))


def _whole(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """An empty intent stands for "over all intents" in a key; outside it is null."""
    for row in rows:
        yield row | {"intent": row["intent"] or None}


def decisions(connection: sa.Connection, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Decisions with every reason."""
    names = (
        "id",
        "at",
        "model",
        "decision",
        "hold_reason",
        "cause",
        "clause",
        "reasons",
        "expected",
        "under_new_reference",
        "policy_sha256",
        "sha256",
        "run_id",
        "alert_id",
        "costs",
    )
    return _rows(connection, tables.decision, names, wanted, "at")


def runs(connection: sa.Connection, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Retrain runs with their gates."""
    names = (
        "id",
        "decision_id",
        "state",
        "started",
        "ended",
        "snapshot_sha256",
        "base_model",
        "candidate",
        "gates",
        "promoted",
    )
    for row in _rows(connection, tables.run, names, wanted, "queued_at"):
        yield row | {"gates": row["gates"] or []}


def metrics(connection: sa.Connection, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """The numbers of runs, in the order of steps."""
    for run, metric in noted.metrics(connection, wanted.run):
        value = metric.value if math.isfinite(metric.value) else None
        yield {"run": run} | dataclasses.asdict(metric) | {"value": value}


def checks(connection: sa.Connection, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """The checks of runs, by stage in the order in which they are made."""
    for run, check in noted.told(connection, wanted.run):
        healthy = str(check.healthy)
        yield {"run": run} | dataclasses.asdict(check) | {"healthy": healthy}


def model(connection: sa.Connection, name: str) -> dict[str, Any] | None:
    """What is on record of a model and of the run that made it; None where nobody knows it. One
    that was never registered is the candidate of the newest run of that name, without a digest.
    """
    known = tables.model_version
    query = sa.select(known.c.run_id, known.c.manifest_sha256).where(known.c.model == name)
    registered = connection.execute(query).first()
    made = tables.run
    mine = made.c.candidate == name if registered is None else made.c.id == registered.run_id
    begun, asked = tables.run_step, tables.decision
    columns = sa.select(
        made.c.id.label("run"),
        made.c.snapshot_sha256,
        begun.c.detail,
        asked.c.policy_sha256,
    )
    training = sa.and_(begun.c.run_id == made.c.id, begun.c.step == State.TRAINING)
    joined = columns.outerjoin(begun, training).outerjoin(asked, asked.c.id == made.c.decision_id)
    newest = joined.where(mine).order_by(made.c.queued_at.desc()).limit(1)
    run = connection.execute(newest).mappings().first()
    if run is None and registered is None:
        return None
    return {
        "model": name,
        "digest": registered.manifest_sha256 if registered else None,
        **(run or dict.fromkeys(("run", "snapshot_sha256", "detail", "policy_sha256"))),
    }


def deadletters(connection: sa.Connection, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """What could not be read, without its bytes."""
    names = (
        "topic",
        "part",
        "offset",
        "line",
        "reason",
        "detail",
        "at",
        "size",
        "sha256",
        "redriven_at",
        "topic_id",
    )
    for row in _rows(connection, tables.dead_letter, names, wanted, "at"):
        yield {"partition" if name == "part" else name: value for name, value in row.items()}


def offsets(connection: sa.Connection, _wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Where every partition stands."""
    table = tables.stream_offset
    query = sa.select(table).order_by(table.c.topic, table.c.part)
    for row in connection.execute(query):
        # A worker may have read past the high watermark it noted last.
        end = max(row.high_watermark, row.next_offset)
        yield {
            "topic": row.topic,
            "partition": row.part,
            "next_offset": row.next_offset,
            "high_watermark": end,
            "lag": end - row.next_offset,
            "epoch": row.epoch,
            "max_event_ts": row.max_event_ts,
            "log_end": max(end, row.log_end or 0),
            "topic_id": row.topic_id,
        }


def dead_last_hour(connection: sa.Connection) -> dict[str, int]:
    """Dead letters of the last hour that have not been redriven, by reason."""
    table = tables.dead_letter
    an_hour_ago = sa.func.now() - sa.text("interval '1 hour'")
    query = (
        sa.select(table.c.reason, sa.func.count())
        .where(table.c.at > an_hour_ago, table.c.redriven_at.is_(None))
        .group_by(table.c.reason)
        .order_by(table.c.reason)
    )
    return {row[0]: row[1] for row in connection.execute(query)}
