"""Postgres, opened or refused: one sentence for each thing that can be wrong with
INTENTWATCH_DATABASE_URL.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

import sqlalchemy as sa
from pydantic import SecretStr

from schemas import present, settings, succession, tables, taxonomy
from streams import connect
from streams.intents import places
from streams.intents import store as intents_store

# What begins a transaction: an engine's own `begin`, or one that guards a right.
Begin = Callable[[], AbstractContextManager[sa.Connection]]

NO_ANSWER = "Postgres does not answer; check INTENTWATCH_DATABASE_URL or run `make up`"
NO_ADDRESS = (
    "INTENTWATCH_DATABASE_URL is not an address such as "
    "postgresql+psycopg://user:password@host:5432/database"
)
NO_TABLES = "the database has no tables; run `alembic upgrade head`"


def engine(url: str, *, transaction_s: int | None = None, idle_s: int = 60) -> sa.Engine:
    """Connections that give up instead of hanging. `transaction_s`: no transaction may take longer;
    `idle_s`: nor may its client be silent for longer amid one. Whatever stops the client, its locks
    are free then.
    """
    if transaction_s is None:
        patience = {
            "statement_timeout": 60,
            "lock_timeout": 20,
            "idle_in_transaction_session_timeout": idle_s,
        }
    else:
        patience = {"lock_timeout": transaction_s, "transaction_timeout": transaction_s}
    options = " ".join(f"-c {name}={seconds}s" for name, seconds in patience.items())
    arguments = {
        "connect_timeout": 5,
        "options": options,
        "cursor_factory": connect.BinaryCursor,
    }
    return connect.engine(
        url,
        pool_size=4,
        pool_pre_ping=True,
        connect_args=arguments,
    )


def revision(connection: sa.Connection) -> str:
    """Which migration made the tables; fails where there are none."""
    version = sa.text("select version_num from alembic_version")
    return str(connection.execute(version).scalar_one())


def opened(url: SecretStr | None) -> sa.Engine:
    """An engine on a database that answers, has its tables and is of this process's taxonomy; a new
    one becomes so. Else the process ends, exit 3 or 4.
    """
    made = answering(url)
    with made.begin() as connection:
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


def answering(url: SecretStr | None) -> sa.Engine:
    """An engine on a database that answers and has its tables. Ends with exit 3 for an address that
    is none, else with exit 4.
    """
    assert url is not None  # settings.load("database_url") has refused otherwise
    try:
        made = engine(url.get_secret_value())
        with made.connect() as connection:
            current = revision(connection)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ValueError):
        settings.refuse(NO_ADDRESS)
    except sa.exc.OperationalError:
        settings.refuse(NO_ANSWER, settings.EXIT_DEPENDENCY)
    except (sa.exc.ProgrammingError, sa.exc.NoResultFound):
        settings.refuse(NO_TABLES, settings.EXIT_DEPENDENCY)
    if current < tables.REVISION:  # a newer one is what a rolling upgrade looks like
        cause = f"the database is at {current}, this version needs {tables.REVISION}"
        settings.refuse(f"{cause}; run `alembic upgrade head`", settings.EXIT_DEPENDENCY)
    return made
