"""Postgres, opened or refused: one sentence for each thing that can be wrong with INTENTWATCH_DATABASE_URL."""

import sqlalchemy as sa
from pydantic import SecretStr

from schemas import settings, tables
from streams import store

NO_ANSWER = "Postgres does not answer; check INTENTWATCH_DATABASE_URL or run `make up`"
NO_TABLES = "the database has no tables; run `alembic upgrade head`"


def opened(url: SecretStr | None) -> sa.Engine:
    """An engine on a database that answers and has its tables. Ends with exit 3 for an address that is none, else with exit 4."""
    assert url is not None  # settings.load("database_url") has refused otherwise
    try:
        engine = store.engine(url.get_secret_value())
        with engine.connect() as connection:
            revision = store.revision(connection)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ValueError):
        settings.refuse("INTENTWATCH_DATABASE_URL is not an address such as postgresql+psycopg://user:password@host:5432/database")
    except sa.exc.OperationalError:
        settings.refuse(NO_ANSWER, settings.EXIT_DEPENDENCY)
    except (sa.exc.ProgrammingError, sa.exc.NoResultFound):
        settings.refuse(NO_TABLES, settings.EXIT_DEPENDENCY)
    if revision < tables.REVISION:  # a newer one is what a rolling upgrade looks like
        settings.refuse(f"the database is at {revision}, this version needs {tables.REVISION}; run `alembic upgrade head`", settings.EXIT_DEPENDENCY)
    return engine
