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
    table = tables.pane_minute
    places = [windows.Place(*key, part) for part, (keys, _) in counted.items() for key in keys]
    if not places:
        return
    order = sorted(places)
    stored = minutes(connection, order)
    old = [windows.Place(row["start"], row["model"], row["role"], row["part"]) for row in stored]
    number = {place: i for i, place in enumerate(order)}
    both = tallies.stacked(
        [tallies.from_rows(intent_places.read(stored)), *(found for _, found in counted.values())]
    )
    put_panes(
        connection,
        table,
        order,
        both.merged(
            np.array([number[place] for place in [*old, *places]], dtype=np.int64), len(order)
        ),
    )
    # A mark that stands already is written again, which locks it: the roll-up must not take it
    # before these panes can be seen.
    upsert(connection, tables.pane_dirty, [place._asdict() for place in order], ["part"])


def minutes(connection: Connection, places: Sequence[windows.Place]) -> Sequence[Any]:
    """The rows of those of these minute panes that stand already."""
    table = tables.pane_minute
    wanted = _records(table, [place._asdict() for place in places])
    same = sa.and_(*(table.c[name] == wanted.c[name] for name in windows.Place._fields))
    return connection.execute(as_driven(table).join_from(table, wanted, same)).mappings().all()


def put_panes(
    connection: Connection, table: sa.Table, places: Sequence[windows.Place], found: tallies.Tallies
) -> None:
    """Write panes whole, over what was there."""
    rows = intent_places.written(tallies.to_rows(found))
    upsert(
        connection,
        table,
        [{**place._asdict(), **row} for place, row in zip(places, rows, strict=True)],
        windows.TALLY_COLUMNS,
    )


def upsert(
    connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], fresh: Iterable[str]
) -> None:
    """Insert rows, or set the columns `fresh` of those that stand already. One statement for all:
    one a row took ten times as long.
    """
    if not rows:
        return
    insert = pg.insert(table).from_select(list(rows[0]), sa.select(*_records(table, rows).c))
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=list(table.primary_key), set_={c: insert.excluded[c] for c in fresh}
        )
    )


def _records(table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> sa.TableValuedAlias:
    """Rows as a source to select from: one parameter for all of them."""
    document = msgspec.json.encode(
        [{name: _as_json(value) for name, value in row.items()} for row in rows]
    ).decode()
    found = sa.func.json_populate_recordset(
        sa.literal_column(f"null::{table.name}"),
        sa.cast(sa.bindparam("document", document, sa.Text), pg.JSON),
    )
    return found.table_valued(
        *(sa.column(name, table.c[name].type) for name in rows[0]), name="given"
    )


def _as_json(value: Any) -> Any:
    return f"\\x{value.hex()}" if isinstance(value, bytes) else value  # how Postgres writes a bytea


def as_driven(table: sa.Table) -> "sa.Select[*tuple[Any, ...]]":
    """All columns, as the driver gives them: SQLAlchemy would go through every array once more."""
    return sa.select(
        *(sa.type_coerce(column, sa.types.NullType()).label(column.name) for column in table.c)
    )


def partitions(connection: Connection, table: str) -> set[str]:
    """The names of a pane table's partitions."""
    query = sa.text(
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = to_regclass(:name)"
    )
    return set(connection.execute(query, {"name": table}).scalars())


def make_partitions(connection: Connection, table: str, slots: Iterable[dt.datetime]) -> None:
    """Make the partitions that are missing. Attached, not created in place: that would lock the
    table against every writer.
    """
    wanted = {retention.name(table, slot): slot for slot in slots}
    if wanted.keys() <= partitions(connection, table):
        return
    # Two workers need the same one at midnight.
    connection.execute(sa.text("select pg_advisory_xact_lock(hashtext('intentwatch.partitions'))"))
    for name in sorted(wanted.keys() - partitions(connection, table)):
        begin, end = wanted[name].isoformat(), (wanted[name] + retention.WIDTHS[table]).isoformat()
        connection.execute(sa.text(f"create table {name} (like {table} including all)"))
        connection.execute(
            sa.text(
                f"alter table {table} attach partition {name} for values from ('{begin}') to ('{end}')"
            )
        )
