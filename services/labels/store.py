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


def known_requests(connection: Connection, req_ids: Collection[str]) -> set[str]:
    """Which of these requests were sampled."""
    column = tables.sampled_prediction.c.req_id
    return {
        found
        for part in _parts(req_ids)
        for found in connection.execute(
            sa.select(column).where(column.in_(part)).distinct()
        ).scalars()
    }


def labels_of(connection: Connection, req_ids: Collection[str]) -> list[votes.Entry]:
    """Everything ever said of these requests."""
    entries: list[votes.Entry] = []
    for part in _parts(req_ids):
        entries += retrain_store.entries(connection, part)
    return entries


def _parts(req_ids: Collection[str]) -> Iterator[list[str]]:
    """A statement has at most 65,535 parameters, a file of labels any number of lines."""
    ordered = sorted(req_ids)
    return (ordered[begin : begin + 10_000] for begin in range(0, len(ordered), 10_000))


def add_labels(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add labels to the history; one that is there already stays one."""
    if rows:
        connection.execute(pg.insert(tables.human_label).on_conflict_do_nothing(), list(rows))


def add_corpus(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Add labelled messages; returns how many are new."""
    before = _count(connection, tables.corpus)
    for begin in range(0, len(rows), 1000):
        connection.execute(
            pg.insert(tables.corpus).on_conflict_do_nothing(), list(rows[begin : begin + 1000])
        )
    return _count(connection, tables.corpus) - before


def _counts(connection: Connection) -> "sa.Subquery":
    """(req_id, n): how many annotators' labels stand, of every request that has any.

    Where nobody ever took one back each annotator's does. The rule (retrain/labels/votes.py) is
    asked about the others, which are few.
    """
    label = tables.human_label
    taken_back = sa.select(label.c.req_id).where(label.c.action != "label")
    n = sa.func.count(sa.distinct(label.c.annotator)).label("n")
    plain = sa.select(label.c.req_id, n).where(label.c.req_id.not_in(taken_back))
    plain = plain.group_by(label.c.req_id)
    others = Counter(vote.req_id for vote in _standing(connection, taken_back))
    if not others:
        return plain.subquery()
    columns = sa.column("req_id", sa.Text), sa.column("n", sa.BigInteger)
    rest = sa.values(*columns, name="rest").data(list(others.items()))
    return sa.union_all(plain, sa.select(rest.c.req_id, rest.c.n)).subquery()


def _standing(connection: Connection, among: "sa.Select[Any]") -> list[votes.Entry]:
    """What each annotator says now of these requests."""
    entries = retrain_store.entries(connection, among)
    req_ids = sorted({entry.req_id for entry in entries})
    return votes.told(votes.latest(votes.said(req_ids, entries)), req_ids)


def standing(connection: Connection) -> list[votes.Entry]:
    """What each annotator says now of every sampled request."""
    return _standing(connection, sa.select(tables.sampled_prediction.c.req_id))


def _once() -> "sa.Subquery":
    """Each sampled message once, whichever models answered it."""
    sample = tables.sampled_prediction
    return (
        sa.select(sample)
        .ext(pg.distinct_on(sample.c.req_id))
        .order_by(sample.c.req_id, sample.c.role, sample.c.model)
        .subquery()
    )


def queue(connection: Connection, limit: int) -> list[Any]:
    """Sampled messages without a label that holds, the measure queue first, oldest first. A
    retracted label is none.
    """
    sample, held = _once(), _counts(connection)
    labelled = sample.c.req_id.in_(sa.select(held.c.req_id))
    return list(
        connection.execute(
            sa.select(sample)
            .where(sa.not_(labelled))
            .order_by(sample.c.queue, sample.c.ts, sample.c.req_id)
            .limit(limit)
        ).mappings()
    )


def serve(
    connection: Connection, annotator: str, passed: Collection[str], twice_share: float
) -> Any:
    """The next message for an annotator, locked until release() or the end of the connection; None
    if nothing waits.

    First what nobody has labelled, then the share of messages that a second annotator is asked
    about too, chosen by the request's hash. Never one this annotator has labelled or taken back,
    one of `passed`, or one that another annotator has on the screen.
    """
    label, sample, counts = tables.human_label, _once(), _counts(connection)
    n = sa.func.coalesce(counts.c.n, 0)
    chosen = (
        sa.func.mod(sa.func.abs(sa.cast(sa.func.hashtext(sample.c.req_id), sa.BigInteger)), 1000)
        < 1000 * twice_share
    )
    touched = sa.exists().where(label.c.req_id == sample.c.req_id, label.c.annotator == annotator)
    waiting = (
        sa.select(sample)
        .outerjoin(counts, counts.c.req_id == sample.c.req_id)
        .where(sa.not_(touched), sa.or_(n == 0, sa.and_(n == 1, chosen)))
    )
    order = waiting.with_only_columns(sample.c.req_id).order_by(
        n, sample.c.queue, sample.c.ts, sample.c.req_id
    )
    others = 200  # at most so many messages are on others' screens
    for req_id in connection.execute(order.limit(len(passed) + others)).scalars().all():
        if (
            req_id not in passed
            and connection.execute(
                sa.select(sa.func.pg_try_advisory_lock(_LOCK, sa.func.hashtext(req_id)))
            ).scalar()
        ):
            # Locked now: what another annotator has answered since the list was read is committed,
            # and seen here.
            found = connection.execute(waiting.where(sample.c.req_id == req_id)).mappings().first()
            if found:
                return found
            release(connection, req_id)
    return None


def release(connection: Connection, req_id: str) -> None:
    """Let others be served the message."""
    connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK, sa.func.hashtext(req_id))))


def waits(connection: Connection) -> list[tuple[dt.datetime, dt.datetime | None]]:
    """Of every sampled message its instant and that of its first label, by the annotator's clock;
    None where it never had one.
    """
    label, sample = tables.human_label, tables.sampled_prediction
    first = (
        sa.select(label.c.req_id, sa.func.min(label.c.labelled_at).label("at"))
        .where(label.c.action == "label")
        .group_by(label.c.req_id)
        .subquery()
    )
    asked = (
        sa.select(sample.c.req_id, sa.func.min(sample.c.ts).label("ts"))
        .group_by(sample.c.req_id)
        .subquery()
    )
    query = sa.select(asked.c.ts, first.c.at).outerjoin(first, first.c.req_id == asked.c.req_id)
    return [(row.ts, row.at) for row in connection.execute(query)]


def current(connection: Connection) -> list[dict[str, Any]]:
    """The label that holds for each sampled request, with its prediction, and whether annotators
    differ on it.
    """
    sample = tables.sampled_prediction
    columns = (
        sample.c.req_id,
        sample.c.model,
        retrain_store.read_through(sample.c.intent).label("predicted"),
        sample.c.queue,
    )
    order = (sample.c.req_id, sample.c.model)
    rows = connection.execute(sa.select(*columns).order_by(*order)).mappings().all()
    req_ids = sorted({row["req_id"] for row in rows})
    entries = retrain_store.entries(connection, sa.select(sample.c.req_id))
    now = votes.latest(votes.said(req_ids, entries))
    differ = set(votes.conflicts(now).tolist())
    place = {req_id: row for row, req_id in enumerate(req_ids)}
    holding = {vote.req_id: vote for vote in votes.told(votes.holding(now), req_ids)}
    found = []
    for row in rows:
        vote = holding.get(row["req_id"])
        if vote is not None:
            label = {name: getattr(vote, name) for name in ("intent", "annotator", "labelled_at")}
            said = {"also": list(vote.also), "conflict": place[vote.req_id] in differ}
            found.append(dict(row) | label | said)
    return found


def status(connection: Connection) -> dict[str, Any]:
    """Counts of the queue and of what was labelled."""
    sample, label, held = tables.sampled_prediction, tables.human_label, _counts(connection)
    labelled = sample.c.req_id.in_(sa.select(held.c.req_id))
    orphan = sa.not_(sa.exists().where(sample.c.req_id == label.c.req_id))
    waiting = sa.select(sa.func.count(sa.distinct(sample.c.req_id))).where(sa.not_(labelled))
    found: dict[str, Any] = {
        "sampled": _count(connection, sample),
        "waiting": connection.execute(waiting).scalar_one(),
    }
    found["labels"] = _count(connection, label)
    found["orphans"] = connection.execute(
        sa.select(sa.func.count(sa.distinct(label.c.req_id))).where(orphan)
    ).scalar_one()
    found["duplicate_requests"] = connection.execute(
        sa.select(sa.func.count()).select_from(sample).where(sample.c.seen > 1)
    ).scalar_one()
    newest: dt.datetime | None = connection.execute(
        sa.select(sa.func.max(label.c.labelled_at))
    ).scalar()
    return found | {"corpus": _count(connection, tables.corpus), "newest_label": newest}


def _count(connection: Connection, table: sa.Table) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
