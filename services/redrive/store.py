"""Postgres: dead letters found, locked and settled; the breaker's limit. One function per question;
the caller owns the transaction.
"""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from schemas import events, tables
from services.redrive import letters

Connection = sa.Connection

_letter, _bytes = tables.dead_letter, tables.dead_letter_bytes
_PLACE = tuple(_letter.c[name] for name in ("topic", "part", "offset", "line"))


def _at(places: Collection[letters.Place]) -> "sa.ColumnElement[bool]":
    return sa.tuple_(*_PLACE).in_([tuple(place) for place in places])


def listed(
    connection: Connection, topic: str, reason: str | None, *, settled: bool
) -> Sequence[Any]:
    """Letters without their bytes, newest last; with `settled` also those counted since."""
    query = sa.select(_letter).where(_letter.c.topic == topic)
    if reason is not None:
        query = query.where(_letter.c.reason == reason)
    if not settled:
        query = query.where(_letter.c.redriven_at.is_(None))
    return connection.execute(query.order_by(_letter.c.at, *_PLACE)).mappings().all()


def named(connection: Connection, places: Collection[letters.Place]) -> Sequence[Any]:
    """The letters at these places, in their order."""
    return (
        connection.execute(sa.select(_letter).where(_at(places)).order_by(*_PLACE)).mappings().all()
    )


def raw(connection: Connection, places: Collection[letters.Place]) -> dict[letters.Place, bytes]:
    """The bytes of those letters that still have them."""
    place = [_bytes.c[column.name] for column in _PLACE]
    rows = connection.execute(
        sa.select(*place, _bytes.c.raw).where(
            sa.tuple_(*place).in_([tuple(place) for place in places])
        )
    )
    return {letters.Place(*row[:4]): bytes(row[4]) for row in rows}


def alone(connection: Connection) -> None:
    """Wait until no other redrive is in a transaction: panes of the pseudo-partition have one
    writer at a time. Let go when the transaction ends.
    """
    connection.execute(sa.text("select pg_advisory_xact_lock(hashtext('intentwatch.redrive'))"))


def still_open(connection: Connection, places: Collection[letters.Place]) -> set[letters.Place]:
    """Those of the letters that nobody has redriven, locked."""
    rows = connection.execute(
        sa.select(*_PLACE)
        .where(_at(places), _letter.c.redriven_at.is_(None))
        .order_by(*_PLACE)
        .with_for_update()
    )
    return {letters.Place(*row) for row in rows}


def settle(connection: Connection, places: Collection[letters.Place]) -> None:
    """These letters are counted."""
    connection.execute(sa.update(_letter).where(_at(places)).values(redriven_at=sa.func.now()))


def restate(connection: Connection, place: letters.Place, bad: events.Malformed) -> None:
    """Why a letter is no serving log now."""
    connection.execute(
        sa.update(_letter).where(_at([place])).values(reason=bad.reason, detail=bad.detail[:500])
    )


def accept(connection: Connection, topic: str, part: int, until: int) -> tuple[int, int] | None:
    """Let bad records before `until` pass the breaker; returns (next_offset, high_watermark), None
    for a partition nobody has read.
    """
    table = tables.stream_offset
    change = (
        sa.update(table).where(table.c.topic == topic, table.c.part == part).values(bad_until=until)
    )
    row = connection.execute(change.returning(table.c.next_offset, table.c.high_watermark)).first()
    return None if row is None else (row[0], row[1])
