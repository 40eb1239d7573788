"""Postgres: rows of a run whose label is in doubt, and that people are asked about again."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import tables, training_tables

Connection = sa.Connection
_STEP = "examined"  # of retrain/train/examine.py, which would load what only a retrain needs


def named(connection: Connection, run_id: str) -> dict[str, list[str]] | None:
    """The ids of the rows that a run has named, by check; None where it has not come so far."""
    step = tables.run_step.c
    query = sa.select(step.detail).where(step.run_id == run_id, step.step == _STEP)
    detail = connection.execute(query).scalar()
    rows: dict[str, list[str]] | None = None if detail is None else detail["rows"]
    return rows


def ask(connection: Connection, run_id: str, why: str, ids: Sequence[str]) -> int:
    """Ask again about these messages, sampled or imported; returns how many the run had not asked
    about before.
    """
    sample, corpus = tables.sampled_prediction.c, tables.corpus.c
    sampled = sa.select(sample.req_id.label("req_id"), sample.text).where(sample.req_id.in_(ids))
    imported = sa.select(corpus.id.label("req_id"), corpus.text).where(corpus.id.in_(ids))
    both = sa.union(sampled, imported).subquery()
    # One that two models answered is one.
    each = sa.select(both).ext(pg.distinct_on(both.c.req_id)).order_by(both.c.req_id, both.c.text)
    known = each.subquery()

    rows = sa.select(known.c.req_id, known.c.text, sa.literal(run_id), sa.literal(why))
    table = training_tables.asked_again
    columns = [table.c.req_id, table.c.text, table.c.run_id, table.c.why]
    insert = pg.insert(table).from_select(columns, rows).on_conflict_do_nothing()
    return len(connection.execute(insert.returning(table.c.req_id)).all())


def waiting(connection: Connection, limit: int, passed: Collection[str] = ()) -> list[Any]:
    """Messages that nobody has answered since they were asked about again, the oldest first, with
    the columns of the queue. Which intent is in doubt does not show.
    """
    table = training_tables.asked_again.c
    newest = sa.select(table.req_id, table.text, table.at)
    newest = newest.ext(pg.distinct_on(table.req_id)).order_by(table.req_id, table.at.desc())
    asked = newest.subquery()

    label = tables.human_label.c
    answered = sa.exists().where(
        label.req_id == asked.c.req_id,
        label.received_at > asked.c.at,
        label.action != "retract",
    )
    query = sa.select(
        asked.c.req_id,
        asked.c.text,
        asked.c.at.label("ts"),
        sa.literal("train").label("queue"),
        sa.null().label("intent"),
        sa.null().label("second_intent"),
    )
    query = query.where(sa.not_(answered), asked.c.req_id.not_in(passed))
    rows = connection.execute(query.order_by(asked.c.at, asked.c.req_id).limit(limit))
    return list(rows.mappings())
