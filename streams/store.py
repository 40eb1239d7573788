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
from streams import identity
from streams.count import observe

Connection = sa.Connection


class Fenced(RuntimeError):
    """Another worker has claimed the partition since; what this one holds must not be written."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Ownership of one partition: where to read on, and the epoch every write must show.

    stalls: how many claims before this one ended before the worker had settled. bad_until: before
    this offset a person has accepted bad records. topic_id: of the topic that the offset is one in,
    if known. leader_epoch: of the record before `next_offset`, if known.
    """

    epoch: int
    next_offset: int
    max_event_ts: dt.datetime | None
    stalls: int = 0
    bad_until: int = 0
    topic_id: str | None = None
    leader_epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Advance:
    """One partition's part of a flush: its offset goes from `low` to `high` under `epoch`."""

    part: int
    epoch: int
    low: int
    high: int
    max_event_ts: dt.datetime | None
    leader_epoch: int | None = None


def claim(
    connection: Connection,
    topic: str,
    parts: Collection[int],
    seen: identity.Topic | None = None,
) -> dict[int, Claim]:
    """Become the owner of these partitions: from now on every older epoch is fenced. Offsets of no
    topic yet become those of the one that was `seen`, unless they lie beyond its end.
    """
    table = tables.stream_offset
    insert = pg.insert(table).values(
        topic=topic,
        next_offset=0,
        epoch=1,
        part=sa.bindparam("part"),
        topic_id=sa.bindparam("now"),
    )
    unread = table.c.next_offset == 0
    within = sa.and_(table.c.topic_id.is_(None), table.c.next_offset <= sa.bindparam("end"))
    again = {
        "epoch": table.c.epoch + 1,
        "stalls": table.c.stalls + 1,
        "topic_id": sa.case(
            (sa.or_(unread, within), sa.func.coalesce(insert.excluded.topic_id, table.c.topic_id)),
            else_=table.c.topic_id,
        ),
    }
    update = insert.on_conflict_do_update(index_elements=["topic", "part"], set_=again)
    claiming = update.returning(*table.columns)

    claims = {}
    for part in sorted(parts):  # in one order: two workers that claim cannot deadlock
        end = seen.ends.get(part) if seen else None
        now = seen.id if seen else None
        row = connection.execute(claiming, {"part": part, "now": now, "end": end}).one()
        claims[part] = _claim(row)
    return claims


def _claim(row: "sa.Row[Any]") -> Claim:
    current = row.leader_epoch_at == row.next_offset
    return Claim(
        epoch=row.epoch,
        next_offset=row.next_offset,
        max_event_ts=row.max_event_ts,
        stalls=row.stalls,
        bad_until=row.bad_until,
        topic_id=row.topic_id,
        leader_epoch=row.leader_epoch if current else None,
    )


def settle(connection: Connection, topic: str, epochs: Mapping[int, int]) -> None:
    """These claims (epochs by partition) no longer count as stalls, whatever ends the worker."""
    table = tables.stream_offset
    claims = sorted(epochs.items())
    mine = sa.tuple_(table.c.part, table.c.epoch).in_(claims)
    settled = sa.update(table).values(stalls=0)
    connection.execute(settled.where(table.c.topic == topic, mine))


def bad_before(
    connection: Connection,
    topic: str,
    part: int,
    offset: int,
    most: int,
    topic_id: str = "",
) -> list[int]:
    """Which of the last `most` offsets before this one hold a record of which nothing could be
    read.
    """
    table = tables.dead_letter
    letter = table.c
    near = (
        letter.topic == topic,
        letter.part == part,
        letter.topic_id == topic_id,
        letter.offset >= offset - most,
        letter.offset < offset,
    )
    unreadable = (
        letter.line == 0,
        letter.reason != events.Reason.DELETED_UNREAD,
        letter.redriven_at.is_(None),
    )
    query = sa.select(letter.offset).where(*near, *unreadable)
    return list(connection.execute(query).scalars())


def accepted(connection: Connection, topic: str) -> int:
    """A number that changes whenever a person accepts bad records of the topic."""
    table = tables.stream_offset
    total = sa.select(sa.func.sum(table.c.bad_until))
    offsets = connection.execute(total.where(table.c.topic == topic)).scalar_one()
    return int(offsets or 0)


def advance(connection: Connection, topic: str, moved: Sequence[Advance]) -> bool:
    """Compare and set the partitions' offsets; False if that has happened already, in a commit
    whose answer was cut off.

    Raises Fenced unless epoch and offset of each are what its logs were fetched under.
    """
    table = tables.stream_offset
    new = _values(moved)
    ours = (
        table.c.topic == topic,
        table.c.part == new.c.part,
        table.c.epoch == new.c.epoch,
        table.c.next_offset == new.c.low,
    )
    # Where no partition has had a good log yet, the column is nothing but NULL, and Postgres takes
    # that for text. So for the leader's epoch.
    newest = sa.cast(new.c.max_event_ts, _ADVANCE["max_event_ts"])
    values = {
        "next_offset": new.c.high,
        "max_event_ts": newest,
        "leader_epoch": sa.cast(new.c.leader_epoch, _ADVANCE["leader_epoch"]),
        "leader_epoch_at": new.c.high,
        "updated_at": sa.func.now(),
    }
    update = sa.update(table).where(*ours).values(values)
    parts = connection.execute(update.returning(table.c.part))
    done = set(parts.scalars())

    lost = [one for one in moved if one.part not in done]
    if not lost:
        return True
    if not done and _is_done(connection, topic, moved):
        return False
    first = lost[0]
    place = f"{topic}/{first.part} at offset {first.low}"
    raise Fenced(f"{place}: another worker has claimed it since epoch {first.epoch}")


def _values(moved: Sequence[Advance]) -> sa.Values:
    columns = [sa.column(name, kind) for name, kind in _ADVANCE.items()]
    rows = []
    for one in sorted(moved, key=lambda one: one.part):
        offsets = (one.low, one.high)
        rows.append((one.part, one.epoch, *offsets, one.max_event_ts, one.leader_epoch))
    return sa.values(*columns, name="new").data(rows)


def _is_done(connection: Connection, topic: str, moved: Sequence[Advance]) -> bool:
    """Whether every partition has gone where it was to go, under the same epoch."""
    table = tables.stream_offset
    query = sa.select(table.c.part, table.c.epoch, table.c.next_offset)
    current = {}
    for row in connection.execute(query.where(table.c.topic == topic)):
        current[row.part] = (row.epoch, row.next_offset)
    return all(current.get(one.part) == (one.epoch, one.high) for one in moved)


_ADVANCE: dict[str, Any] = {
    "part": sa.Integer,
    "epoch": sa.BigInteger,
    "low": sa.BigInteger,
    "high": sa.BigInteger,
    "max_event_ts": sa.DateTime(timezone=True),
    "leader_epoch": sa.Integer,
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
    query = sa.select(table.c.keep_from).where(table.c.topic == topic)
    return connection.execute(query).scalar()


def add_dead_letters(
    connection: Connection,
    topic: str,
    part: int,
    dead: Iterable[observe.DeadLetter],
    topic_id: str = "",
) -> None:
    """Keep what could not be read, its bytes apart."""
    letters = []
    contents = []
    for letter in dead:
        place = {
            "topic": topic,
            "part": part,
            "offset": letter.offset,
            "line": letter.line,
            "topic_id": topic_id,
        }
        facts = {
            "reason": letter.reason,
            "detail": letter.detail[:500],
            "size": len(letter.raw),
            "sha256": letter.sha256,
        }
        letters.append(place | facts)
        contents.append(place | {"raw": letter.raw})
    if not letters:
        return
    insert = pg.insert(tables.dead_letter).on_conflict_do_nothing()
    connection.execute(insert, letters)
    insert = pg.insert(tables.dead_letter_bytes).on_conflict_do_nothing()
    connection.execute(insert, contents)


def add_sampled(connection: Connection, logs: Iterable[events.ServingLog]) -> None:
    """Keep the messages chosen for labelling; the same request again only raises `seen`."""
    table = tables.sampled_prediction
    rows = [_sampled(log) for log in logs]
    if not rows:
        return
    insert = pg.insert(table).on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={"seen": table.c.seen + 1},
    )
    connection.execute(insert, rows)


def _sampled(log: events.ServingLog) -> dict[str, Any]:
    assert log.sample is not None
    return {
        "req_id": log.req_id,
        "model": log.model,
        "role": log.role,
        "ts": log.ts,
        "conversation": log.conversation,
        "intent": log.intent,
        "confidence": log.confidence,
        "second_intent": log.second_intent,
        "margin": log.margin,
        "script": log.script,
        "queue": log.sample.queue,
        "p": log.sample.p,
        # NUL is legal in JSON and not in a Postgres text; the replacement character keeps the
        # message readable.
        "text": log.sample.text.replace("\x00", "\ufffd"),
    }
