"""Postgres: which message is due, what its thread has told, and what became of it. One function per
question; the caller owns the transaction.
"""

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from schemas import messages, tables

Connection = sa.Connection
Delivery = messages.Delivery

IN_FLIGHT = Delivery.UNCLEAR.because(
    "an attempt is under way, or its process ended in the middle of it"
)

_outbox = tables.outbox
_thread = tables.slack_thread
_PARKED = _outbox.c.error.startswith(Delivery.PARKED.because(""))
_NOT_PARKED = sa.or_(_outbox.c.error.is_(None), sa.not_(_PARKED))
OPEN = (_outbox.c.sent_at.is_(None), _NOT_PARKED)


@dataclass(frozen=True, slots=True)
class Row:
    """One message to deliver; `attempts` and `error` are those before this attempt."""

    id: int
    dedupe_key: str
    thread_key: str
    kind: str
    payload: dict[str, Any]
    created_at: dt.datetime
    attempts: int
    sent_at: dt.datetime | None
    error: str | None

    @property
    def maybe_posted(self) -> bool:
        """Whether Slack may have it although nobody confirmed it."""
        if self.sent_at is not None or self.attempts == 0:
            return False
        return Delivery.of(self.error) is not Delivery.NOT_SENT


_ROW = tuple(_outbox.c[field.name] for field in dataclasses.fields(Row))


def _seconds(seconds: float) -> Any:
    """The instant so many seconds from now, by Postgres' clock."""
    wait = sa.cast(f"{seconds:.3f} seconds", pg.INTERVAL)
    return sa.func.now() + wait


def claim(connection: Connection, lease_s: float) -> Row | None:
    """The oldest due message that heads its thread, taken for `lease_s`; None if there is none.
    Until it is settled its thread waits, others do not.
    """
    heads = (
        sa.select(*_ROW, _outbox.c.next_attempt_at)
        .ext(pg.distinct_on(_outbox.c.thread_key))
        .where(*OPEN)
        .order_by(_outbox.c.thread_key, _outbox.c.id)
        .subquery()
    )
    columns = [heads.c[column.name] for column in _ROW]
    due = (
        sa.select(*columns)
        .where(heads.c.next_attempt_at <= sa.func.now())
        .order_by(heads.c.id)
        .limit(1)
    )
    first = connection.execute(due).mappings().first()
    if first is None:
        return None

    # Another notifier may have read the same row: whoever raises its attempts has it.
    row = Row(**first)
    mine = sa.update(_outbox).where(
        _outbox.c.id == row.id,
        _outbox.c.attempts == row.attempts,
        _outbox.c.sent_at.is_(None),
    )
    mine = mine.values(
        attempts=row.attempts + 1,
        next_attempt_at=_seconds(lease_s),
        error=IN_FLIGHT,
    )
    taken = connection.execute(mine).rowcount
    return row if taken else None


def thread(connection: Connection, row: Row) -> list[Row]:
    """What the thread has told up to this row, and what of it was sent out of turn, in order,
    without what is parked; this row as it was before the attempt.
    """
    so_far = sa.or_(_outbox.c.id <= row.id, _outbox.c.sent_at.is_not(None))
    query = sa.select(*_ROW).where(
        _outbox.c.thread_key == row.thread_key,
        so_far,
        _NOT_PARKED,
    )
    query = query.order_by(_outbox.c.id)
    rows = []
    for stored in connection.execute(query).mappings():
        mine = stored["id"] == row.id
        rows.append(row if mine else Row(**stored))
    return rows


def place(connection: Connection, thread_key: str) -> tuple[str, str] | None:
    """(channel, ts) of the thread's message, if it has one."""
    query = sa.select(_thread.c.channel, _thread.c.ts)
    query = query.where(_thread.c.thread_key == thread_key)
    row = connection.execute(query).first()
    if row is None:
        return None
    return row.channel, row.ts


def settle(
    connection: Connection,
    row: Row,
    channel: str,
    ts: str,
) -> None:
    """It is in Slack, in the thread of that message."""
    insert = pg.insert(_thread).values(
        thread_key=row.thread_key,
        channel=channel,
        ts=ts,
    )
    upsert = insert.on_conflict_do_update(
        index_elements=["thread_key"],
        set_={"channel": channel, "ts": ts},
    )
    connection.execute(upsert)
    _change(
        connection,
        row,
        sent_at=sa.func.now(),
        error=None,
    )


def _change(connection: Connection, row: Row, **values: Any) -> None:
    change = sa.update(_outbox).where(_outbox.c.id == row.id)
    connection.execute(change.values(**values))


def postpone(
    connection: Connection,
    row: Row,
    after_s: float,
    error: str,
) -> None:
    """Try again later; the error says whether it may have arrived."""
    _change(
        connection,
        row,
        next_attempt_at=_seconds(after_s),
        error=error,
    )


def park(
    connection: Connection,
    row: Row,
    error: str,
) -> None:
    """Set it aside with its error; the thread goes on without it. `error = null` puts it back."""
    _change(connection, row, error=Delivery.PARKED.because(error))


def waiting(connection: Connection) -> list[str]:
    """The errors of messages that are still to be sent; '' for one not tried yet."""
    query = sa.select(_outbox.c.error).where(*OPEN).order_by(_outbox.c.id)
    return [error or "" for error in connection.execute(query).scalars()]
