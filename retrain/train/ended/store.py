"""Postgres: the state of a run, held until the transaction ends."""

from typing import Any

import sqlalchemy as sa

from schemas import tables


def held(connection: sa.Connection, run_id: str) -> Any:
    """The run's row, which nobody else can change meanwhile; None for one that nobody has
    queued.
    """
    table = tables.run
    query = sa.select(table).where(table.c.id == run_id).with_for_update()
    return connection.execute(query).mappings().first()
