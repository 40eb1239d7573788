"""Postgres: which messages are gold questions at an instant, and what annotators answered."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from retrain import store
from retrain.labels import gold
from schemas import tables

Connection = sa.Connection


def in_force(as_of: dt.datetime | None = None) -> "sa.Select[Any]":
    """req_id, intent, at, by of the questions that were verified and not taken back before `as_of`
    (None: by now): what an instant itself establishes holds from then on.
    """
    table = tables.gold.c
    intent = store.read_through(table.intent)
    query = sa.select(table.req_id, intent, table.at, table.by)
    if as_of is None:
        return query.where(table.retired_at.is_(None))
    kept = sa.or_(table.retired_at.is_(None), table.retired_at >= as_of)
    return query.where(table.at < as_of, kept)


def questions(
    connection: Connection,
    as_of: dt.datetime | None = None,
) -> dict[str, gold.Question]:
    """The same, by request."""
    rows = connection.execute(in_force(as_of))
    return {row.req_id: gold.Question(row.intent, row.at, row.by) for row in rows}


def known(connection: Connection, req_ids: Sequence[str], as_of: dt.datetime) -> gold.Gold:
    """What was verified before `as_of` of the messages `req_ids`, and what annotators had answered
    to any gold question by then.
    """
    asked = questions(connection, as_of)
    if not asked:
        return gold.NONE
    entries = store.entries(connection, list(asked), as_of)
    return gold.of(asked, req_ids, entries, as_of)
