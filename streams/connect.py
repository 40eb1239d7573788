"""Postgres's one door. Every engine is made here, so that every instant that comes in is UTC,
whatever zone the server, a role or a pooler sets.

Arithmetic on instants of another zone is wall-clock arithmetic: where the clocks change, an hour is
lost or counted twice.
"""

import datetime as dt
from typing import Any, ClassVar

import psycopg
import sqlalchemy as sa
from psycopg import abc, adapt, pq


class BinaryCursor(psycopg.Cursor[Any]):
    """Asks for results in binary: arrays and bytes, of which panes are made, then cost half."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.format = pq.Format.BINARY


def engine(url: str, **more: Any) -> sa.Engine:
    """SQLAlchemy's engine with these options; its sessions reckon in UTC."""
    made = sa.create_engine(url, **more)
    sa.event.listen(made, "connect", _reckon_in_utc)
    return made


def _reckon_in_utc(connection: "psycopg.Connection[Any]", _: object) -> None:
    """Both halves: what the server reckons and writes, and what the driver reads. A pooler may give
    the session another zone at any time.
    """
    for loader in (_Text, _Binary):
        connection.adapters.register_loader("timestamptz", loader)
    connection.execute("set time zone 'UTC'")
    connection.commit()


class _Loader(adapt.Loader):
    """psycopg's own reading of an instant, in C, where that gives UTC by itself; made UTC where the
    session has another zone after all.
    """

    own: ClassVar[type[abc.Loader]]

    def __new__(cls, oid: int, context: abc.AdaptContext | None = None) -> Any:
        connection = context.connection if context else None
        in_utc = connection is not None and connection.info.timezone is dt.UTC
        return cls.own(oid, context) if in_utc else super().__new__(cls)

    def __init__(self, oid: int, context: abc.AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        self._own = self.own(oid, context)

    def load(self, data: abc.Buffer) -> dt.datetime:
        """Raises psycopg.DataError for what Python has no instant for: infinity, years before 1 and
        after 9999.
        """
        instant: dt.datetime = self._own.load(data)
        try:
            return instant.astimezone(dt.UTC)
        except OverflowError:
            raise psycopg.DataError(f"{instant} lies outside the years 1 to 9999 in UTC") from None


def _own(form: pq.Format) -> type[abc.Loader]:
    adapters = psycopg.adapters
    loader = adapters.get_loader(adapters.types["timestamptz"].oid, form)
    assert loader is not None
    return loader


class _Text(_Loader):
    format = pq.Format.TEXT
    own = _own(pq.Format.TEXT)


class _Binary(_Loader):
    format = pq.Format.BINARY
    own = _own(pq.Format.BINARY)
