"""Postgres: the stream's clock, changed minutes, panes, windows, retention. One function per
question; the caller owns the transaction.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import tables, tallies, windows
from streams import store as streams_store
from streams.intents import places
from streams.panes import retention
from streams.panes import store as pane_store
from streams.rollup import merge, watermark

Connection = sa.Connection


def note_high_watermarks(connection: Connection, topic: str, ends: Mapping[int, int]) -> None:
    """Remember how far each partition reaches, also of those nobody has claimed yet. `updated_at`
    starts anew where unread records appear.
    """
    table = tables.stream_offset
    insert = pg.insert(table)
    end = insert.excluded.high_watermark
    appeared = sa.and_(table.c.high_watermark <= table.c.next_offset, end > table.c.next_offset)
    set_ = {
        "high_watermark": end,
        "updated_at": sa.case((appeared, sa.func.now()), else_=table.c.updated_at),
    }
    change = insert.on_conflict_do_update(index_elements=["topic", "part"], set_=set_)
    rows = [
        {"topic": topic, "part": part, "next_offset": 0, "epoch": 0, "high_watermark": end}
        for part, end in sorted(ends.items())
    ]
    if rows:
        connection.execute(change, rows)


def positions(connection: Connection, topic: str) -> list[watermark.Position]:
    """Where every partition stands."""
    table = tables.stream_offset
    rows = connection.execute(sa.select(table).where(table.c.topic == topic))
    return [
        watermark.Position(row.next_offset, row.high_watermark, row.max_event_ts) for row in rows
    ]


def move_clock(connection: Connection, topic: str, to: dt.datetime | None) -> dt.datetime | None:
    """Set the stream's clock forward; it never goes back. Returns where it stands."""
    table = tables.stream_clock
    if to is not None:
        insert = pg.insert(table).values(topic=topic, watermark=to)
        moved_at = sa.case(
            (insert.excluded.watermark > table.c.watermark, sa.func.now()), else_=table.c.moved_at
        )
        later = {
            "watermark": sa.func.greatest(table.c.watermark, to),
            "updated_at": sa.func.now(),
            "moved_at": moved_at,
        }
        connection.execute(insert.on_conflict_do_update(index_elements=["topic"], set_=later))
    return streams_store.clock(connection, topic)


def take_dirty(connection: Connection, limit: int = 20_000) -> list[tuple[dt.datetime, str, str]]:
    """Remove marks of changed minutes, the oldest ones first, and return them, each once."""
    table = tables.pane_dirty
    some = (
        sa.select(table.c.start, table.c.model, table.c.role, table.c.part)
        .order_by(*table.primary_key)
        .limit(limit)
        .with_for_update()
    )
    chosen = sa.tuple_(*table.primary_key).in_(some)
    rows = connection.execute(
        sa.delete(table).where(chosen).returning(table.c.start, table.c.model, table.c.role)
    )
    return sorted({(row.start, row.model, row.role) for row in rows})


def oldest_dirty(connection: Connection) -> dt.datetime | None:
    """The oldest changed minute still to be rolled up."""
    return connection.execute(sa.select(sa.func.min(tables.pane_dirty.c.start))).scalar()


def panes(
    connection: Connection,
    table: sa.Table,
    start: dt.datetime,
    end: dt.datetime,
    models: Collection[str],
) -> merge.Panes:
    """Panes of these models with start <= pane.start < end."""
    rows = (
        connection.execute(
            pane_store.as_driven(table).where(
                table.c.start >= start, table.c.start < end, table.c.model.in_(models)
            )
        )
        .mappings()
        .all()
    )
    return merge.Panes(
        [windows.Place(row["start"], row["model"], row["role"], row["part"]) for row in rows],
        tallies.from_rows(places.read(rows)),
    )


def stored_windows(
    connection: Connection, horizon: str, targets: Collection[merge.Target]
) -> dict[merge.Target, merge.State]:
    """Windows of one horizon as they stand."""
    table = tables.window_state
    chosen = (
        table.c.horizon == horizon,
        table.c.end.in_({end for *_, end in targets}),
        table.c.model.in_({model for model, *_ in targets}),
    )
    rows = connection.execute(pane_store.as_driven(table).where(*chosen)).mappings()
    return {(row["model"], row["role"], row["end"]): _state(row) for row in rows}


def _state(row: Any) -> merge.State:
    (now,) = places.read([row])
    return merge.State(
        {name: now[name] for name in windows.TALLY_COLUMNS},
        row["revision"],
        row["amended"],
        row["complete"],
    )


def put_windows(
    connection: Connection, horizon: str, changed: Sequence[tuple[merge.Target, merge.State]]
) -> None:
    """Write windows whole."""
    width = windows.HORIZONS[horizon]
    rows = [
        {"model": model, "role": role, "horizon": horizon, "start": end - width, "end": end}
        | {"revision": state.revision, "amended": state.amended, "complete": state.complete, **row}
        for ((model, role, end), state), row in zip(
            changed, places.written([state.row for _, state in changed]), strict=True
        )
    ]
    pane_store.upsert(
        connection,
        tables.window_state,
        rows,
        ("revision", "amended", "complete", *windows.TALLY_COLUMNS),
    )


def complete_windows(connection: Connection, passed: dt.datetime) -> None:
    """Mark every window that ends by then."""
    table = tables.window_state
    connection.execute(
        sa.update(table)
        .where(sa.not_(table.c.complete), table.c.end <= passed)
        .values(complete=True)
    )


def open_weeks(connection: Connection, newest_end: dt.datetime) -> list[merge.Target]:
    """The 7-day windows ending at `newest_end` that hold a day although no log has touched them
    yet: midnight came without them changing.
    """
    table = tables.pane_day
    held = sa.select(table.c.model, table.c.role).distinct()
    rows = connection.execute(
        held.where(table.c.start >= newest_end - windows.HORIZONS["7d"], table.c.start < newest_end)
    )
    return [(row.model, row.role, newest_end) for row in rows]


# --- retention
# --------------------------------------------------------------------------------------------------------
def keep_minutes_from(connection: Connection, topic: str, edge: dt.datetime) -> bool:
    """Announce the oldest minute to be kept; whether that is news. What lies before it is dropped
    later, once workers have seen it.
    """
    table = tables.stream_clock
    older = sa.or_(table.c.keep_from.is_(None), table.c.keep_from < edge)
    return (
        connection.execute(
            sa.update(table).where(table.c.topic == topic, older).values(keep_from=edge)
        ).rowcount
        > 0
    )


def drop_partitions(connection: Connection, names: Collection[str]) -> None:
    """Drop partitions of the pane tables."""
    for name in sorted(names):
        connection.execute(sa.text(f"drop table {name}"))


def forget_letter_bytes(connection: Connection) -> int:
    """Delete the bytes of dead letters that are past keeping; the letters themselves stay. Returns
    how many.
    """
    table = tables.dead_letter_bytes
    return connection.execute(
        sa.delete(table).where(table.c.at < sa.func.now() - retention.LETTER_BYTES_KEPT)
    ).rowcount
