"""Postgres: on which side each anchor stands, once it was dealt: retrain/train/sides.py."""

from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import training_tables

_AT_ONCE: Final = 5_000  # a statement has at most 65,535 parameters


def sides(connection: sa.Connection) -> dict[str, str]:
    """The side of every anchor that has one."""
    table = training_tables.split_side
    columns = sa.select(table.c.anchor, table.c.side)
    return {row.anchor: row.side for row in connection.execute(columns)}


def put(connection: sa.Connection, dealt: Mapping[str, str]) -> None:
    """Record sides; one that is there stays."""
    insert = pg.insert(training_tables.split_side).on_conflict_do_nothing()
    rows = [{"anchor": anchor, "side": side} for anchor, side in dealt.items()]
    for begin in range(0, len(rows), _AT_ONCE):
        connection.execute(insert, rows[begin : begin + _AT_ONCE])
