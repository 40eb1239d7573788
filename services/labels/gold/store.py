"""Postgres: gold questions come and go, and which of them an annotator may be asked."""

import datetime as dt
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from retrain.gold import store as gold
from schemas import tables

Connection = sa.Connection
Select = sa.Select[Any]
Row = dict[str, Any]


def verify(connection: Connection, row: Row) -> bool:
    """Make a message a gold question; whether it was none from then on: of one message no two
    intents hold at an instant.
    """
    table = tables.gold
    kept = sa.or_(table.c.retired_at.is_(None), table.c.retired_at > row["at"])
    asked = sa.select(table.c.req_id).where(table.c.req_id == row["req_id"], kept)
    if connection.execute(asked).first():
        return False

    # While the stream's clock stands one may be taken back and verified anew at one instant.
    insert = pg.insert(table).values(row)
    anew = insert.on_conflict_do_update(
        index_elements=["req_id", "at"],
        set_={
            "intent": insert.excluded.intent,
            "by": insert.excluded.by,
            "retired_at": None,
            "retired_by": None,
        },
    )
    connection.execute(anew)
    return True


def retire(connection: Connection, req_id: str, by: str, at: dt.datetime) -> bool:
    """Take a gold question back; whether it was one."""
    table = tables.gold
    change = sa.update(table).where(table.c.req_id == req_id, table.c.retired_at.is_(None))
    done = connection.execute(change.values(retired_at=at, retired_by=by))
    return bool(done.rowcount)


def listed(connection: Connection) -> list[Row]:
    """All that ever were, the oldest first."""
    table = tables.gold
    rows = connection.execute(sa.select(table).order_by(table.c.at, table.c.req_id))
    return [dict(row) for row in rows.mappings()]


def is_sampled(connection: Connection, req_id: str) -> bool:
    """Whether there is such a message."""
    sample = tables.sampled_prediction.c
    there = sa.select(sample.req_id).where(sample.req_id == req_id).limit(1)
    return connection.execute(there).first() is not None


def unanswered(
    connection: Connection,
    annotator: str | None,
    limit: int,
    passed: Collection[str] = (),
    first: Collection[str] = (),
) -> list[Any]:
    """Gold questions that this annotator has never said anything of (None: those that fewest have):
    those of the intents in `first`, then one verified intent as often as another, those before of
    which least was said.
    """
    said = _said(annotator)
    asked = gold.in_force().subquery()
    sample = _once()
    n = sa.func.coalesce(said.c.n, 0)
    of_intent = sa.func.sum(n).over(partition_by=asked.c.intent)
    turn = sa.func.row_number().over(
        partition_by=asked.c.intent,
        order_by=(n, sa.func.hashtext(asked.c.req_id), asked.c.req_id),
    )
    query = sa.select(
        sample,
        asked.c.intent.label("verified"),
        n.label("said"),
        of_intent.label("of_intent"),
        turn.label("turn"),
    )
    query = query.join(asked, asked.c.req_id == sample.c.req_id)
    rows = query.outerjoin(said, said.c.req_id == sample.c.req_id).subquery()

    chosen = sa.select(*(rows.c[column.name] for column in sample.c))
    chosen = chosen.where(rows.c.req_id.not_in(passed))
    if annotator is not None:
        chosen = chosen.where(rows.c.said == 0)
    chosen = chosen.order_by(
        rows.c.verified.not_in(first),
        rows.c.of_intent + rows.c.turn,
        rows.c.turn,
        rows.c.req_id,
    )
    return list(connection.execute(chosen.limit(limit)).mappings())


def _said(annotator: str | None) -> sa.Subquery:
    """(req_id, n): how many annotators, or whether this one, ever said anything of a request."""
    label = tables.human_label.c
    asked = gold.in_force().with_only_columns(tables.gold.c.req_id)
    n = sa.func.count(sa.distinct(label.annotator)).label("n")
    said = sa.select(label.req_id, n).where(label.req_id.in_(asked))
    if annotator is not None:
        said = said.where(label.annotator == annotator)
    return said.group_by(label.req_id).subquery()


def _once() -> sa.Subquery:
    """Each question once, whichever models answered it."""
    sample = tables.sampled_prediction
    asked = gold.in_force().with_only_columns(tables.gold.c.req_id)
    once = sa.select(sample).where(sample.c.req_id.in_(asked))
    once = once.ext(pg.distinct_on(sample.c.req_id))
    return once.order_by(sample.c.req_id, sample.c.role, sample.c.model).subquery()


def answered(connection: Connection, annotator: str) -> int:
    """How many labels an annotator has given."""
    n = sa.select(sa.func.count()).where(tables.human_label.c.annotator == annotator)
    return int(connection.execute(n).scalar_one())
