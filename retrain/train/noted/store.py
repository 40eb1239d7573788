"""Postgres: the numbers of a run, and its checks."""

import dataclasses
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import checks, runs, tables

_NEITHER: Final = -1  # of no epoch, of no step: a key cannot be null


def forget(connection: sa.Connection, run_id: str) -> None:
    """Delete what a try that was killed has left."""
    for table in (tables.run_metric, tables.run_check):
        connection.execute(sa.delete(table).where(table.c.run_id == run_id))


def put_metrics(connection: sa.Connection, run_id: str, rows: Sequence[runs.Metric]) -> None:
    """Record numbers; one that is there already keeps its newest value."""
    if not rows:
        return
    values = [
        {
            "run_id": run_id,
            "name": row.name,
            "epoch": _NEITHER if row.epoch is None else row.epoch,
            "step": _NEITHER if row.step is None else row.step,
            "value": row.value,
        }
        for row in rows
    ]
    insert = pg.insert(tables.run_metric).values(values)
    keys = ["run_id", "name", "epoch", "step"]
    connection.execute(
        insert.on_conflict_do_update(index_elements=keys, set_={"value": insert.excluded.value})
    )


def put_checks(connection: sa.Connection, run_id: str, told: Sequence[checks.Check]) -> None:
    """Record checks, in place of those of the same stage and name."""
    for check in told:
        values = {"run_id": run_id, "stage": check.stage, "name": check.name}
        body = dataclasses.asdict(check)
        insert = pg.insert(tables.run_check).values(**values, body=body)
        keys = ["run_id", "stage", "name"]
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_={"body": body}))
