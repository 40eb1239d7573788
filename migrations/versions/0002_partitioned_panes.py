"""partition minute and hour panes by time, keep margins, measured signals, redriven letters,
stalled claims.
"""

import datetime as dt

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# Written out, as every revision must stay what it was: streams.panes.retention makes later
# partitions of the same widths and names.
WIDTHS = {"pane_minute": dt.timedelta(days=1), "pane_hour": dt.timedelta(days=7)}
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
TALLIES = ("pane_minute", "pane_hour", "pane_day", "window_state")


def upgrade() -> None:
    for table in TALLIES:
        for column in ("margin_sum_micro", "margin_n"):
            op.add_column(
                table, sa.Column(column, sa.BigInteger(), nullable=False, server_default="0")
            )
            op.alter_column(table, column, server_default=None)
    for table, width in WIDTHS.items():
        partition(table, width)
    op.add_column(
        "stream_offset", sa.Column("stalls", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column(
        "stream_offset", sa.Column("bad_until", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column("stream_clock", sa.Column("keep_from", sa.DateTime(timezone=True)))
    op.add_column("dead_letter", sa.Column("redriven_at", sa.DateTime(timezone=True)))
    op.alter_column("signal", "verdict", nullable=True)
    op.alter_column("signal", "limit", nullable=True)


def partition(table: str, width: dt.timedelta) -> None:
    """The same rows in a table partitioned by `start`."""
    op.execute(f"alter table {table} rename to {table}_whole")
    op.execute(f"alter index pk_{table} rename to pk_{table}_whole")
    op.execute(
        f"create table {table} (like {table}_whole including defaults) partition by range (start)"
    )
    op.execute(
        f"alter table {table} add constraint pk_{table} primary key (start, model, role, part)"
    )
    connection = op.get_bind()
    starts = connection.execute(sa.text(f"select distinct start from {table}_whole")).scalars()
    for begin in sorted({start - (start - EPOCH) % width for start in starts}):
        end = begin + width
        op.execute(
            f"create table {table}_{begin:%Y%m%d} partition of {table}"
            f" for values from ('{begin.isoformat()}') to ('{end.isoformat()}')"
        )
    op.execute(f"insert into {table} select * from {table}_whole")
    op.execute(f"drop table {table}_whole")


def downgrade() -> None:
    op.execute('delete from signal where verdict is null or "limit" is null')
    op.alter_column("signal", "limit", nullable=False)
    op.alter_column("signal", "verdict", nullable=False)
    op.drop_column("dead_letter", "redriven_at")
    op.drop_column("stream_clock", "keep_from")
    op.drop_column("stream_offset", "bad_until")
    op.drop_column("stream_offset", "stalls")
    for table in WIDTHS:
        op.execute(f"create table {table}_whole (like {table} including defaults)")
        op.execute(f"insert into {table}_whole select * from {table}")
        op.execute(f"drop table {table}")
        op.execute(f"alter table {table}_whole rename to {table}")
        op.execute(
            f"alter table {table} add constraint pk_{table} primary key (start, model, role, part)"
        )
    for table in TALLIES:
        op.drop_column(table, "margin_n")
        op.drop_column(table, "margin_sum_micro")
