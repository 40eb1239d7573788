"""Postgres: dead letters listed, locked and settled; the breaker's limit. One function per
question; the caller owns the transaction.
"""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from schemas import events, tables
from services.redrive import letters
from streams import identity

Connection = sa.Connection

_letter = tables.dead_letter


def _place_of(table: sa.Table) -> "tuple[sa.Column[Any], ...]":
    columns = table.c
    return (
        columns.topic,
        columns.part,
        columns.offset,
        columns.line,
        columns.topic_id,
    )


_PLACE = _place_of(_letter)


def _at(
    places: Collection[letters.Place],
    columns: "Sequence[sa.Column[Any]]" = _PLACE,
) -> "sa.ColumnElement[bool]":
    rows = list(map(tuple, places))
    return sa.tuple_(*columns).in_(rows)


def listed(
    connection: Connection,
    topic: str,
    reason: str | None,
    *,
    settled: bool,
) -> Sequence[Any]:
    """Letters without their bytes, newest last; with `settled` also those counted since. `lives`:
    how many topics of this name have a letter at the place.
    """
    other = _letter.alias("other")
    same = [column == other.c[column.name] for column in _PLACE[:4]]
    lives = sa.select(sa.func.count()).where(*same).scalar_subquery().label("lives")
    query = sa.select(_letter, lives).where(_letter.c.topic == topic)
    if reason is not None:
        query = query.where(_letter.c.reason == reason)
    if not settled:
        query = query.where(_letter.c.redriven_at.is_(None))
    newest_last = query.order_by(_letter.c.at, *_PLACE)
    rows = connection.execute(newest_last)
    return rows.mappings().all()


def named(connection: Connection, places: Collection[letters.Place]) -> Sequence[Any]:
    """The letters at these places, of whichever topic of that name, in their order."""
    at = sa.tuple_(*_PLACE[:4]).in_([place[:4] for place in places])
    query = sa.select(_letter).where(at)
    in_order = query.order_by(*_PLACE)
    rows = connection.execute(in_order)
    return rows.mappings().all()


def raw(connection: Connection, places: Collection[letters.Place]) -> dict[letters.Place, bytes]:
    """The bytes of those letters that still have them."""
    table = tables.dead_letter_bytes
    columns = _place_of(table)
    query = sa.select(*columns, table.c.raw)
    query = query.where(_at(places, columns))
    bytes_of = {}
    for *columns_of_place, content in connection.execute(query):
        place = letters.Place(*columns_of_place)
        bytes_of[place] = bytes(content)
    return bytes_of


def alone(connection: Connection) -> None:
    """Wait until no other redrive is in a transaction: panes of the pseudo-partition have one
    writer at a time. Let go when the transaction ends.
    """
    lock = sa.text("select pg_advisory_xact_lock(hashtext('intentwatch.redrive'))")
    connection.execute(lock)


def still_open(connection: Connection, places: Collection[letters.Place]) -> set[letters.Place]:
    """Those of the letters that nobody has redriven, locked."""
    waits = _letter.c.redriven_at.is_(None)
    query = sa.select(*_PLACE).where(_at(places), waits)
    locked = query.order_by(*_PLACE).with_for_update()
    rows = connection.execute(locked)
    return {letters.Place(*row) for row in rows}


def settle(connection: Connection, places: Collection[letters.Place]) -> None:
    """These letters are counted."""
    counted = sa.update(_letter).values(redriven_at=sa.func.now())
    connection.execute(counted.where(_at(places)))


def restate(connection: Connection, place: letters.Place, bad: events.Malformed) -> None:
    """Why a letter is no serving log now."""
    restated = sa.update(_letter).values(
        reason=bad.reason,
        detail=bad.detail[:500],
    )
    connection.execute(restated.where(_at([place])))


def accept(
    connection: Connection,
    topic: str,
    part: int,
    until: int,
) -> tuple[int, int] | None:
    """Let bad records before `until` pass the breaker; returns (next_offset, high_watermark), None
    for a partition nobody has read.
    """
    table = tables.stream_offset
    change = sa.update(table).values(bad_until=until)
    change = change.where(
        table.c.topic == topic,
        table.c.part == part,
    )
    returning = change.returning(
        table.c.next_offset,
        table.c.high_watermark,
    )
    row = connection.execute(returning).first()
    if row is None:
        return None
    return row.next_offset, row.high_watermark


def begin_anew(connection: Connection, topic: str, seen: identity.Topic) -> dict[int, int] | None:
    """Let the topic that was `seen` be counted from its first record where another one of its name
    was read before; returns up to which offset that was, by partition. None where nobody has read
    it.
    """
    table = tables.stream_offset
    locked = sa.select(table).where(table.c.topic == topic).order_by(table.c.part)
    rows = connection.execute(locked.with_for_update()).all()
    if not rows:
        return None
    left = {}
    for row in rows:
        end = seen.ends.get(row.part, row.next_offset)
        if row.topic_id == seen.id or (row.topic_id is None and row.next_offset <= end):
            continue
        left[row.part] = row.next_offset
        _set(connection, topic, row.part, 0, topic_id=seen.id, bad_until=0)
    return left


def go_back(connection: Connection, topic: str, part: int, to: int) -> int | None:
    """Let a partition be read on from an earlier offset; returns where it stood, None for a
    partition nobody has read.
    """
    table = tables.stream_offset
    place = (table.c.topic == topic, table.c.part == part)
    query = sa.select(table.c.next_offset).where(*place).with_for_update()
    stood: int | None = connection.execute(query).scalar()
    if stood is not None and to < stood:
        _set(connection, topic, part, to)
    return stood


def _set(connection: Connection, topic: str, part: int, offset: int, **more: Any) -> None:
    """Whoever holds the partition is fenced: what it has in hand was read from elsewhere."""
    table = tables.stream_offset
    begun = {
        "next_offset": offset,
        "high_watermark": offset,
        "log_end": None,
        "leader_epoch": None,
        "leader_epoch_at": None,
        "epoch": table.c.epoch + 1,
        "stalls": 0,
        "updated_at": sa.func.now(),
    }
    place = (table.c.topic == topic, table.c.part == part)
    connection.execute(sa.update(table).where(*place).values(begun | more))
