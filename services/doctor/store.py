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
    table = tables.lease
    left = sa.extract("epoch", table.c.expires_at - sa.func.now())
    query = sa.select(left).where(table.c.name == name)
    seconds = connection.execute(query).scalar()
    return None if seconds is None else float(seconds)


def jobs_idle_s(connection: sa.Connection) -> float | None:
    """Seconds since the scheduler did a job; None if it never did."""
    last = sa.func.max(tables.job_run.c.finished_at)
    idle = sa.extract("epoch", sa.func.now() - last)
    seconds = connection.execute(sa.select(idle)).scalar()
    return None if seconds is None else float(seconds)


def outbox(connection: sa.Connection) -> findings.Outbox:
    """What has not been sent."""
    table = tables.outbox
    since = sa.func.now() - table.c.next_attempt_at
    longest = sa.func.max(sa.extract("epoch", since))
    refused = sa.func.count().filter(table.c.attempts > 0)
    # The first message of each thread: the rest of it waits for that one.
    first = sa.select(sa.func.min(table.c.id)).where(*notifier_store.OPEN)
    heads = first.group_by(table.c.thread_key)

    query = sa.select(refused, sa.func.coalesce(longest, 0))
    query = query.where(table.c.id.in_(heads))
    count, overdue_s = connection.execute(query).one()
    return findings.Outbox(count, max(0.0, float(overdue_s)))
