"""Postgres: what leaves the product. A message stands in the transaction of what it tells of, and
the notifier carries it from there.
"""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import messages, tables


def tell(connection: sa.Connection, message: messages.Message) -> None:
    """Put a message into the outbox, in the transaction of what it tells of; the same one again
    changes nothing.
    """
    if isinstance(message, messages.AlertChanged) and message.passes:
        _forget(connection, message)
    row = {
        "dedupe_key": message.dedupe_key,
        "thread_key": message.thread_key,
        "kind": message.kind,
        "payload": messages.payload(message),
    }
    insert = pg.insert(tables.outbox).values(row)
    connection.execute(insert.on_conflict_do_nothing())


def _forget(connection: sa.Connection, message: messages.AlertChanged) -> None:
    """What an alert showed before, sent or not, gives way to what it shows now: in a catch-up of
    many hours only the newest is worth an edit.
    """
    table = tables.outbox
    earlier = sa.delete(table).where(
        table.c.thread_key == message.thread_key,
        table.c.dedupe_key.startswith(message.passing, autoescape=True),
    )
    connection.execute(earlier)


def today(connection: sa.Connection) -> dt.date:
    """The day, by database time in UTC."""
    in_utc = sa.func.timezone("UTC", sa.func.now())
    return connection.execute(sa.select(sa.cast(in_utc, sa.Date))).scalar_one()
