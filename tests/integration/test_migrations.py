"""Migrations make exactly the declared tables, and every revision goes down and up again with data in it."""

import datetime as dt
import re
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql as pg

from schemas import tables
from services.local import topology
from streams.panes import retention
from streams.panes import store as pane_store

PARTITIONED = ("pane_minute", "pane_hour")
ROOT = Path(__file__).parents[2]


def configuration(url: str) -> Config:
    config = Config(str(ROOT / "alembic.ini"))
    config.set_main_option("sqlalchemy.url", url)
    return config


def declared(_object: object, name: str | None, kind: str, reflected: bool, _compare_to: object) -> bool:
    """Partitions are made as time goes on; the table they belong to is declared."""
    return not (kind == "table" and reflected and name and re.fullmatch(r"pane_(minute|hour)_\d{8}", name))


def test_upgrade_head_equals_the_declared_tables(database: str) -> None:
    engine = sa.create_engine(database, poolclass=sa.NullPool)
    with engine.connect() as connection:
        opts = {"compare_type": True, "compare_server_default": True, "include_object": declared}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, tables.metadata) == []


def test_every_revision_goes_down_and_up_with_data_in_it(empty_database: str) -> None:
    config = configuration(empty_database)
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    assert revisions
    for revision in revisions:
        command.upgrade(config, revision)
        filled = fill(empty_database)
        assert filled
        command.downgrade(config, "-1")
        command.upgrade(config, revision)
    topology.migrate(empty_database)


def fill(url: str) -> int:
    """One row in every table that stands now: the smallest value of each column's type."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    found = sa.MetaData()
    found.reflect(engine)
    with engine.begin() as connection:
        for table in PARTITIONED if "margin_n" in found.tables["pane_minute"].c else ():
            pane_store.make_partitions(connection, table, retention.slots(table, [dt.datetime.now(dt.UTC)]))
        for table in found.sorted_tables:
            if table.name != "alembic_version" and not re.fullmatch(r"pane_(minute|hour)_\d{8}", table.name):
                row = {c.name: smallest(c) for c in table.columns if not c.identity}
                connection.execute(pg.insert(table).values(row).on_conflict_do_nothing())  # a row of the revision before may stand there
    return len(found.sorted_tables) - 1


def smallest(column: sa.Column[object]) -> object:
    values = {sa.Integer: 1, sa.Float: 1.0, sa.Text: "x", sa.Boolean: True, sa.LargeBinary: b"x", sa.ARRAY: [], sa.JSON: {}, sa.DateTime: sa.func.now()}
    return next(value for kind, value in values.items() if isinstance(column.type, kind))
