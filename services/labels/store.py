"""Postgres: labels in, queue and current labels out. One function per question; the caller owns the
transaction.
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from retrain import store as retrain_store
from retrain.gold import store as gold
from retrain.labels import votes
from retrain.labels.gold import Question
from schemas import tables, training_tables
from services.labels.order import store as order

Connection = sa.Connection
Entry = votes.Entry
Select = sa.Select[Any]
Subquery = sa.Subquery
Row = dict[str, Any]
Wait = tuple[dt.datetime, dt.datetime | None]


def sampled_requests(connection: Connection, req_ids: Collection[str]) -> dict[str, dt.datetime]:
    """Which of these requests were sampled, and when each came."""
    sample = tables.sampled_prediction.c
    sampled: dict[str, dt.datetime] = {}
    for part in _parts(req_ids):
        query = sa.select(sample.req_id, sa.func.min(sample.ts)).where(sample.req_id.in_(part))
        for req_id, first in connection.execute(query.group_by(sample.req_id)):
            sampled[req_id] = first
    return sampled


def labels_of(connection: Connection, req_ids: Collection[str]) -> list[Entry]:
    """Everything ever said of these requests."""
    entries: list[Entry] = []
    for part in _parts(req_ids):
        entries += retrain_store.entries(connection, part)
    return entries


def _parts(req_ids: Collection[str]) -> Iterator[list[str]]:
    """A statement has at most 65,535 parameters, a file of labels any number of lines."""
    ordered = sorted(req_ids)
    for begin in range(0, len(ordered), 10_000):
        yield ordered[begin : begin + 10_000]


def add_labels(connection: Connection, rows: Sequence[Row]) -> None:
    """Add labels to the history; one that is there already stays one."""
    if rows:
        insert = pg.insert(tables.human_label).on_conflict_do_nothing()
        connection.execute(insert, list(rows))


def add_corpus(connection: Connection, rows: Sequence[Row]) -> int:
    """Add labelled messages; returns how many are new."""
    table = tables.corpus
    insert = pg.insert(table).on_conflict_do_nothing()
    before = _count(connection, table)
    for begin in range(0, len(rows), 1000):
        part = rows[begin : begin + 1000]
        connection.execute(insert, list(part))

    after = _count(connection, table)
    return after - before


def counts(connection: Connection) -> Subquery:
    """(req_id, n): how many annotators' labels stand, of every request that has any.

    Where nobody ever took one back each annotator's does. The rule (retrain/labels/votes.py) is
    asked about the others, which are few.
    """
    label = tables.human_label.c
    req_id = label.req_id
    taken_back = sa.select(req_id).where(label.action == "retract")

    annotators = sa.distinct(label.annotator)
    n = sa.func.count(annotators).label("n")
    plain = sa.select(req_id, n)
    plain = plain.where(req_id.not_in(taken_back))
    plain = plain.group_by(req_id)

    held = _standing(connection, taken_back)
    others = Counter(vote.req_id for vote in held)
    if not others:
        return plain.subquery()

    columns = (
        sa.column("req_id", sa.Text),
        sa.column("n", sa.BigInteger),
    )
    counts = list(others.items())
    rest = sa.values(*columns, name="rest").data(counts)
    of_rest = sa.select(rest.c.req_id, rest.c.n)
    return sa.union_all(plain, of_rest).subquery()


def _standing(connection: Connection, among: Select) -> list[Entry]:
    """What each annotator says now of these requests."""
    entries = retrain_store.entries(connection, among)
    req_ids, newest = _newest(entries)
    return votes.told(newest, req_ids)


def _newest(entries: Sequence[Entry]) -> tuple[list[str], votes.Votes]:
    """The requests, and each annotator's newest vote on each; a vote's row is its request's place
    among them.
    """
    distinct = {entry.req_id for entry in entries}
    req_ids = sorted(distinct)
    ever = votes.said(req_ids, entries)
    return req_ids, votes.latest(ever)


def standing(connection: Connection) -> list[Entry]:
    """What each annotator says now of every sampled request."""
    sample = tables.sampled_prediction.c
    sampled = sa.select(sample.req_id)
    return _standing(connection, sampled)


def once() -> Subquery:
    """Each sampled message once, whichever models answered it. A gold question has its label; it is
    asked about apart.
    """
    sample = tables.sampled_prediction
    req_id = sample.c.req_id
    verified = gold.in_force().with_only_columns(tables.gold.c.req_id)
    once = sa.select(sample).where(req_id.not_in(verified))
    once = once.ext(pg.distinct_on(req_id))
    once = once.order_by(
        req_id,
        sample.c.role,
        sample.c.model,
    )
    return once.subquery()


def queue(
    connection: Connection,
    limit: int,
    wanted: Collection[str] = (),
) -> list[Any]:
    """Sampled messages without an answer that holds, in the order of the queue; `wanted`: intents
    of which labels are missing. A retracted one is none.
    """
    sample = once()
    labelled = sa.select(counts(connection).c.req_id)
    sorting = order.order(sample, wanted, labelled)
    query = sa.select(sample).where(sample.c.req_id.not_in(labelled))
    query = query.order_by(*sorting).limit(limit)
    rows = connection.execute(query)
    return list(rows.mappings())


def waits(connection: Connection) -> list[Wait]:
    """Of every sampled message its instant and that of its first answer, by the annotator's clock;
    None where it never had one.
    """
    label = tables.human_label.c
    req_id = label.req_id
    at = sa.func.min(label.labelled_at).label("at")
    first = sa.select(req_id, at)
    first = first.where(label.action != "retract")
    labelled = first.group_by(req_id).subquery()

    sample = tables.sampled_prediction.c
    req_id = sample.req_id
    ts = sa.func.min(sample.ts).label("ts")
    asked = sa.select(req_id, ts).group_by(req_id).subquery()

    same = labelled.c.req_id == asked.c.req_id
    query = sa.select(asked.c.ts, labelled.c.at)
    query = query.outerjoin(labelled, same)
    instants = []
    for row in connection.execute(query):
        instants.append((row.ts, row.at))
    return instants


def current(connection: Connection) -> list[Row]:
    """The label that holds for each sampled request, with its prediction, and whether annotators
    differ on it.
    """
    sample = tables.sampled_prediction.c
    req_id = sample.req_id
    model = sample.model
    predicted = retrain_store.read_through(sample.intent)
    query = sa.select(
        req_id,
        model,
        predicted.label("predicted"),
        sample.queue,
    )
    query = query.order_by(req_id, model)
    predictions = connection.execute(query).mappings().all()

    entries = retrain_store.entries(connection, sa.select(req_id))
    labels = _holding(entries, gold.questions(connection))
    rows = []
    for prediction in predictions:
        label = labels.get(prediction["req_id"])
        if label is not None:
            rows.append(dict(prediction) | label)
    return rows


def _holding(
    entries: Sequence[Entry],
    verified: Mapping[str, Question],
) -> dict[str, Row]:
    """The label that holds for each request that has one, by request; `conflict`: annotators differ
    on it.
    """
    req_ids, newest = _newest(entries)
    conflicts = votes.conflicts(newest)
    disputed = {req_ids[place] for place in conflicts.tolist()}
    holding = votes.named(votes.holding(newest))

    labels: dict[str, Row] = {}
    for vote in votes.told(holding, req_ids):
        labels[vote.req_id] = {
            "intent": vote.intent,
            "annotator": vote.annotator,
            "labelled_at": vote.labelled_at,
            "also": list(vote.also),
            "conflict": vote.req_id in disputed,
        }
    for req_id, question in verified.items():
        labels[req_id] = {
            "intent": question.intent,
            "annotator": question.by,
            "labelled_at": question.at,
            "also": [],
            "conflict": req_id in disputed,
        }
    return labels


def status(connection: Connection) -> Row:
    """Counts of the queue and of what was labelled."""
    sample = tables.sampled_prediction
    label = tables.human_label.c
    req_id = sample.c.req_id

    labelled = sa.select(counts(connection).c.req_id)
    waiting = _distinct(req_id)
    verified = gold.in_force().with_only_columns(tables.gold.c.req_id)
    waiting = waiting.where(req_id.not_in(labelled), req_id.not_in(verified))

    was_sampled = sa.exists().where(req_id == label.req_id)
    orphans = _distinct(label.req_id)
    imported = sa.select(training_tables.asked_again.c.req_id)
    orphans = orphans.where(sa.not_(was_sampled), label.req_id.not_in(imported))

    duplicates = _rows(sample).where(sample.c.seen > 1)
    last = sa.func.max(label.labelled_at)
    newest = sa.select(last)

    return {
        "sampled": _count(connection, sample),
        "waiting": connection.execute(waiting).scalar_one(),
        "labels": _count(connection, tables.human_label),
        "orphans": connection.execute(orphans).scalar_one(),
        "duplicate_requests": connection.execute(duplicates).scalar_one(),
        "corpus": _count(connection, tables.corpus),
        "annotators": _count(connection, tables.annotator),
        "newest_label": connection.execute(newest).scalar(),
    }


def _distinct(column: "sa.Column[str]") -> Select:
    """How many different values a column has."""
    distinct = sa.distinct(column)
    return sa.select(sa.func.count(distinct))


def _count(connection: Connection, table: sa.Table) -> int:
    n: int = connection.execute(_rows(table)).scalar_one()
    return n


def _rows(table: sa.Table) -> Select:
    """How many rows a table has."""
    n = sa.func.count()
    return sa.select(n).select_from(table)
