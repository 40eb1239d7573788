"""Postgres: how the rounds of the stages that loop end. One function per question; the caller owns
the transaction.
"""

import math

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import tables
from streams.stages import stage

# A process that still fails says so again every five seconds: older news is of one that has ended.
FORGOTTEN_S = 60
_FORGOTTEN = sa.text(f"interval '{FORGOTTEN_S} seconds'")
_table = tables.stage


def note(
    connection: sa.Connection,
    name: str,
    owner: str,
    failures: int,
    error: str | None,
) -> None:
    """How the last round of this process's stage ended. `failures`: in a row, 0 if it went well."""
    now = sa.func.now()
    began = None
    goes_on = None
    if error is not None:
        # A row that is not fresh is a namesake's, which has ended.
        fresh = _table.c.told_at > now - _FORGOTTEN
        began = now
        goes_on = sa.case((fresh, sa.func.coalesce(_table.c.failing_since, now)), else_=now)

    values = {"failures": failures, "error": error, "told_at": now}
    insert = pg.insert(_table).values(
        name=name,
        owner=owner,
        failing_since=began,
        **values,
    )
    update = insert.on_conflict_do_update(
        index_elements=["name", "owner"],
        set_=values | {"failing_since": goes_on},
    )
    connection.execute(update)


def forget(connection: sa.Connection, name: str) -> None:
    """Remove what processes that ended long ago have said of the stage."""
    day = sa.text("interval '1 day'")
    old = _table.c.told_at < sa.func.now() - day
    gone = sa.delete(_table).where(_table.c.name == name, old)
    connection.execute(gone)


def failing(connection: sa.Connection) -> list[stage.Failing]:
    """The stages that fail now, each once: of several processes the one that has failed longest."""
    now = sa.func.clock_timestamp()
    fresh = _table.c.told_at > now - _FORGOTTEN
    since = _table.c.failing_since
    failing_s = sa.extract("epoch", now - since).label("failing_s")
    query = sa.select(_table, failing_s).where(fresh, since.is_not(None))
    query = query.order_by(_table.c.name, since)

    stages = []
    for row in connection.execute(query.ext(pg.distinct_on(_table.c.name))):
        one = stage.Failing(
            name=row.name,
            since=row.failing_since,
            failing_s=float(row.failing_s),
            failures=row.failures,
            error=row.error,
        )
        stages.append(one)
    return stages


def heard(connection: sa.Connection) -> dict[str, float]:
    """Seconds since each process that does rounds has said how they end; whoever lives says so
    every few seconds.
    """
    age_s = sa.func.min(sa.extract("epoch", sa.func.clock_timestamp() - _table.c.told_at))
    ages = connection.execute(sa.select(_table.c.name, age_s).group_by(_table.c.name))
    by_process: dict[str, float] = {}
    for name, age in ages:
        process = stage.process(name)
        by_process[process] = min(float(age), by_process.get(process, math.inf))
    return by_process
