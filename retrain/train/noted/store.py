"""Postgres: the numbers of a run, and its checks."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import checks, runs, tables

_NEITHER: Final = -1  # of no epoch, of no step: a key cannot be null
_STAGES: Final = list(checks.Stage)


def metrics(
    connection: sa.Connection, run_id: str | None = None
) -> Iterator[tuple[str, runs.Metric]]:
    """(run, number) of one run or of all, in the order of epochs and steps; one of the whole run is
    of neither.
    """
    table = tables.run_metric
    columns = sa.select(
        table.c.run_id,
        sa.func.nullif(table.c.epoch, _NEITHER),
        sa.func.nullif(table.c.step, _NEITHER),
        table.c.name,
        table.c.value,
    )
    ordered = _of(columns, table, run_id).order_by(
        table.c.run_id,
        table.c.epoch,
        table.c.step,
        table.c.name,
    )
    for run, *metric in connection.execute(ordered):
        yield run, runs.Metric(*metric)


def told(connection: sa.Connection, run_id: str | None = None) -> list[tuple[str, checks.Check]]:
    """(run, check) of one run or of all, by stage in the order of a run."""
    table = tables.run_check
    columns = sa.select(table.c.run_id, table.c.body)
    rows = []
    for run, body in connection.execute(_of(columns, table, run_id)):
        rows.append((run, msgspec.convert(body, checks.Check)))
    return sorted(rows, key=_place)


def _of(query: "sa.Select[Any]", table: sa.Table, run_id: str | None) -> "sa.Select[Any]":
    return query if run_id is None else query.where(table.c.run_id == run_id)


def _place(row: tuple[str, checks.Check]) -> tuple[str, int, str]:
    run, check = row
    return run, _STAGES.index(check.stage), check.name


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
