"""Postgres: the sampled messages of a stretch of time, what annotators had said of them by an
instant, and whose word does not count.
"""

import datetime as dt

import numpy as np
import sqlalchemy as sa

from retrain import store
from retrain.evaluation import samples
from retrain.gold import store as gold_store
from retrain.labels import cap, distrust, gold, labelled, lateness, votes
from schemas import decisions, policy, slices, tables, windows

Connection = sa.Connection


def age(connection: Connection, model: str, at: dt.datetime) -> dt.timedelta:
    """How late the labels are that people gave by `at`."""
    start = at - lateness.LOOK_BACK
    asked, standing, verified = measure_queue(connection, start, at, as_of=at, model=model)
    # Gold questions are old when they are answered.
    on_time = standing.chosen(~np.isin(standing.row, verified.row))
    return lateness.age(asked.ts_us, on_time, at)


def sampled(
    connection: Connection,
    model: str,
    start: dt.datetime,
    end: dt.datetime,
    *,
    as_of: dt.datetime,
    rules: policy.Labels,
) -> samples.Sample:
    """The measure queue of a stretch of time, with the labels that held at `as_of`."""
    asked, standing, verified = measure_queue(connection, start, end, as_of=as_of, model=model)
    return labelled.labelled(asked, standing, rules, verified)


def judged(
    connection: Connection,
    model: str,
    start: dt.datetime,
    at: dt.datetime,
    rules: policy.Labels,
) -> tuple[samples.Sample, tuple[decisions.Aside, ...]]:
    """The same as known at its end, and whom it does not believe."""
    asked, standing, verified = measure_queue(connection, start, at, as_of=at, model=model)
    return labelled.judged(asked, standing, rules, verified)


def measure_queue(
    connection: Connection,
    start: dt.datetime,
    end: dt.datetime,
    *,
    as_of: dt.datetime,
    model: str | None = None,
) -> tuple[samples.Sample, votes.Votes, gold.Gold]:
    """The measure queue of a stretch of time (of every model unless told) without labels, what
    annotators had said of it by `as_of`, and what reviewers had verified.

    Joined here: without statistics Postgres compares each with each.
    """
    sample = tables.sampled_prediction
    chosen = [
        sample.c.role == "champion",
        sample.c.queue == "measure",
        sample.c.ts >= start,
        sample.c.ts < end,
    ]
    if model:
        chosen.append(sample.c.model == model)
    columns = (
        sample.c.req_id,
        sample.c.ts,
        sample.c.intent,
        sample.c.confidence,
        sample.c.p,
        sample.c.text,
    )
    messages = sa.select(*columns).where(*chosen)
    messages = messages.order_by(sample.c.ts, sample.c.req_id, sample.c.model)
    rows = connection.execute(messages).all()
    req_ids = sa.select(sample.c.req_id).where(*chosen)
    entries = store.entries(connection, req_ids, as_of)

    asked = samples.sample(
        ((row.ts, row.intent, row.confidence, row.p, None) for row in rows),
        [slices.of(row.text) for row in rows],
    )
    names = [row.req_id for row in rows]
    ever = votes.said(names, entries)
    return asked, votes.latest(ever), gold_store.known(connection, names, as_of)


def doubts(
    connection: Connection,
    as_of: dt.datetime,
    rules: policy.Labels,
) -> list[distrust.Doubt]:
    """Which sources nobody should believe, week by week back from `as_of` to the first sampled
    message.
    """
    oldest = sa.select(sa.func.min(tables.sampled_prediction.c.ts))
    first = connection.execute(oldest).scalar()
    week = windows.HORIZONS["7d"]
    doubts = []
    while first is not None and as_of > first:
        for source in aside(connection, as_of, rules):
            doubts.append(distrust.doubt(source, as_of - week, as_of))
        as_of -= week
    return doubts


def aside(
    connection: Connection,
    as_of: dt.datetime,
    rules: policy.Labels,
) -> tuple[distrust.Aside, ...]:
    """The sources of labels that nobody should believe, by the week of messages before `as_of`,
    whichever model answered.
    """
    start = as_of - windows.HORIZONS["7d"]
    asked, standing, verified = measure_queue(connection, start, as_of, as_of=as_of)
    capped = cap.within(standing, rules.per_annotator_per_day)
    return distrust.aside(asked, capped, rules.source_gap, verified.answers)


def answered(
    connection: Connection,
    as_of: dt.datetime,
    rules: policy.Labels,
) -> samples.Sample:
    """The measure queue of the week before `as_of`, whichever model answered, with its labels; but
    for messages whose time to be labelled is not over.
    """
    start = as_of - windows.HORIZONS["7d"]
    overdue = as_of - dt.timedelta(hours=rules.maturity_hours)
    asked, standing, verified = measure_queue(connection, start, overdue, as_of=as_of)
    return labelled.labelled(asked, standing, rules, verified)
