"""Postgres: claims and flushes. One function per question; the caller owns the transaction. The
panes' SQL is in panes/, the roll-up's in rollup/.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import events, tables
from streams.count import observe

Connection = sa.Connection


class Fenced(RuntimeError):
    """Another worker has claimed the partition since; what this one holds must not be written."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Ownership of one partition: where to read on, and the epoch every write must show.

    stalls: how many claims before this one ended before the worker had settled. bad_until: before
    this offset a person has accepted bad records.
    """

    epoch: int
    next_offset: int
    max_event_ts: dt.datetime | None
    stalls: int = 0
    bad_until: int = 0


@dataclass(frozen=True, slots=True)
class Advance:
    """One partition's part of a flush: its offset goes from `low` to `high` under `epoch`."""

    part: int
    epoch: int
    low: int
    high: int
    max_event_ts: dt.datetime | None


def claim(connection: Connection, topic: str, parts: Collection[int]) -> dict[int, Claim]:
    """Become the owner of these partitions: from now on every older epoch is fenced."""
    table = tables.stream_offset
    insert = pg.insert(table).values(topic=topic, next_offset=0, epoch=1, part=sa.bindparam("part"))
    again = {"epoch": table.c.epoch + 1, "stalls": table.c.stalls + 1}
    update = insert.on_conflict_do_update(index_elements=["topic", "part"], set_=again)
    claims = {}
    for part in sorted(parts):
        row = connection.execute(update.returning(*table.columns), {"part": part}).one()
        claims[part] = Claim(
            row.epoch, row.next_offset, row.max_event_ts, row.stalls, row.bad_until
        )
    return claims


def settle(connection: Connection, topic: str, epochs: Mapping[int, int]) -> None:
    """These claims (epochs by partition) no longer count as stalls, whatever becomes of the worker."""
    table = tables.stream_offset
    mine = sa.tuple_(table.c.part, table.c.epoch).in_(sorted(epochs.items()))
    connection.execute(sa.update(table).where(table.c.topic == topic, mine).values(stalls=0))


def bad_before(connection: Connection, topic: str, part: int, offset: int, most: int) -> list[int]:
    """Which of the last `most` offsets before this one hold a record of which nothing could be
    read.
    """
    table = tables.dead_letter
    near = (
        table.c.topic == topic,
        table.c.part == part,
        table.c.offset >= offset - most,
        table.c.offset < offset,
    )
    query = sa.select(table.c.offset).where(
        *near,
        table.c.line == 0,
        table.c.reason != events.Reason.DELETED_UNREAD,
        table.c.redriven_at.is_(None),
    )
    return list(connection.execute(query).scalars())


def accepted(connection: Connection, topic: str) -> int:
    """A number that changes whenever a person accepts bad records of the topic."""
    return int(
        connection.execute(
            sa.select(sa.func.sum(tables.stream_offset.c.bad_until)).where(
                tables.stream_offset.c.topic == topic
            )
        ).scalar_one()
        or 0
    )


def advance(connection: Connection, topic: str, moved: Sequence[Advance]) -> bool:
    """Compare and set the partitions' offsets; False if that has happened already, in a commit
    whose answer was cut off.

    Raises Fenced unless epoch and offset of each are what its logs were fetched under.
    """
    table = tables.stream_offset
    columns = [sa.column(name, kind) for name, kind in _ADVANCE.items()]
    new = sa.values(*columns, name="new").data(
        [
            (m.part, m.epoch, m.low, m.high, m.max_event_ts)
            for m in sorted(moved, key=lambda m: m.part)
        ]
    )
    mine = (
        table.c.topic == topic,
        table.c.part == new.c.part,
        table.c.epoch == new.c.epoch,
        table.c.next_offset == new.c.low,
    )
    # Where no partition has had a good log yet, the column is nothing but NULL, and Postgres takes
    # that for text.
    newest = sa.cast(new.c.max_event_ts, _ADVANCE["max_event_ts"])
    values = {"next_offset": new.c.high, "max_event_ts": newest, "updated_at": sa.func.now()}
    done = set(
        connection.execute(
            sa.update(table).where(*mine).values(values).returning(table.c.part)
        ).scalars()
    )
    lost = [m for m in moved if m.part not in done]
    if not lost:
        return True
    rows = connection.execute(
        sa.select(table.c.part, table.c.epoch, table.c.next_offset).where(table.c.topic == topic)
    )
    stand = {row.part: (row.epoch, row.next_offset) for row in rows}
    if not done and all(stand.get(m.part) == (m.epoch, m.high) for m in moved):
        return False
    raise Fenced(
        f"{topic}/{lost[0].part} at offset {lost[0].low}: another worker has claimed it since epoch {lost[0].epoch}"
    )


_ADVANCE: dict[str, Any] = {
    "part": sa.Integer,
    "epoch": sa.BigInteger,
    "low": sa.BigInteger,
    "high": sa.BigInteger,
    "max_event_ts": sa.DateTime(timezone=True),
}


def clock(connection: Connection, topic: str | None = None) -> dt.datetime | None:
    """The stream's clock, of one topic or of the one furthest ahead; None before the first log."""
    table = tables.stream_clock
    newest = sa.select(sa.func.max(table.c.watermark))
    if topic is not None:
        newest = newest.where(table.c.topic == topic)
    return connection.execute(newest).scalar()


def keep_from(connection: Connection, topic: str) -> dt.datetime | None:
    """The oldest minute that is still kept; None while nothing has been pruned."""
    table = tables.stream_clock
    return connection.execute(sa.select(table.c.keep_from).where(table.c.topic == topic)).scalar()


def add_dead_letters(
    connection: Connection, topic: str, part: int, dead: Iterable[observe.DeadLetter]
) -> None:
    """Keep what could not be read, its bytes apart."""
    found = list(dead)
    if not found:
        return
    place = [{"topic": topic, "part": part, "offset": d.offset, "line": d.line} for d in found]
    letters = [
        p | {"reason": d.reason, "detail": d.detail[:500], "size": len(d.raw), "sha256": d.sha256}
        for p, d in zip(place, found, strict=True)
    ]
    connection.execute(pg.insert(tables.dead_letter).on_conflict_do_nothing(), letters)
    connection.execute(
        pg.insert(tables.dead_letter_bytes).on_conflict_do_nothing(),
        [p | {"raw": d.raw} for p, d in zip(place, found, strict=True)],
    )


def add_sampled(connection: Connection, logs: Iterable[events.ServingLog]) -> None:
    """Keep the messages chosen for labelling; the same request again only raises `seen`."""
    table = tables.sampled_prediction
    rows = [_sampled(log) for log in logs]
    if rows:
        insert = pg.insert(table)
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=list(table.primary_key), set_={"seen": table.c.seen + 1}
            ),
            rows,
        )


def _sampled(log: events.ServingLog) -> dict[str, Any]:
    assert log.sample is not None
    copied = (
        "req_id",
        "model",
        "role",
        "ts",
        "conversation",
        "intent",
        "confidence",
        "second_intent",
        "margin",
        "script",
    )
    # NUL is legal in JSON and not in a Postgres text; the replacement character keeps the message
    # readable.
    text = log.sample.text.replace("\x00", "\ufffd")
    return {name: getattr(log, name) for name in copied} | {
        "queue": log.sample.queue,
        "p": log.sample.p,
        "text": text,
    }
