"""partitions that a database outside of UTC has named or bounded by its own days."""

import datetime as dt
import re

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# Written out, as every revision must stay what it was.
WIDTHS = {"pane_minute": dt.timedelta(days=1), "pane_hour": dt.timedelta(days=7)}
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def upgrade() -> None:
    for table, width in WIDTHS.items():
        if not all(right(table, width, *partition) for partition in partitions(table)):
            made_anew(table, width)


def downgrade() -> None:
    """UTC's partitions are good for every revision that has any."""


def partitions(table: str) -> list[tuple[str, str]]:
    query = sa.text(
        "select c.relname, pg_get_expr(c.relpartbound, c.oid)"
        " from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent = to_regclass(:name)"
    )
    rows = op.get_bind().execute(query, {"name": table})
    return [(row[0], row[1]) for row in rows]


def right(table: str, width: dt.timedelta, name: str, bounds: str) -> bool:
    begin, end = (dt.datetime.fromisoformat(text) for text in re.findall(r"'([^']+)'", bounds))
    return (
        name == f"{table}_{begin:%Y%m%d}"
        and end - begin == width
        and (begin - EPOCH) % width == dt.timedelta(0)
    )


def made_anew(table: str, width: dt.timedelta) -> None:
    """The same rows, in partitions of UTC days and weeks."""
    # A worker of the version before may still flush.
    op.execute(f"lock table {table} in access exclusive mode")
    op.execute(f"create table {table}_whole (like {table} including defaults)")
    op.execute(f"insert into {table}_whole select * from {table}")
    for name, _ in partitions(table):
        op.execute(f"drop table {name}")
    starts = op.get_bind().execute(sa.text(f"select distinct start from {table}_whole")).scalars()
    for begin in sorted({start - (start - EPOCH) % width for start in starts}):
        end = begin + width
        op.execute(
            f"create table {table}_{begin:%Y%m%d} partition of {table}"
            f" for values from ('{begin.isoformat()}') to ('{end.isoformat()}')"
        )
    op.execute(f"insert into {table} select * from {table}_whole")
    op.execute(f"drop table {table}_whole")
