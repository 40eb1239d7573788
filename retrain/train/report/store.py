"""Postgres: what is on record of a run."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from retrain.evaluation import baseline, confusion, validation
from retrain.train.noted import store as noted
from retrain.train.report import account
from schemas import decisions, tables

Baselines = tuple[baseline.Baseline, ...]
Part = TypeVar("Part", confusion.Scores, validation.Validation, account.Load, Baselines)
Noun = TypeVar("Noun", account.Run, decisions.Decision)


def told(connection: sa.Connection, run_id: str) -> account.Account | None:
    """Everything of a run; None for one that nobody has queued."""
    row = _row(connection, tables.run, run_id)
    if row is None:
        return None
    evaluation = row["evaluation"] or {}
    run = _run(row)
    return account.Account(
        run=run,
        steps=_steps(connection, run_id),
        metrics=tuple(metric for _, metric in noted.metrics(connection, run_id)),
        checks=tuple(check for _, check in noted.told(connection, run_id)),
        scores=_part(evaluation, confusion.Scores),
        validation=_part(evaluation.get("validation"), validation.Validation),
        load=_part(evaluation.get("load_test"), account.Load),
        baselines=_part(evaluation.get("baselines"), Baselines) or (),
        decision=_decision(connection, run.decision_id),
    )


def listed(connection: sa.Connection, most: int) -> list[account.Run]:
    """The runs queued last, the newest first."""
    table = tables.run
    columns = [column for column in table.c if column.name != "evaluation"]
    newest = sa.select(*columns).order_by(table.c.queued_at.desc(), table.c.id)
    rows = connection.execute(newest.limit(most)).mappings()
    return [_run(row) for row in rows]


def maker(connection: sa.Connection, model: str) -> str | None:
    """The run that has made a registered model; None for one that nobody knows."""
    table = tables.model_version
    query = sa.select(table.c.run_id).where(table.c.model == model)
    return connection.execute(query).scalar()


def _row(connection: sa.Connection, table: sa.Table, key: str) -> Any:
    """The row of that id, or None."""
    query = sa.select(table).where(table.c.id == key)
    return connection.execute(query).mappings().first()


def _run(row: Mapping[Any, Any]) -> account.Run:
    return _convert({**row, "gates": row["gates"] or []}, account.Run)


def _steps(connection: sa.Connection, run_id: str) -> tuple[account.Step, ...]:
    table = tables.run_step
    columns = sa.select(
        table.c.step,
        table.c.at,
        table.c.detail,
    )
    mine = columns.where(table.c.run_id == run_id).order_by(table.c.at)
    return tuple(account.Step(*row) for row in connection.execute(mine))


def _part(body: object, kind: type[Part]) -> Part | None:
    """A part of an evaluation; None where there is none, or not all of it, as in runs of before."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError:
        return None


def _decision(connection: sa.Connection, decision_id: str | None) -> decisions.Decision | None:
    """What asked for the run; None where a person did."""
    row = _row(connection, tables.decision, decision_id) if decision_id else None
    return _convert(row, decisions.Decision) if row else None


def _convert(row: Mapping[str, Any], kind: type[Noun]) -> Noun:
    """A row as the noun whose fields have its columns' names; of others it takes the default."""
    columns = {}
    for field in dataclasses.fields(kind):
        if field.name in row:
            columns[field.name] = row[field.name]
    return msgspec.convert(columns, kind)
