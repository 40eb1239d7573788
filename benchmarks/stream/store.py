"""What the benchmark reads from Postgres. One function per question; the caller owns the
connection.
"""

import datetime as dt

import sqlalchemy as sa

from benchmarks.stream import aggregator, oracle
from schemas import tables, windows
from streams import connect

Connection = sa.Connection


def engine(url: str) -> sa.Engine:
    """One connection that is kept, so that polling costs the server little."""
    return connect.engine(url, pool_size=1, isolation_level="AUTOCOMMIT")


def positions(connection: Connection, topic: str) -> dict[int, tuple[int, int]]:
    """Epoch and next offset of every partition, as committed."""
    table = tables.stream_offset
    rows = connection.execute(
        sa.select(table.c.part, table.c.epoch, table.c.next_offset).where(table.c.topic == topic)
    )
    return {row.part: (row.epoch, row.next_offset) for row in rows}


def dead_letters(connection: Connection) -> int:
    """How many there are."""
    return int(
        connection.execute(sa.select(sa.func.count()).select_from(tables.dead_letter)).scalar_one()
    )


def counted(connection: Connection) -> int:
    """Logs in minute panes."""
    return int(
        connection.execute(
            sa.select(sa.func.coalesce(sa.func.sum(tables.pane_minute.c.n), 0))
        ).scalar_one()
    )


def panes(connection: Connection) -> dict[oracle.PaneKey, oracle.Pane]:
    """Minute panes merged over partitions."""
    merged: dict[tuple[dt.datetime, str, str], windows.Tally] = {}
    for row in connection.execute(sa.select(tables.pane_minute)).mappings():
        key = (row["start"], row["model"], row["role"])
        tally = windows.from_row(row)
        merged[key] = merged[key] + tally if key in merged else tally
    return oracle.panes(aggregator.plain((*key, tally) for key, tally in merged.items()))


def set_clock(connection: Connection, topic: str, newest: dt.datetime) -> None:
    """As if everything up to `newest` had been read."""
    row = {
        "topic": topic,
        "part": 0,
        "next_offset": 1,
        "high_watermark": 1,
        "epoch": 1,
        "max_event_ts": newest,
    }
    table = tables.stream_offset
    connection.execute(sa.delete(table).where(table.c.topic == topic))
    connection.execute(sa.insert(table), row)
