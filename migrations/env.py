"""Run migrations against INTENTWATCH_DATABASE_URL (or the URL a caller put in the configuration).
Never autogenerates at run time.
"""

import sys

from alembic import context
from alembic.runtime.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import Connection, pool, text

from schemas import (
    serving_tables,
    settings,
    training_tables,  # noqa: F401  declares its tables on the same MetaData
)
from streams import connect, database

# Another migration may be at it: as long as this one waits for it to end.
TIMEOUTS = {"lock_timeout": 60, "statement_timeout": 300}
# A table that somebody holds: traffic would queue behind whoever waits for longer.
TABLE_S = 5


def _url() -> str | SecretStr:
    url = context.config.get_main_option("sqlalchemy.url")
    if url:
        return url
    loaded = settings.load("database_url").database_url
    assert loaded is not None  # settings.load refuses otherwise
    return loaded


def _alone(connection: Connection) -> None:
    """Until the end of the transaction no other migration begins, and what was at it has ended."""
    connection.execute(text("select pg_advisory_xact_lock(hashtext('intentwatch.migrations'))"))
    connection.execute(text(f"set local lock_timeout = '{TABLE_S}s'"))


def _newer(connection: Connection) -> str | None:
    """The revision of a database that a newer version has migrated; None where that is none. Ends
    with exit 4 where the tables are another product's.
    """
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        return None
    foreign = database.others(current)
    if foreign is not None:
        settings.refuse(foreign, settings.EXIT_DEPENDENCY)
    return current if current > str(context.get_head_revision()) else None


def run() -> None:
    """All that is to be done in one transaction: in whole, or not at all. A lock that is not to be
    had ends it, exit 75, instead of queueing traffic behind it.
    """
    silent_s = max(TIMEOUTS.values()) + TABLE_S
    engine = connect.engine(_url(), TIMEOUTS, silent_s=silent_s, poolclass=pool.NullPool)
    with engine.begin() as connection:
        _alone(connection)
        if newer := _newer(connection):
            words = f"the database is at {newer}, a newer version's: nothing was changed"
            sys.stderr.write(f"intentwatch: {words}\n")
            return
        context.configure(
            connection=connection,
            target_metadata=serving_tables.metadata,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()


with database.refusing():
    run()
