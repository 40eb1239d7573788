"""Postgres: labels in, queue and current labels out. One function per question; the caller owns the
transaction.
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from retrain import store as retrain_store
from retrain.labels import votes
from schemas import tables

Connection = sa.Connection

_LOCK = 0x1ABE1  # the class of our advisory locks: a message on an annotator's screen


def sampled_requests(connection: Connection, req_ids: Collection[str]) -> set[str]:
    """Which of these requests were sampled."""
    column = tables.sampled_prediction.c.req_id
    sampled: set[str] = set()
    for part in _parts(req_ids):
        query = sa.select(column).where(column.in_(part)).distinct()
        sampled.update(connection.execute(query).scalars())
    return sampled


def labels_of(connection: Connection, req_ids: Collection[str]) -> list[votes.Entry]:
    """Everything ever said of these requests."""
    entries: list[votes.Entry] = []
    for part in _parts(req_ids):
        entries += retrain_store.entries(connection, part)
    return entries


def _parts(req_ids: Collection[str]) -> Iterator[list[str]]:
    """A statement has at most 65,535 parameters, a file of labels any number of lines."""
    ordered = sorted(req_ids)
    for begin in range(0, len(ordered), 10_000):
        yield ordered[begin : begin + 10_000]


def add_labels(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add labels to the history; one that is there already stays one."""
    if rows:
        connection.execute(pg.insert(tables.human_label).on_conflict_do_nothing(), list(rows))


def add_corpus(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Add labelled messages; returns how many are new."""
    insert = pg.insert(tables.corpus).on_conflict_do_nothing()
    before = _count(connection, tables.corpus)
    for begin in range(0, len(rows), 1000):
        part = rows[begin : begin + 1000]
        connection.execute(insert, list(part))
    return _count(connection, tables.corpus) - before


def _counts(connection: Connection) -> "sa.Subquery":
    """(req_id, n): how many annotators' labels stand, of every request that has any.

    Where nobody ever took one back each annotator's does. The rule (retrain/labels/votes.py) is
    asked about the others, which are few.
    """
    label = tables.human_label
    req_id = label.c.req_id
    taken_back = sa.select(req_id).where(label.c.action != "label")
    n = sa.func.count(sa.distinct(label.c.annotator)).label("n")
    plain = sa.select(req_id, n).where(req_id.not_in(taken_back))
    plain = plain.group_by(req_id)
    others = Counter(vote.req_id for vote in _standing(connection, taken_back))
    if not others:
        return plain.subquery()
    columns = sa.column("req_id", sa.Text), sa.column("n", sa.BigInteger)
    rest = sa.values(*columns, name="rest").data(list(others.items()))
    of_rest = sa.select(rest.c.req_id, rest.c.n)
    return sa.union_all(plain, of_rest).subquery()


def _standing(connection: Connection, among: "sa.Select[Any]") -> list[votes.Entry]:
    """What each annotator says now of these requests."""
    entries = retrain_store.entries(connection, among)
    req_ids = sorted({entry.req_id for entry in entries})
    newest = votes.latest(votes.said(req_ids, entries))
    return votes.told(newest, req_ids)


def standing(connection: Connection) -> list[votes.Entry]:
    """What each annotator says now of every sampled request."""
    return _standing(connection, sa.select(tables.sampled_prediction.c.req_id))


def _once() -> "sa.Subquery":
    """Each sampled message once, whichever models answered it."""
    sample = tables.sampled_prediction
    req_id = sample.c.req_id
    once = sa.select(sample).ext(pg.distinct_on(req_id))
    once = once.order_by(
        req_id,
        sample.c.role,
        sample.c.model,
    )
    return once.subquery()


def queue(connection: Connection, limit: int) -> list[Any]:
    """Sampled messages without a label that holds, the measure queue first, oldest first. A
    retracted label is none.
    """
    sample = _once()
    held = _counts(connection)
    labelled = sample.c.req_id.in_(sa.select(held.c.req_id))
    query = sa.select(sample).where(sa.not_(labelled)).order_by(*_oldest_first(sample)).limit(limit)
    return list(connection.execute(query).mappings())


def _oldest_first(sample: "sa.Subquery") -> tuple[Any, ...]:
    """The order of the queue: what measures before what trains."""
    return sample.c.queue, sample.c.ts, sample.c.req_id


def serve(
    connection: Connection, annotator: str, passed: Collection[str], twice_share: float
) -> Any:
    """The next message for an annotator, locked until release() or the end of the connection; None
    if nothing waits.

    First what nobody has labelled, then the share of messages that a second annotator is asked
    about too, chosen by the request's hash. Never one this annotator has labelled or taken back,
    one of `passed`, or one that another annotator has on the screen.
    """
    sample = _once()
    counts = _counts(connection)
    n = sa.func.coalesce(counts.c.n, 0)

    waiting = _waiting(sample, counts, annotator, twice_share)
    ordered = waiting.with_only_columns(sample.c.req_id)
    ordered = ordered.order_by(n, *_oldest_first(sample))
    others = 200  # at most so many messages are on others' screens
    first = ordered.limit(len(passed) + others)
    for req_id in connection.execute(first).scalars().all():
        if req_id in passed or not _lock(connection, req_id):
            continue
        # Locked now: what another annotator has answered since the list was read is committed,
        # and seen by counts that are asked for anew.
        now = _waiting(sample, _counts(connection), annotator, twice_share)
        still = now.where(sample.c.req_id == req_id)
        row = connection.execute(still).mappings().first()
        if row:
            return row
        release(connection, req_id)
    return None


def _waiting(
    sample: "sa.Subquery", counts: "sa.Subquery", annotator: str, twice_share: float
) -> "sa.Select[Any]":
    """What an annotator may be asked: what nobody has labelled, or one person and a second is
    wanted; nothing the annotator has had before.
    """
    label = tables.human_label
    req_id = sample.c.req_id
    touched = sa.exists().where(
        label.c.req_id == req_id,
        label.c.annotator == annotator,
    )
    # As a bigint: abs() of the smallest 32-bit hash would be out of range.
    hashed = sa.cast(sa.func.hashtext(req_id), sa.BigInteger)
    thousandth = sa.func.mod(sa.func.abs(hashed), 1000)
    asked_twice = thousandth < 1000 * twice_share

    n = sa.func.coalesce(counts.c.n, 0)
    wanted = sa.or_(
        n == 0,
        sa.and_(n == 1, asked_twice),
    )
    joined = sa.select(sample).outerjoin(counts, counts.c.req_id == req_id)
    return joined.where(sa.not_(touched), wanted)


def _lock(connection: Connection, req_id: str) -> bool:
    """Whether the message is on no other annotator's screen; then it is on this one's."""
    lock = sa.func.pg_try_advisory_lock(_LOCK, sa.func.hashtext(req_id))
    return bool(connection.execute(sa.select(lock)).scalar())


def release(connection: Connection, req_id: str) -> None:
    """Let others be served the message."""
    unlock = sa.func.pg_advisory_unlock(_LOCK, sa.func.hashtext(req_id))
    connection.execute(sa.select(unlock))


def waits(connection: Connection) -> list[tuple[dt.datetime, dt.datetime | None]]:
    """Of every sampled message its instant and that of its first label, by the annotator's clock;
    None where it never had one.
    """
    label = tables.human_label
    at = sa.func.min(label.c.labelled_at).label("at")
    first = (
        sa.select(label.c.req_id, at)
        .where(label.c.action == "label")
        .group_by(label.c.req_id)
        .subquery()
    )

    sample = tables.sampled_prediction
    ts = sa.func.min(sample.c.ts).label("ts")
    asked = sa.select(sample.c.req_id, ts).group_by(sample.c.req_id).subquery()

    same = first.c.req_id == asked.c.req_id
    query = sa.select(asked.c.ts, first.c.at).outerjoin(first, same)
    return [(row.ts, row.at) for row in connection.execute(query)]


def current(connection: Connection) -> list[dict[str, Any]]:
    """The label that holds for each sampled request, with its prediction, and whether annotators
    differ on it.
    """
    sample = tables.sampled_prediction
    req_id, model = sample.c.req_id, sample.c.model
    predicted = retrain_store.read_through(sample.c.intent).label("predicted")
    query = sa.select(
        req_id,
        model,
        predicted,
        sample.c.queue,
    )
    query = query.order_by(req_id, model)
    rows = connection.execute(query).mappings().all()

    req_ids = sorted({row["req_id"] for row in rows})
    entries = retrain_store.entries(connection, sa.select(req_id))
    newest = votes.latest(votes.said(req_ids, entries))
    differ = {req_ids[place] for place in votes.conflicts(newest).tolist()}
    labels: dict[str, dict[str, Any]] = {}
    for vote in votes.told(votes.holding(newest), req_ids):
        labels[vote.req_id] = {
            "intent": vote.intent,
            "annotator": vote.annotator,
            "labelled_at": vote.labelled_at,
            "also": list(vote.also),
            "conflict": vote.req_id in differ,
        }
    return [dict(row) | labels[row["req_id"]] for row in rows if row["req_id"] in labels]


def status(connection: Connection) -> dict[str, Any]:
    """Counts of the queue and of what was labelled."""
    sample = tables.sampled_prediction
    label = tables.human_label
    held = _counts(connection)

    labelled = sample.c.req_id.in_(sa.select(held.c.req_id))
    waiting = _distinct(sample.c.req_id).where(sa.not_(labelled))

    was_sampled = sa.exists().where(sample.c.req_id == label.c.req_id)
    orphans = _distinct(label.c.req_id).where(sa.not_(was_sampled))

    duplicates = sa.select(sa.func.count()).select_from(sample)
    duplicates = duplicates.where(sample.c.seen > 1)
    newest = sa.select(sa.func.max(label.c.labelled_at))
    return {
        "sampled": _count(connection, sample),
        "waiting": connection.execute(waiting).scalar_one(),
        "labels": _count(connection, label),
        "orphans": connection.execute(orphans).scalar_one(),
        "duplicate_requests": connection.execute(duplicates).scalar_one(),
        "corpus": _count(connection, tables.corpus),
        "newest_label": connection.execute(newest).scalar(),
    }


def _distinct(column: "sa.Column[str]") -> "sa.Select[Any]":
    return sa.select(sa.func.count(sa.distinct(column)))


def _count(connection: Connection, table: sa.Table) -> int:
    query = sa.select(sa.func.count()).select_from(table)
    return connection.execute(query).scalar_one()
