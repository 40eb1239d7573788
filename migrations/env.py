"""Run migrations against INTENTWATCH_DATABASE_URL (or the URL a caller put in the configuration).
Never autogenerates at run time.
"""

from alembic import context
from sqlalchemy import pool, text
from sqlalchemy.exc import OperationalError

from schemas import (
    serving_tables,
    settings,
    training_tables,  # noqa: F401  declares its tables on the same MetaData
)
from streams import connect, database


def _url() -> str:
    url = context.config.get_main_option("sqlalchemy.url")
    if url:
        return url
    loaded = settings.load("database_url").database_url
    assert loaded is not None  # settings.load refuses otherwise
    return loaded.get_secret_value()


def run() -> None:
    """Each revision in its own transaction; a lock that is not to be had fails fast instead of
    queueing traffic behind it.
    """
    engine = connect.engine(_url(), poolclass=pool.NullPool)
    try:
        connection = engine.connect()
    except OperationalError:
        settings.refuse(database.NO_ANSWER, settings.EXIT_DEPENDENCY)
    with connection:
        connection.execute(text("set lock_timeout = '5s'"))
        connection.execute(text("set statement_timeout = '5min'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=serving_tables.metadata,
            transaction_per_migration=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
