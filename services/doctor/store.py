"""Postgres, read only: the facts the doctor looks at. One function per question."""

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext

from schemas import tables
from services.doctor import findings
from services.notifier import store as notifier_store


def revision(connection: sa.Connection) -> str | None:
    """The migration the database is at; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def lease_left_s(connection: sa.Connection, name: str) -> float | None:
    """Seconds a lease still holds by database time, negative once lapsed; None if it was never
    taken.
    """
    left = sa.extract("epoch", tables.lease.c.expires_at - sa.func.now())
    found = connection.execute(sa.select(left).where(tables.lease.c.name == name)).scalar()
    return None if found is None else float(found)


def jobs_idle_s(connection: sa.Connection) -> float | None:
    """Seconds since the scheduler did a job; None if it never did."""
    table = tables.job_run
    found = connection.execute(
        sa.select(sa.extract("epoch", sa.func.now() - sa.func.max(table.c.finished_at)))
    ).scalar()
    return None if found is None else float(found)


def outbox(connection: sa.Connection) -> findings.Outbox:
    """What has not been sent."""
    table = tables.outbox
    overdue = sa.func.coalesce(
        sa.func.max(sa.extract("epoch", sa.func.now() - table.c.next_attempt_at)), 0
    )
    refused = sa.func.count().filter(table.c.attempts > 0)
    # The rest of a thread waits for it.
    head = (
        sa.select(sa.func.min(table.c.id)).where(*notifier_store.OPEN).group_by(table.c.thread_key)
    )
    row = connection.execute(sa.select(refused, overdue).where(table.c.id.in_(head))).one()
    return findings.Outbox(row[0], max(0.0, float(row[1])))
