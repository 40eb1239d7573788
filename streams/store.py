"""Postgres: claims, flushes, roll-ups. One function per question; the caller owns the transaction."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import events, tables, windows
from streams import chunks, observe, rollup

Connection = sa.Connection


class Fenced(RuntimeError):
    """Another worker has claimed the partition since; what this one holds must not be written."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Ownership of one partition: where to read on, and the epoch every write must show."""

    epoch: int
    next_offset: int
    max_event_ts: dt.datetime | None


def engine(url: str) -> sa.Engine:
    """Connections that give up instead of hanging."""
    return sa.create_engine(
        url,
        pool_size=4,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5, "options": "-c statement_timeout=60000 -c lock_timeout=20000 -c idle_in_transaction_session_timeout=60000"},
    )


def probe(connection: Connection) -> None:
    """Read nothing from a table: fails where there is none."""
    connection.execute(sa.select(tables.stream_offset.c.part).limit(0))


def claim(connection: Connection, topic: str, parts: Collection[int]) -> dict[int, Claim]:
    """Become the owner of these partitions: from now on every older epoch is fenced."""
    table = tables.stream_offset
    claims = {}
    for part in sorted(parts):
        insert = pg.insert(table).values(topic=topic, part=part, next_offset=0, epoch=1)
        update = insert.on_conflict_do_update(index_elements=["topic", "part"], set_={"epoch": table.c.epoch + 1})
        row = connection.execute(update.returning(table.c.epoch, table.c.next_offset, table.c.max_event_ts)).one()
        claims[part] = Claim(row.epoch, row.next_offset, row.max_event_ts)
    return claims


def advance(connection: Connection, chunk: chunks.Chunk, max_event_ts: dt.datetime | None) -> None:
    """Compare and set the partition's offset. Raises Fenced unless epoch and offset are what the chunk was fetched under."""
    table = tables.stream_offset
    mine = (table.c.topic == chunk.topic, table.c.part == chunk.part, table.c.epoch == chunk.claim, table.c.next_offset == chunk.first_offset)
    values = {"next_offset": chunk.next_offset, "max_event_ts": max_event_ts, "updated_at": sa.func.now()}
    if connection.execute(sa.update(table).where(*mine).values(values)).rowcount != 1:
        raise Fenced(f"{chunk.topic}/{chunk.part} at offset {chunk.first_offset}: another worker has claimed it since epoch {chunk.claim}")


def position(connection: Connection, topic: str, part: int) -> tuple[int, int]:
    """Epoch and next offset as they stand: whether a flush whose commit was cut off has happened."""
    table = tables.stream_offset
    row = connection.execute(sa.select(table.c.epoch, table.c.next_offset).where(table.c.topic == topic, table.c.part == part)).one()
    return row.epoch, row.next_offset


def add_panes(connection: Connection, part: int, panes: Mapping[observe.Key, windows.Tally]) -> None:
    """Add tallies to the minute panes of a partition and mark them for the roll-up. Its owner is the only writer, so read-add-write is safe."""
    if not panes:
        return
    table = tables.pane_minute
    starts = {start for start, _, _ in panes}
    rows = connection.execute(sa.select(table).where(table.c.part == part, table.c.start.in_(starts))).mappings()
    stored = {(row["start"], row["model"], row["role"]): windows.from_row(row) for row in rows}
    merged = [windows.Pane(*key, part, tally + stored[key] if key in stored else tally) for key, tally in sorted(panes.items(), key=lambda p: p[0])]
    put_panes(connection, table, merged)
    dirty = [{"start": p.start, "model": p.model, "role": p.role, "part": p.part} for p in merged]
    insert = pg.insert(tables.pane_dirty)
    # A mark that stands already is written again, which locks it: the roll-up must not take it before these panes can be seen.
    connection.execute(insert.on_conflict_do_update(index_elements=list(tables.pane_dirty.primary_key), set_={"part": insert.excluded.part}), dirty)


def put_panes(connection: Connection, table: sa.Table, panes: Sequence[windows.Pane]) -> None:
    """Write panes whole, over what was there."""
    if not panes:
        return
    insert = pg.insert(table)
    update = insert.on_conflict_do_update(index_elements=list(table.primary_key), set_={c: insert.excluded[c] for c in windows.TALLY_COLUMNS})
    connection.execute(update, [{"start": p.start, "model": p.model, "role": p.role, "part": p.part, **windows.to_row(p.tally)} for p in panes])


def add_dead_letters(connection: Connection, topic: str, part: int, dead: Iterable[observe.DeadLetter]) -> None:
    """Keep what could not be read, its bytes apart."""
    found = list(dead)
    if not found:
        return
    place = [{"topic": topic, "part": part, "offset": d.offset, "line": d.line} for d in found]
    letters = [p | {"reason": d.reason, "detail": d.detail[:500], "size": len(d.raw), "sha256": d.sha256} for p, d in zip(place, found, strict=True)]
    connection.execute(pg.insert(tables.dead_letter).on_conflict_do_nothing(), letters)
    connection.execute(pg.insert(tables.dead_letter_bytes).on_conflict_do_nothing(), [p | {"raw": d.raw} for p, d in zip(place, found, strict=True)])


def add_sampled(connection: Connection, logs: Iterable[events.ServingLog]) -> None:
    """Keep the messages chosen for labelling; the same request again only raises `seen`."""
    table = tables.sampled_prediction
    rows = [_sampled(log) for log in logs]
    if rows:
        insert = pg.insert(table)
        connection.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_={"seen": table.c.seen + 1}), rows)


def _sampled(log: events.ServingLog) -> dict[str, Any]:
    assert log.sample is not None
    copied = ("req_id", "model", "role", "ts", "conversation", "intent", "confidence", "second_intent", "margin", "script")
    # NUL is legal in JSON and not in a Postgres text; the replacement character keeps the message readable.
    text = log.sample.text.replace("\x00", "\ufffd")
    return {name: getattr(log, name) for name in copied} | {"queue": log.sample.queue, "p": log.sample.p, "text": text}


# --- roll-up ----------------------------------------------------------------------------------------------------------
def hold_lease(connection: Connection, name: str, owner: str, seconds: int = 10) -> bool:
    """Take or renew a lease, by database time; the row stays locked until the transaction ends."""
    table = tables.lease
    until = sa.func.now() + sa.text(f"interval '{int(seconds)} seconds'")
    insert = pg.insert(table).values(name=name, owner=owner, epoch=1, expires_at=until)
    change = insert.on_conflict_do_update(
        index_elements=["name"],
        set_={"owner": owner, "expires_at": until, "epoch": table.c.epoch + sa.case((table.c.owner == owner, 0), else_=1)},
        where=sa.or_(table.c.owner == owner, table.c.expires_at < sa.func.now()),
    )
    return connection.execute(change.returning(table.c.epoch)).first() is not None


def note_high_watermarks(connection: Connection, topic: str, ends: Mapping[int, int]) -> None:
    """Remember how far each partition reaches, also of those nobody has claimed yet."""
    table = tables.stream_offset
    insert = pg.insert(table)
    change = insert.on_conflict_do_update(index_elements=["topic", "part"], set_={"high_watermark": insert.excluded.high_watermark})
    rows = [{"topic": topic, "part": part, "next_offset": 0, "epoch": 0, "high_watermark": end} for part, end in sorted(ends.items())]
    if rows:
        connection.execute(change, rows)


def positions(connection: Connection, topic: str) -> list[rollup.Position]:
    """Where every partition stands."""
    table = tables.stream_offset
    rows = connection.execute(sa.select(table).where(table.c.topic == topic))
    return [rollup.Position(row.next_offset, row.high_watermark, row.max_event_ts) for row in rows]


def move_clock(connection: Connection, topic: str, watermark: dt.datetime | None) -> dt.datetime | None:
    """Set the stream's clock forward; it never goes back. Returns where it stands."""
    table = tables.stream_clock
    if watermark is not None:
        insert = pg.insert(table).values(topic=topic, watermark=watermark)
        later = {"watermark": sa.func.greatest(table.c.watermark, watermark), "updated_at": sa.func.now()}
        connection.execute(insert.on_conflict_do_update(index_elements=["topic"], set_=later))
    return connection.execute(sa.select(table.c.watermark).where(table.c.topic == topic)).scalar()


def take_dirty(connection: Connection, limit: int = 20_000) -> list[tuple[dt.datetime, str, str]]:
    """Remove marks of changed minutes and return them, each once."""
    table = tables.pane_dirty
    some = sa.select(table.c.start, table.c.model, table.c.role, table.c.part).order_by(*table.primary_key).limit(limit).with_for_update()
    chosen = sa.tuple_(*table.primary_key).in_(some)
    rows = connection.execute(sa.delete(table).where(chosen).returning(table.c.start, table.c.model, table.c.role))
    return sorted({(row.start, row.model, row.role) for row in rows})


def panes(connection: Connection, table: sa.Table, start: dt.datetime, end: dt.datetime, models: Collection[str]) -> list[windows.Pane]:
    """Panes of these models with start <= pane.start < end."""
    rows = connection.execute(sa.select(table).where(table.c.start >= start, table.c.start < end, table.c.model.in_(models))).mappings()
    return [windows.Pane(row["start"], row["model"], row["role"], row["part"], windows.from_row(row)) for row in rows]


def stored_windows(connection: Connection, horizon: str, ends: Collection[dt.datetime]) -> dict[tuple[str, str, dt.datetime], windows.Window]:
    """Windows of one horizon as they stand, by model, role and end."""
    table = tables.window_state
    rows = connection.execute(sa.select(table).where(table.c.horizon == horizon, table.c.end.in_(ends))).mappings()
    return {(row["model"], row["role"], row["end"]): as_window(row) for row in rows}


def as_window(row: Any) -> windows.Window:
    """A row of window_state as the noun."""
    names = ("model", "role", "horizon", "start", "end", "revision", "amended", "complete")
    return windows.Window(tally=windows.from_row(row), **{name: row[name] for name in names})


def put_windows(connection: Connection, changed: Sequence[windows.Window]) -> None:
    """Write windows whole."""
    if not changed:
        return
    table = tables.window_state
    insert = pg.insert(table)
    fresh = {c: insert.excluded[c] for c in ("revision", "amended", "complete", *windows.TALLY_COLUMNS)}
    names = ("model", "role", "horizon", "start", "end", "revision", "amended", "complete")
    rows = [{name: getattr(w, name) for name in names} | windows.to_row(w.tally) for w in changed]
    connection.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=fresh), rows)


def complete_windows(connection: Connection, watermark: dt.datetime) -> None:
    """Mark every window that the watermark has passed."""
    table = tables.window_state
    connection.execute(sa.update(table).where(sa.not_(table.c.complete), table.c.end <= watermark).values(complete=True))


def open_weeks(connection: Connection, newest_end: dt.datetime) -> list[tuple[dt.datetime, str, str]]:
    """Days that a 7-day window ending at `newest_end` holds although no log has touched it yet: midnight came without them changing."""
    table = tables.pane_day
    held = (
        sa.select(table.c.start, table.c.model, table.c.role).distinct().where(table.c.start >= newest_end - windows.HORIZONS["7d"], table.c.start < newest_end)
    )
    return [(row.start, row.model, row.role) for row in connection.execute(held)]
