"""Postgres: labels in, queue and current labels out. One function per question; the caller owns the transaction."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from retrain import store as retrain_store
from schemas import tables

Connection = sa.Connection


def known_requests(connection: Connection, req_ids: Collection[str]) -> set[str]:
    """Which of these requests were sampled."""
    column = tables.sampled_prediction.c.req_id
    return set(connection.execute(sa.select(column).where(column.in_(req_ids)).distinct()).scalars())


def labels_of(connection: Connection, req_ids: Collection[str]) -> list[Any]:
    """Every label ever given to these requests, in the order of their instants."""
    table = tables.human_label
    return list(connection.execute(sa.select(table).where(table.c.req_id.in_(req_ids)).order_by(table.c.labelled_at, table.c.id)).mappings())


def add_labels(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add labels to the history; one that is there already stays one."""
    if rows:
        connection.execute(pg.insert(tables.human_label).on_conflict_do_nothing(), list(rows))


def add_corpus(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Add labelled messages; returns how many are new."""
    before = _count(connection, tables.corpus)
    for begin in range(0, len(rows), 1000):
        connection.execute(pg.insert(tables.corpus).on_conflict_do_nothing(), list(rows[begin : begin + 1000]))
    return _count(connection, tables.corpus) - before


def queue(connection: Connection, limit: int) -> list[Any]:
    """Sampled messages nobody has labelled, the measure queue first, oldest first."""
    sample, label = tables.sampled_prediction, tables.human_label
    labelled = sa.exists().where(label.c.req_id == sample.c.req_id)
    query = sa.select(sample).where(sa.not_(labelled)).order_by(sample.c.queue, sample.c.ts, sample.c.req_id).limit(limit)
    return list(connection.execute(query).mappings())


def current(connection: Connection) -> list[Any]:
    """The label that holds for each sampled request, with its prediction."""
    label, sample = retrain_store.current_labels().subquery(), tables.sampled_prediction
    columns = (
        label.c.req_id,
        label.c.intent,
        label.c.also,
        label.c.annotator,
        label.c.labelled_at,
        sample.c.model,
        sample.c.intent.label("predicted"),
        sample.c.queue,
    )
    return list(connection.execute(sa.select(*columns).join(sample, sample.c.req_id == label.c.req_id).order_by(label.c.req_id, sample.c.model)).mappings())


def status(connection: Connection) -> dict[str, Any]:
    """Counts of the queue and of what was labelled."""
    sample, label = tables.sampled_prediction, tables.human_label
    labelled = sa.exists().where(label.c.req_id == sample.c.req_id)
    orphan = sa.not_(sa.exists().where(sample.c.req_id == label.c.req_id))
    waiting = sa.select(sa.func.count()).select_from(sample).where(sa.not_(labelled))
    found: dict[str, Any] = {"sampled": _count(connection, sample), "waiting": connection.execute(waiting).scalar_one()}
    found["labels"] = _count(connection, label)
    found["orphans"] = connection.execute(sa.select(sa.func.count(sa.distinct(label.c.req_id))).where(orphan)).scalar_one()
    found["duplicate_requests"] = connection.execute(sa.select(sa.func.count()).select_from(sample).where(sample.c.seen > 1)).scalar_one()
    newest: dt.datetime | None = connection.execute(sa.select(sa.func.max(label.c.labelled_at))).scalar()
    return found | {"corpus": _count(connection, tables.corpus), "newest_label": newest}


def _count(connection: Connection, table: sa.Table) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
