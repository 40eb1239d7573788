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
    row = {
        "dedupe_key": message.dedupe_key,
        "thread_key": message.thread_key,
        "kind": message.kind,
        "payload": messages.payload(message),
    }
    insert = pg.insert(tables.outbox).values(row)
    connection.execute(insert.on_conflict_do_nothing())


def tell_newest(connection: sa.Connection, message: messages.AlertChanged) -> None:
    """Put what an alert shows now into the outbox in the place of what it showed before, sent or
    not: in a catch-up of many hours only the newest is worth an edit.
    """
    table = tables.outbox
    earlier = sa.delete(table).where(
        table.c.thread_key == message.thread_key,
        table.c.dedupe_key.startswith(message.passing, autoescape=True),
    )
    connection.execute(earlier)
    tell(connection, message)


def today(connection: sa.Connection) -> dt.date:
    """The day, by database time in UTC."""
    in_utc = sa.func.timezone("UTC", sa.func.now())
    return connection.execute(sa.select(sa.cast(in_utc, sa.Date))).scalar_one()
