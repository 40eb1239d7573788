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
_table = tables.stage


def note(
    connection: sa.Connection, name: str, owner: str, failures: int, error: str | None
) -> None:
    """How the last round of this process's stage ended. `failures`: in a row, 0 after a good one."""
    # Else a namesake's, which has ended.
    fresh = _table.c.told_at > sa.func.now() - sa.text(f"interval '{FORGOTTEN_S} seconds'")
    since = (
        None
        if error is None
        else sa.case(
            (fresh, sa.func.coalesce(_table.c.failing_since, sa.func.now())), else_=sa.func.now()
        )
    )
    values = {"failures": failures, "error": error, "told_at": sa.func.now()}
    insert = pg.insert(_table).values(
        name=name, owner=owner, failing_since=None if error is None else sa.func.now(), **values
    )
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["name", "owner"], set_=values | {"failing_since": since}
        )
    )


def forget(connection: sa.Connection, name: str) -> None:
    """Remove what processes that ended long ago have said of the stage."""
    old = _table.c.told_at < sa.func.now() - sa.text("interval '1 day'")
    connection.execute(sa.delete(_table).where(_table.c.name == name, old))


def failing(connection: sa.Connection) -> list[stage.Failing]:
    """The stages that fail now, each once: of several processes the one that has failed longest."""
    fresh = _table.c.told_at > sa.func.clock_timestamp() - sa.text(
        f"interval '{FORGOTTEN_S} seconds'"
    )
    failing_s = sa.extract("epoch", sa.func.clock_timestamp() - _table.c.failing_since).label(
        "failing_s"
    )
    query = (
        sa.select(_table, failing_s)
        .where(fresh, _table.c.failing_since.is_not(None))
        .order_by(_table.c.name, _table.c.failing_since)
    )
    rows = connection.execute(query.ext(pg.distinct_on(_table.c.name)))
    return [
        stage.Failing(row.name, row.failing_since, float(row.failing_s), row.failures, row.error)
        for row in rows
    ]


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
