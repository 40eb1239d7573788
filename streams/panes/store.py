"""Postgres: panes, written whole and many at once, and the partitions of their tables. The caller
owns the transaction.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import tables, tallies, windows
from streams.count import observe
from streams.intents import places as intent_places
from streams.panes import retention

Connection = sa.Connection
Counted = Mapping[int, tuple[Sequence[observe.Key], tallies.Tallies]]  # by partition


def add_panes(connection: Connection, counted: Counted) -> None:
    """Add each partition's tallies to its minute panes and mark them for the roll-up. Its owner is
    the only writer, so read-add-write is safe.
    """
    places: list[windows.Place] = []
    added: list[tallies.Tallies] = []
    for part, (keys, seen) in counted.items():
        places += [windows.Place(*key, part) for key in keys]
        added.append(seen)
    if not places:
        return

    order = sorted(places)
    rows = minutes(connection, order)
    stored = tallies.from_rows(intent_places.read(rows))
    both = tallies.stacked([stored, *added])

    number = {place: i for i, place in enumerate(order)}
    owners = [*map(place_of, rows), *places]
    into = np.array([number[place] for place in owners], dtype=np.int64)
    merged = both.merged(into, len(order))
    put_panes(connection, tables.pane_minute, order, merged)

    # A mark that stands already is written again, which locks it: the roll-up must not take it
    # before these panes can be seen.
    marks = [place._asdict() for place in order]
    upsert(connection, tables.pane_dirty, marks, ["part"])


def place_of(row: Mapping[Any, Any]) -> windows.Place:
    """Where the pane of a row stands."""
    return windows.Place(
        start=row["start"],
        model=row["model"],
        role=row["role"],
        part=row["part"],
    )


def minutes(connection: Connection, places: Sequence[windows.Place]) -> Sequence[Any]:
    """The rows of those of these minute panes that stand already."""
    table = tables.pane_minute
    wanted = _records(table, [place._asdict() for place in places])
    same = []
    for name in windows.Place._fields:
        same.append(table.c[name] == wanted.c[name])

    query = as_driven(table).join_from(table, wanted, sa.and_(*same))
    return connection.execute(query).mappings().all()


def put_panes(
    connection: Connection,
    table: sa.Table,
    places: Sequence[windows.Place],
    counts: tallies.Tallies,
) -> None:
    """Write panes whole, over what was there. `counts`: the tally of each place."""
    columns = intent_places.written(tallies.to_rows(counts))
    rows = []
    for place, row in zip(places, columns, strict=True):
        rows.append({**place._asdict(), **row})
    upsert(connection, table, rows, windows.TALLY_COLUMNS)


def upsert(
    connection: Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    fresh: Iterable[str],
) -> None:
    """Insert rows, or set the columns `fresh` of those that stand already. One statement for all:
    one a row took ten times as long.
    """
    if not rows:
        return

    given = sa.select(*_records(table, rows).c)
    insert = pg.insert(table).from_select(list(rows[0]), given)
    change = insert.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={name: insert.excluded[name] for name in fresh},
    )
    connection.execute(change)


def _records(table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> sa.TableValuedAlias:
    """Rows as a source to select from: one parameter for all of them."""
    document = msgspec.json.encode([_as_json(row) for row in rows])
    parameter = sa.bindparam("document", document.decode(), sa.Text)
    recordset = sa.func.json_populate_recordset(
        sa.literal_column(f"null::{table.name}"),
        sa.cast(parameter, pg.JSON),
    )

    columns = []
    for name in rows[0]:
        column = sa.column(name, table.c[name].type)
        columns.append(column)
    return recordset.table_valued(*columns, name="given")


def _as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    written = dict(row)
    for name, value in row.items():
        if isinstance(value, bytes):
            written[name] = f"\\x{value.hex()}"  # how Postgres writes a bytea
    return written


def as_driven(table: sa.Table) -> "sa.Select[*tuple[Any, ...]]":
    """All columns, as the driver gives them: SQLAlchemy would go through every array once more."""
    columns = []
    for column in table.c:
        untyped = sa.type_coerce(column, sa.types.NullType())
        columns.append(untyped.label(column.name))
    return sa.select(*columns)


def partitions(connection: Connection, table: str) -> set[str]:
    """The names of a pane table's partitions."""
    query = sa.text(
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent = to_regclass(:name)"
    )
    return set(connection.execute(query, {"name": table}).scalars())


def make_partitions(
    connection: Connection,
    table: str,
    slots: Iterable[dt.datetime],
) -> None:
    """Make the partitions that are missing. Attached, not created in place: that would lock the
    table against every writer.
    """
    wanted = {retention.name(table, slot): slot for slot in slots}
    if wanted.keys() <= partitions(connection, table):
        return

    # Two workers need the same one at midnight.
    connection.execute(sa.text("select pg_advisory_xact_lock(hashtext('intentwatch.partitions'))"))
    missing = wanted.keys() - partitions(connection, table)
    for name in sorted(missing):
        begin = wanted[name]
        end = begin + retention.WIDTHS[table]
        span = f"from ('{begin.isoformat()}') to ('{end.isoformat()}')"
        attach = f"alter table {table} attach partition {name} for values {span}"
        connection.execute(sa.text(f"create table {name} (like {table} including all)"))
        connection.execute(sa.text(attach))
