"""Postgres, opened or refused: one sentence for each thing that can be wrong with INTENTWATCH_DATABASE_URL."""

import sqlalchemy as sa
from pydantic import SecretStr

from schemas import present, settings, succession, tables, taxonomy
from streams import places, store

NO_ANSWER = "Postgres does not answer; check INTENTWATCH_DATABASE_URL or run `make up`"
NO_TABLES = "the database has no tables; run `alembic upgrade head`"


def opened(url: SecretStr | None) -> sa.Engine:
    """An engine on a database that answers, has its tables and is of this process's taxonomy; a new one becomes so. Else the process ends, exit 3 or 4."""
    engine = answering(url)
    with engine.begin() as connection:
        held = store.taxonomy(connection)
        if held is None:
            store.claim_taxonomy(connection, present.TAXONOMY)
            held = store.taxonomy(connection)
    assert held is not None
    strange = stranger(held[0])
    if strange is not None:
        settings.refuse(strange)
    places.learn(held[1])
    return engine


def stranger(held: taxonomy.Taxonomy) -> str | None:
    """Why a database of this taxonomy is not this process's, with the remedy; None where it is."""
    found = succession.difference(held, present.TAXONOMY)
    if found.kind is succession.Kind.SAME:
        return None
    whose = f"the database's taxonomy is {held.version}, this process's {present.TAXONOMY.version}: {found.words}"
    if found.kind is succession.Kind.OTHER:
        return f"{whose}; point {present.VARIABLE} at the file of {held.version}, or use a database of its own"
    return f"{whose}; apply that with `python -m services.provision taxonomy`"


def answering(url: SecretStr | None) -> sa.Engine:
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
