"""Postgres: the golden set, and who reviewed what when."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from retrain import store
from retrain.train.golden import rows
from schemas import training_tables

Connection = sa.Connection
_ROW = training_tables.golden.c


def in_force(connection: Connection) -> list[rows.Sentence]:
    """The sentences that judge, by id."""
    intent = store.read_through(_ROW.intent)
    query = sa.select(_ROW.id, _ROW.text, intent, _ROW.stratum).where(_ROW.retired_at.is_(None))
    by_id = connection.execute(query.order_by(_ROW.id)).mappings()
    return [rows.of(dict(row)) for row in by_id]


def add(
    connection: Connection,
    sentences: Sequence[rows.Sentence],
    reviewer: str,
    at: dt.datetime,
) -> None:
    """Put sentences in force, also such as were retired, as `reviewer` has reviewed them."""
    if not sentences:
        return
    values: list[dict[str, Any]] = []
    for each in sentences:
        values.append(
            {
                "id": each.id,
                "text": each.text,
                "intent": each.intent,
                "stratum": each.stratum,
                "reviewer": reviewer,
                "reviewed_at": at,
            }
        )
    insert = pg.insert(training_tables.golden).values(values)
    changed = ("text", "intent", "stratum", "reviewer", "reviewed_at")
    again = {name: insert.excluded[name] for name in changed}
    nobody = {"retired_at": None, "retired_by": None}
    anew = insert.on_conflict_do_update(index_elements=["id"], set_={**again, **nobody})
    connection.execute(anew)


def retire(connection: Connection, identity: str, by: str, at: dt.datetime) -> bool:
    """Take a sentence out; whether it was in force."""
    values = {"retired_at": at, "retired_by": by}
    return _changed(connection, [identity], values) == 1


def reviewed(
    connection: Connection,
    identities: Sequence[str],
    by: str,
    at: dt.datetime,
) -> int:
    """Record that a person has looked at sentences again; how many of them are in force."""
    return _changed(connection, identities, {"reviewer": by, "reviewed_at": at})


def _changed(connection: Connection, identities: Sequence[str], values: dict[str, Any]) -> int:
    """How many sentences in force are among these, and have the new values now."""
    mine = sa.and_(_ROW.id.in_(identities), _ROW.retired_at.is_(None))
    done = connection.execute(sa.update(training_tables.golden).where(mine).values(values))
    return done.rowcount


def listed(connection: Connection) -> list[dict[str, Any]]:
    """All that ever were, stratum by stratum, the oldest review first."""
    order = (_ROW.stratum, _ROW.reviewed_at, _ROW.id)
    every = connection.execute(sa.select(training_tables.golden).order_by(*order))
    return [dict(row) for row in every.mappings()]
