"""Postgres: what is on record of a run."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
import sqlalchemy as sa

from retrain import store
from retrain.evaluation import confusion, validation
from retrain.train.report import account
from schemas import checks, decisions, runs, tables

_STAGES: Final = list(checks.Stage)
Part = TypeVar("Part", confusion.Scores, validation.Validation, account.Load)
Noun = TypeVar("Noun", account.Run, decisions.Decision)


def told(connection: sa.Connection, run_id: str) -> account.Account | None:
    """Everything of a run; None for one that nobody has queued."""
    row = store.run(connection, run_id)
    if row is None:
        return None
    evaluation = row["evaluation"] or {}
    run = _convert({**row, "gates": row["gates"] or []}, account.Run)
    return account.Account(
        run=run,
        steps=_steps(connection, run_id),
        metrics=_metrics(connection, run_id),
        checks=_checks(connection, run_id),
        scores=_part(evaluation, confusion.Scores),
        validation=_part(evaluation.get("validation"), validation.Validation),
        load=_part(evaluation.get("load_test"), account.Load),
        decision=_decision(connection, run.decision_id),
    )


def _steps(connection: sa.Connection, run_id: str) -> tuple[account.Step, ...]:
    table = tables.run_step
    columns = sa.select(
        table.c.step,
        table.c.at,
        table.c.detail,
    )
    mine = columns.where(table.c.run_id == run_id).order_by(table.c.at)
    return tuple(account.Step(*row) for row in connection.execute(mine))


def _metrics(connection: sa.Connection, run_id: str) -> tuple[runs.Metric, ...]:
    """In the order of epochs and steps; one of the whole run is of neither."""
    table = tables.run_metric
    columns = sa.select(
        sa.func.nullif(table.c.epoch, -1),
        sa.func.nullif(table.c.step, -1),
        table.c.name,
        table.c.value,
    )
    mine = columns.where(table.c.run_id == run_id)
    ordered = mine.order_by(
        table.c.epoch,
        table.c.step,
        table.c.name,
    )
    return tuple(runs.Metric(*row) for row in connection.execute(ordered))


def _checks(connection: sa.Connection, run_id: str) -> tuple[checks.Check, ...]:
    """By stage, in the order of a run."""
    table = tables.run_check
    mine = sa.select(table.c.body).where(table.c.run_id == run_id)
    bodies = connection.execute(mine).scalars()
    told = [msgspec.convert(body, checks.Check) for body in bodies]
    return tuple(sorted(told, key=_place))


def _place(check: checks.Check) -> tuple[int, str]:
    return _STAGES.index(check.stage), check.name


def _part(body: object, kind: type[Part]) -> Part | None:
    """A part of an evaluation; None where there is none, or not all of it, as in runs of before."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError:
        return None


def _decision(connection: sa.Connection, decision_id: str | None) -> decisions.Decision | None:
    """What asked for the run; None where a person did."""
    row = store.decision(connection, decision_id) if decision_id else None
    return _convert(row, decisions.Decision) if row else None


def _convert(row: Mapping[str, Any], kind: type[Noun]) -> Noun:
    """A row as the noun whose fields have its columns' names; of others it takes the default."""
    columns = {}
    for field in dataclasses.fields(kind):
        if field.name in row:
            columns[field.name] = row[field.name]
    return msgspec.convert(columns, kind)
