"""Postgres, read only: which model is champion."""

import sqlalchemy as sa

from schemas import tables


def champion(connection: sa.Connection) -> str | None:
    """The newest promotion's model."""
    return connection.execute(sa.select(tables.promotion.c.model).order_by(tables.promotion.c.id.desc()).limit(1)).scalar()
