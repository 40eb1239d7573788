"""Postgres, opened or refused: one sentence for each thing that can be wrong with
INTENTWATCH_DATABASE_URL, or with what is asked of the database behind it.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Final

import sqlalchemy as sa
from pydantic import SecretStr

from schemas import escaping, present, settings, succession, tables, taxonomy
from streams import address, connect, transient, trouble
from streams.intents import places
from streams.intents import store as intents_store

# What begins a transaction: an engine's own `begin`, or one that guards a right.
Begin = Callable[[], AbstractContextManager[sa.Connection]]

# The oldest server that ends a transaction which takes too long (transaction_timeout).
_OLDEST: Final = 17
_OURS: Final = re.compile(r"\d{4}")
# Over what the server is given, before its silence is taken for an outage.
_SILENT_S: Final = 15


def engine(
    url: str | SecretStr, *, transaction_s: int | None = None, idle_s: int = 60
) -> sa.Engine:
    """Connections that give up instead of hanging. `transaction_s`: no transaction may take longer;
    `idle_s`: nor may its client be silent for longer amid one. Whatever stops the client, its locks
    are free then. Raises address.NotAnAddress.
    """
    if transaction_s is None:
        timeouts = {
            "statement_timeout": 60,
            "lock_timeout": 20,
            "idle_in_transaction_session_timeout": idle_s,
        }
    else:
        timeouts = {"lock_timeout": transaction_s, "transaction_timeout": transaction_s}
    return connect.engine(
        url,
        timeouts,
        cursors=connect.BinaryCursor,
        silent_s=max(timeouts.values()) + _SILENT_S,
        pool_size=4,
        pool_pre_ping=True,
    )


def meant(error: sa.exc.SQLAlchemyError) -> trouble.Trouble:
    """What an error of Postgres means, and what to do about it."""
    words = str(getattr(error, "orig", None) or error)
    return trouble.of(transient.state(error), words)


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Whatever Postgres refuses within it ends the process: one line with cause and remedy, and the
    contract's exit code.
    """
    try:
        yield
    except address.NotAnAddress as error:
        settings.refuse(str(error))
    except sa.exc.SQLAlchemyError as error:
        told = meant(error)
        settings.refuse(told.sentence, told.code)


def revision(connection: sa.Connection) -> str | None:
    """Which migration made the tables; None where that is not on record. Raises ProgrammingError
    where there are none.
    """
    version = sa.text("select max(version_num) from alembic_version")
    newest = connection.execute(version).scalar()
    return None if newest is None else str(newest)


def opened(url: SecretStr | None, *, writes: bool = False) -> sa.Engine:
    """An engine on a database that answers, has its tables and is of this process's taxonomy; a new
    one becomes so. `writes`: a standby is no good. Else the process ends, exit 3 or 4.
    """
    made = answering(url, writes=writes)
    with refusing(), made.begin() as connection:
        held = intents_store.held(connection)
        if held is None:
            intents_store.claim(connection, present.TAXONOMY)
            held = intents_store.held(connection)
    assert held is not None
    taxonomy_held, intents_held = held
    strange = stranger(taxonomy_held)
    if strange is not None:
        settings.refuse(strange)
    places.learn(intents_held)
    return made


def stranger(held: taxonomy.Taxonomy) -> str | None:
    """Why a database of this taxonomy is not this process's, with the remedy; None where it is."""
    ours = present.TAXONOMY
    change = succession.difference(held, ours)
    if change.kind is succession.Kind.SAME:
        return None
    versions = f"the database's taxonomy is {held.version}, this process's {ours.version}"
    cause = f"{versions}: {change.words}"
    if change.kind is succession.Kind.OTHER:
        remedy = f"point {present.VARIABLE} at the file of {held.version}"
        return f"{cause}; {remedy}, or use a database of its own"
    return f"{cause}; apply that with `python -m services.provision taxonomy`"


def answering(url: SecretStr | None, *, writes: bool = False) -> sa.Engine:
    """An engine on a database that answers and has its tables. Ends with exit 3 for an address that
    is none, else with exit 4.
    """
    assert url is not None  # settings.load("database_url") has refused otherwise
    with refusing():
        made = engine(url)
        with made.connect() as connection:
            why = _unfit(connection, writes=writes)
    if why is not None:
        settings.refuse(why, settings.EXIT_DEPENDENCY)
    return made


def others(revision: str) -> str | None:
    """Whose tables these are where they are not intentwatch's, with the remedy; None where they
    are, of whichever version.
    """
    if _OURS.fullmatch(revision):
        return None
    shown = escaping.printable(revision)[:40]
    cause = f"the database's tables are another product's (alembic_version {shown})"
    return f"{cause}; give intentwatch a database of its own"


def _unfit(connection: sa.Connection, *, writes: bool) -> str | None:
    """Why this process cannot work on this database, with the remedy; None where it can."""
    server, *_ = connection.dialect.server_version_info or (_OLDEST,)
    if int(server) < _OLDEST:
        cause = f"the server is PostgreSQL {server}"
        return f"{cause}; intentwatch needs {_OLDEST} or a newer one"
    current = revision(connection)
    if current is None:
        return f"{trouble.NO_TABLES}; {trouble.MIGRATE}"
    foreign = others(current)
    if foreign is not None:
        return foreign
    if current < tables.REVISION:  # a newer one is what a rolling upgrade looks like
        cause = f"the database is at {current}, this version needs {tables.REVISION}"
        return f"{cause}; run `alembic upgrade head`"
    if writes and connection.execute(sa.text("show transaction_read_only")).scalar() == "on":
        return trouble.of("25006", "").sentence
    return None
