"""Migrations make exactly the declared tables, and every revision goes down and up again with data
in it.
"""

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

from schemas import present, succession, tables, training_tables
from services.local import topology
from streams import connect
from streams.intents import store as intents_store
from streams.panes import retention
from streams.panes import store as pane_store

PARTITIONED = ("pane_minute", "pane_hour")
ROOT = Path(__file__).parents[2]
# In the hour that the databases of these tests have twice.
AT = dt.datetime(2026, 11, 1, 5, 30, tzinfo=dt.UTC)


def configuration(url: str) -> Config:
    config = Config(str(ROOT / "alembic.ini"))
    config.set_main_option("sqlalchemy.url", url)
    return config


def declared(
    _object: object, name: str | None, kind: str, reflected: bool, _compare_to: object
) -> bool:
    """Partitions are made as time goes on; the table they belong to is declared."""
    return not (
        kind == "table" and reflected and name and re.fullmatch(r"pane_(minute|hour)_\d{8}", name)
    )


def test_upgrade_head_equals_the_declared_tables(database: str) -> None:
    engine = connect.engine(database, poolclass=sa.NullPool)
    with engine.connect() as connection:
        opts = {"compare_type": True, "compare_server_default": True, "include_object": declared}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, training_tables.metadata) == []


def test_every_revision_goes_down_and_up_with_data_in_it(empty_database: str) -> None:
    config = configuration(empty_database)
    revisions = [
        script.revision for script in ScriptDirectory.from_config(config).walk_revisions()
    ][::-1]
    assert revisions
    for revision in revisions:
        command.upgrade(config, revision)
        filled = fill(empty_database)
        assert filled
        command.downgrade(config, "-1")
        command.upgrade(config, revision)
    topology.migrate(empty_database)


def test_partitions_that_another_zone_has_named_and_bounded_become_utcs_with_every_row(
    empty_database: str,
) -> None:
    """As New York's clocks left them: a name of the local day, and a week an hour too long."""
    command.upgrade(configuration(empty_database), "0003")
    engine = connect.engine(empty_database, poolclass=sa.NullPool)
    columns = [c for c in tables.pane_hour.columns if c.name != "start"]
    row = {c.name: smallest(c) for c in columns}
    starts = [
        dt.datetime(2026, 10, 29, tzinfo=dt.UTC) + hours * dt.timedelta(hours=1)
        for hours in (0, 100, 168)
    ]
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "create table pane_hour_20261028 partition of pane_hour"
                " for values from ('2026-10-29 00:00Z') to ('2026-11-05 01:00Z')"
            )
        )
        connection.execute(
            sa.insert(tables.pane_hour), [row | {"start": start} for start in starts]
        )
        pane_store.make_partitions(
            connection, "pane_minute", retention.slots("pane_minute", starts)
        )
    topology.migrate(empty_database)
    with engine.begin() as connection:
        assert pane_store.partitions(connection, "pane_hour") == {
            "pane_hour_20261029",
            "pane_hour_20261105",
        }
        assert pane_store.partitions(connection, "pane_minute") == {
            "pane_minute_20261029",
            "pane_minute_20261102",
            "pane_minute_20261105",
        }
        assert (
            list(
                connection.execute(
                    sa.select(tables.pane_hour.c.start).order_by(tables.pane_hour.c.start)
                ).scalars()
            )
            == starts
        )
        pane_store.make_partitions(
            connection,
            "pane_hour",
            retention.slots("pane_hour", [*starts, starts[-1] + dt.timedelta(days=7)]),
        )


def test_a_database_of_before_is_mangaassists_and_a_new_one_is_nobodys(
    empty_database: str, database: str
) -> None:
    command.upgrade(configuration(empty_database), "0005")
    fill(empty_database)
    topology.migrate(empty_database)
    with connect.engine(empty_database, poolclass=sa.NullPool).connect() as connection:
        held, places = intents_store.held(connection) or (None, ())
    assert held is not None
    assert (succession.difference(held, present.TAXONOMY).words, places) == (
        "the same",
        present.INTENTS,
    )
    with connect.engine(database, poolclass=sa.NullPool).connect() as connection:
        assert intents_store.held(connection) is None


def fill(url: str) -> int:
    """One row in every table that stands now: the smallest value of each column's type."""
    engine = connect.engine(url, poolclass=sa.NullPool)
    schema = sa.MetaData()
    schema.reflect(engine)
    with engine.begin() as connection:
        for name in PARTITIONED if "margin_n" in schema.tables["pane_minute"].c else ():
            pane_store.make_partitions(connection, name, retention.slots(name, [AT]))
        for table in schema.sorted_tables:
            if table.name != "alembic_version" and not re.fullmatch(
                r"pane_(minute|hour)_\d{8}", table.name
            ):
                row = {c.name: smallest(c) for c in table.columns if not c.identity}
                # A row of the revision before may stand there.
                connection.execute(pg.insert(table).values(row).on_conflict_do_nothing())
    return len(schema.sorted_tables) - 1


def smallest(column: sa.Column[object]) -> object:
    values = {
        sa.Integer: 1,
        sa.Float: 1.0,
        sa.Text: "x",
        sa.Boolean: True,
        sa.LargeBinary: b"x",
        sa.ARRAY: [],
        sa.JSON: {},
        sa.DateTime: AT,
    }
    return next(value for kind, value in values.items() if isinstance(column.type, kind))
