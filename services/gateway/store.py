"""Postgres, read only: which model is champion, and which one would be."""

import sqlalchemy as sa

from retrain import store as retrain_store
from schemas import runs, tables


def champion(connection: sa.Connection) -> str | None:
    """The newest promotion's model."""
    serving = retrain_store.champion(connection)
    return str(serving["model"]) if serving else None


def candidate(connection: sa.Connection) -> str | None:
    """The newest model that passed its gates against the present champion and waits for a person to
    promote it.
    """
    run = tables.run
    waits = (
        run.c.state == runs.State.REGISTERED,
        run.c.champion == champion(connection),
    )
    query = sa.select(run.c.candidate).where(*waits)
    newest = query.order_by(run.c.queued_at.desc(), run.c.id.desc()).limit(1)
    return connection.execute(newest).scalar()
