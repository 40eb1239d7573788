"""Postgres's one door. Every engine is made here, so that every instant that comes in is UTC,
whatever zone the server, a role or a pooler sets, and that nothing waits for ever.

Arithmetic on instants of another zone is wall-clock arithmetic: where the clocks change, an hour is
lost or counted twice.

What a session needs, each transaction sets for itself: behind a pooler the next one may have
another connection of the server.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import psycopg
import sqlalchemy as sa
from psycopg import abc, adapt, pq
from pydantic import SecretStr

from streams import address, trouble

_CONNECT_S: Final = 5
_NO_TIMEOUTS: Final[Mapping[str, int]] = {}


Cursors = type[psycopg.Cursor[Any]]


class BinaryCursor(psycopg.Cursor[Any]):
    """Asks for results in binary: arrays and bytes, of which panes are made, then cost half."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.format = pq.Format.BINARY


class Connection(psycopg.Connection[Any]):
    """Gives up a server that says nothing: its own time-outs do not reach us where the network, or
    the server's process, stands still.
    """

    silent_s: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Raises psycopg.OperationalError after `silent_s` without an answer; the connection is
        closed then.
        """
        try:
            return super().wait(gen, interval, timeout or self.silent_s)
        except psycopg.errors._WaitTimeout:
            self.close()
            cause = f"no answer within {self.silent_s:g} s"
            raise psycopg.OperationalError(cause) from None


class _Door:
    """Makes connections to an address as it is by then; what refuses one is told with its
    SQLSTATE.
    """

    def __init__(self, source: address.Source, cursors: Cursors, silent_s: float | None) -> None:
        self._source = source
        self._cursors = cursors
        self._silent_s = silent_s

    def connected(self, *_: Any) -> Connection:
        """Raises psycopg.Error."""
        parameters = self._source.parameters() | {"connect_timeout": _CONNECT_S}
        try:
            # No statement is prepared: it would stay with one connection of the server.
            made = Connection.connect(
                **parameters,
                prepare_threshold=None,
                cursor_factory=self._cursors,
            )
        except psycopg.OperationalError as error:
            error.sqlstate = trouble.state(str(error))
            raise
        made.silent_s = self._silent_s
        return made


def engine(
    url: str | SecretStr,
    timeouts: Mapping[str, int] = _NO_TIMEOUTS,
    *,
    cursors: Cursors = psycopg.Cursor,
    silent_s: float | None = None,
    **more: Any,
) -> sa.Engine:
    """SQLAlchemy's engine with these options. Its transactions reckon in UTC, and have these
    `timeouts`: seconds by the name of Postgres's setting. `silent_s`: as long a server may say
    nothing. Raises address.NotAnAddress.
    """
    source = address.Source(url)
    made = sa.create_engine(source.url, **more)
    sa.event.listen(made, "do_connect", _Door(source, cursors, silent_s).connected)
    sa.event.listen(made, "connect", _read_in_utc)

    own = {"TimeZone": "UTC"}
    for name, seconds in timeouts.items():
        own[name] = f"{seconds}s"
    calls = [f"set_config('{name}', '{value}', true)" for name, value in own.items()]
    statement = f"select {', '.join(calls)}"  # one round trip for all

    @sa.event.listens_for(made, "begin")
    def set_for_itself(connection: sa.Connection) -> None:
        connection.exec_driver_sql(statement)

    return made


def _read_in_utc(connection: "psycopg.Connection[Any]", _: object) -> None:
    """Whatever the server writes, the driver reads UTC: a pooler may give the session another zone
    at any time.
    """
    for loader in (_Text, _Binary):
        connection.adapters.register_loader("timestamptz", loader)


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
