"""Postgres: what leaves the product. A message stands in the transaction of what it tells of, and the notifier carries it from there."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import tables


def post(connection: sa.Connection, *, dedupe_key: str, thread_key: str, kind: str, payload: Mapping[str, Any]) -> None:
    """Put a message into the outbox, in the transaction of what it tells of; the same key again changes nothing."""
    values = {"dedupe_key": dedupe_key, "thread_key": thread_key, "kind": kind, "payload": payload}
    connection.execute(pg.insert(tables.outbox).values(values).on_conflict_do_nothing())


def alarm(connection: sa.Connection, key: str, cause: str, remedy: str) -> None:
    """Tell the on-call once."""
    post(connection, dedupe_key=f"alarm:{key}", thread_key=f"alarm:{key}", kind="alarm", payload={"cause": cause, "remedy": remedy})


def today(connection: sa.Connection) -> dt.date:
    """The day, by database time in UTC."""
    return connection.execute(sa.select(sa.cast(sa.func.timezone("UTC", sa.func.now()), sa.Date))).scalar_one()
