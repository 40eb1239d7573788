"""Roles of their own on the tests' Postgres, and addresses with something else in them."""

import contextlib
import uuid
from collections.abc import Iterator

import sqlalchemy as sa

from streams import connect

PASSWORD = "s3cret"


def at(database: str, /, **changed: object) -> str:
    """The same address with something else in it."""
    return sa.make_url(database).set(**changed).render_as_string(hide_password=False)  # type: ignore[arg-type]


def asking(database: str, /, **query: str) -> str:
    """The same address with more parameters."""
    url = sa.make_url(database).update_query_dict(query)
    return url.render_as_string(hide_password=False)


def unpooled(database: str) -> sa.Engine:
    return connect.engine(database, poolclass=sa.NullPool)


def execute(database: str, statement: str) -> None:
    """One statement on its own, committed."""
    alone = unpooled(database).execution_options(isolation_level="AUTOCOMMIT")
    with alone.connect() as connection:
        connection.exec_driver_sql(statement)


@contextlib.contextmanager
def made(database: str) -> Iterator[str]:
    """A role that may read and write everything."""
    name = f"role_{uuid.uuid4().hex[:8]}"
    execute(database, f"create role {name} login password '{PASSWORD}'")
    execute(database, f"grant pg_read_all_data, pg_write_all_data to {name}")
    execute(database, f"grant create on schema public to {name}")
    try:
        yield name
    finally:
        disconnect(database, name)
        execute(database, f"drop owned by {name}")
        execute(database, f"drop role {name}")


def disconnect(database: str, role: str) -> None:
    """End every connection of the role."""
    ended = f"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{role}'"
    execute(database, ended)


@contextlib.contextmanager
def passwords_asked_for(database: str, role: str) -> Iterator[None]:
    """The embedded server trusts everybody; of this role it demands a password meanwhile."""
    with unpooled(database).connect() as connection:
        read = "select pg_read_file(setting) from pg_settings where name = 'hba_file'"
        before = str(connection.exec_driver_sql(read).scalar_one())
        path = str(connection.exec_driver_sql("show hba_file").scalar_one())
    rules = [text for text in before.splitlines() if text and not text.startswith("#")]

    def write(lines: list[str]) -> None:
        values = ", ".join(f"('{text}')" for text in lines)
        execute(database, f"copy (select * from (values {values}) rule) to '{path}'")
        execute(database, "select pg_reload_conf()")

    write([f"host all {role} 127.0.0.1/32 scram-sha-256", *rules])
    try:
        yield
    finally:
        write(rules)
