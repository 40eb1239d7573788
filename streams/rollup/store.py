"""Postgres: the stream's clock, changed minutes, panes, windows, retention. One function per
question; the caller owns the transaction.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import tables, tallies, windows
from streams import identity
from streams import store as streams_store
from streams.intents import places
from streams.panes import retention
from streams.panes import store as pane_store
from streams.rollup import merge, watermark

Connection = sa.Connection


def note_ends(connection: Connection, topic: str, seen: identity.Topic) -> None:
    """Remember how far each partition reaches, also of those nobody has claimed yet; not of one
    that was read of another topic. `updated_at` starts anew where unread records appear, or such as
    wait behind an open transaction.
    """
    table = tables.stream_offset
    insert = pg.insert(table)
    stable, end = insert.excluded.high_watermark, insert.excluded.log_end
    all_read = table.c.high_watermark <= table.c.next_offset
    appeared = sa.and_(all_read, stable > table.c.next_offset)
    none_open = sa.func.coalesce(table.c.log_end, 0) <= table.c.high_watermark
    opened = sa.and_(all_read, none_open, end > stable)
    updated_at = sa.case((sa.or_(appeared, opened), sa.func.now()), else_=table.c.updated_at)
    same = sa.func.coalesce(table.c.topic_id, seen.id) == seen.id
    change = insert.on_conflict_do_update(
        index_elements=["topic", "part"],
        set_={"high_watermark": stable, "log_end": end, "updated_at": updated_at},
        where=same,
    )

    first = {"topic": topic, "next_offset": 0, "epoch": 0}
    rows = []
    for part in sorted(seen.stable):
        stable_offset = seen.stable[part]
        log_end = max(stable_offset, seen.ends.get(part, 0))
        place = first | {"part": part}
        rows.append(place | {"high_watermark": stable_offset, "log_end": log_end})
    if rows:
        connection.execute(change, rows)


def positions(connection: Connection, topic: str) -> list[watermark.Position]:
    """Where every partition stands."""
    table = tables.stream_offset
    query = sa.select(table).where(table.c.topic == topic)
    partitions = []
    for row in connection.execute(query):
        position = watermark.Position(row.next_offset, row.high_watermark, row.max_event_ts)
        partitions.append(position)
    return partitions


def move_clock(
    connection: Connection,
    topic: str,
    to: dt.datetime | None,
) -> dt.datetime | None:
    """Set the stream's clock forward; it never goes back. Returns where it stands."""
    if to is not None:
        table = tables.stream_clock
        insert = pg.insert(table).values(topic=topic, watermark=to)
        forward = insert.excluded.watermark > table.c.watermark
        later = {
            "watermark": sa.func.greatest(table.c.watermark, to),
            "updated_at": sa.func.now(),
            "moved_at": sa.case((forward, sa.func.now()), else_=table.c.moved_at),
        }
        change = insert.on_conflict_do_update(index_elements=["topic"], set_=later)
        connection.execute(change)

    return streams_store.clock(connection, topic)


def take_dirty(connection: Connection, limit: int = 20_000) -> list[tuple[dt.datetime, str, str]]:
    """Remove marks of changed minutes, the oldest ones first, and return them, each once."""
    table = tables.pane_dirty
    minute = (table.c.start, table.c.model, table.c.role)
    oldest = (
        sa.select(*minute, table.c.part).order_by(*table.primary_key).limit(limit).with_for_update()
    )
    chosen = sa.tuple_(*table.primary_key).in_(oldest)
    take = sa.delete(table).where(chosen).returning(*minute)

    # Each once: several partitions mark the same minute.
    minutes = {(row.start, row.model, row.role) for row in connection.execute(take)}
    return sorted(minutes)


def oldest_dirty(connection: Connection) -> dt.datetime | None:
    """The oldest changed minute still to be rolled up."""
    oldest = sa.select(sa.func.min(tables.pane_dirty.c.start))
    return connection.execute(oldest).scalar()


def panes(
    connection: Connection,
    table: sa.Table,
    start: dt.datetime,
    end: dt.datetime,
    models: Collection[str],
) -> merge.Panes:
    """Panes of these models with start <= pane.start < end."""
    query = pane_store.as_driven(table).where(
        table.c.start >= start,
        table.c.start < end,
        table.c.model.in_(models),
    )
    rows = connection.execute(query).mappings().all()
    where = [pane_store.place_of(row) for row in rows]
    return merge.Panes(where, tallies.from_rows(places.read(rows)))


def stored_windows(
    connection: Connection,
    horizon: str,
    targets: Collection[merge.Target],
) -> dict[merge.Target, merge.State]:
    """Windows of one horizon as they stand."""
    table = tables.window_state
    models = {model for model, *_ in targets}
    ends = {end for *_, end in targets}
    query = pane_store.as_driven(table).where(
        table.c.horizon == horizon,
        table.c.end.in_(ends),
        table.c.model.in_(models),
    )

    states = {}
    for row in connection.execute(query).mappings():
        target = (row["model"], row["role"], row["end"])
        states[target] = _state(row)
    return states


def _state(row: Any) -> merge.State:
    (now,) = places.read([row])
    return merge.State(
        row={name: now[name] for name in windows.TALLY_COLUMNS},
        revision=row["revision"],
        amended=row["amended"],
        complete=row["complete"],
    )


def put_windows(
    connection: Connection,
    horizon: str,
    changed: Sequence[tuple[merge.Target, merge.State]],
) -> None:
    """Write windows whole."""
    counts = places.written([state.row for _, state in changed])
    rows = []
    for (target, state), columns in zip(changed, counts, strict=True):
        rows.append({**_row(horizon, target, state), **columns})

    fresh = ("revision", "amended", "complete", *windows.TALLY_COLUMNS)
    pane_store.upsert(connection, tables.window_state, rows, fresh)


def _row(
    horizon: str,
    target: merge.Target,
    state: merge.State,
) -> dict[str, Any]:
    """A window's row without its tally."""
    model, role, end = target
    return {
        "model": model,
        "role": role,
        "horizon": horizon,
        "start": end - windows.HORIZONS[horizon],
        "end": end,
        "revision": state.revision,
        "amended": state.amended,
        "complete": state.complete,
    }


def complete_windows(connection: Connection, passed: dt.datetime) -> None:
    """Mark every window that ends by then."""
    table = tables.window_state
    change = (
        sa.update(table)
        .where(sa.not_(table.c.complete))
        .where(table.c.end <= passed)
        .values(complete=True)
    )
    connection.execute(change)


def open_weeks(connection: Connection, newest_end: dt.datetime) -> list[merge.Target]:
    """The 7-day windows ending at `newest_end` that hold a day although no log has touched them
    yet: midnight came without them changing.
    """
    table = tables.pane_day
    begin = newest_end - windows.HORIZONS["7d"]
    held = (
        sa.select(table.c.model, table.c.role)
        .distinct()
        .where(table.c.start >= begin, table.c.start < newest_end)
    )
    rows = connection.execute(held)
    return [(row.model, row.role, newest_end) for row in rows]


# --- retention ---
def keep_minutes_from(
    connection: Connection,
    topic: str,
    edge: dt.datetime,
) -> bool:
    """Announce the oldest minute to be kept; whether that is news. What lies before it is dropped
    later, once workers have seen it.
    """
    table = tables.stream_clock
    unknown = table.c.keep_from.is_(None)
    older = sa.or_(unknown, table.c.keep_from < edge)
    change = sa.update(table).where(table.c.topic == topic, older).values(keep_from=edge)
    return connection.execute(change).rowcount > 0


def drop_partitions(connection: Connection, names: Collection[str]) -> None:
    """Drop partitions of the pane tables."""
    for name in sorted(names):
        connection.execute(sa.text(f"drop table {name}"))


def forget_letter_bytes(connection: Connection) -> int:
    """Delete the bytes of dead letters that are past keeping; the letters themselves stay. Returns
    how many.
    """
    table = tables.dead_letter_bytes
    past_keeping = table.c.at < sa.func.now() - retention.LETTER_BYTES_KEPT
    return connection.execute(sa.delete(table).where(past_keeping)).rowcount
