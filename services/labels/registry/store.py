"""Postgres: whose labels are taken."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import tables

Connection = sa.Connection
Row = dict[str, Any]


def register(connection: Connection, name: str, by: str | None) -> None:
    """Take this annotator's labels; once more changes nothing."""
    row = {"name": name, "by": by}
    connection.execute(pg.insert(tables.annotator).values(row).on_conflict_do_nothing())


def registered(connection: Connection) -> list[Row]:
    """Everybody who is registered, the first one first."""
    table = tables.annotator
    rows = connection.execute(sa.select(table).order_by(table.c.at, table.c.name))
    return [dict(row) for row in rows.mappings()]


def annotators(connection: Connection) -> set[str]:
    """The registered names."""
    return {row["name"] for row in registered(connection)}
