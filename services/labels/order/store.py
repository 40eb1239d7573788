"""The order of the queue, as Postgres sorts it: what measures before what trains.

What measures comes hour by hour, the oldest first, since figures rest on hours of which most is
answered; of an hour first what was predicted to be an intent of which labels are missing. Over many
hours at once it would ruin the figures it is meant for: of later hours only what was predicted so
would be answered, and of a recall only the hits.

What trains comes intent by intent in turn, by what was predicted, and last whatever is worded like
a message that has its label, or like an earlier one: the second teaches next to nothing.
"""

import datetime as dt
from collections.abc import Collection
from typing import Any, Final

import sqlalchemy as sa

from retrain import store as retrain_store
from schemas import tables

# Case, blanks, digits and what stands between words make no other wording.
_BETWEEN_WORDS: Final = "[[:space:][:punct:][:digit:]]+"
_REMEMBERED: Final = dt.timedelta(days=28)  # so far back labels are looked at for the same wording


def order(
    sample: sa.Subquery,
    wanted: Collection[str],
    labelled: "sa.Select[Any]",
) -> tuple["sa.ColumnElement[Any]", ...]:
    """The terms to sort rows of `sample` by. `wanted`: intents of which labels are missing;
    `labelled`: the requests that have their label.
    """
    measures = sample.c.queue == "measure"
    hour = sa.func.date_trunc("hour", sample.c.ts, "UTC")
    predicted = retrain_store.read_through(sample.c.intent)
    is_wanted = predicted.in_(wanted)

    again = _worded_before(sample, labelled)
    turn = _place(sample, sample.c.queue, predicted)
    return (
        sample.c.queue,
        sa.case((measures, hour)),
        sa.case((measures & is_wanted, 0), else_=1),
        sa.case((measures, 0), (again, 1), else_=0),
        sa.case((measures, 0), else_=turn),
        sample.c.ts,
        sample.c.req_id,
    )


def _worded_before(
    sample: sa.Subquery,
    labelled: "sa.Select[Any]",
) -> "sa.ColumnElement[bool]":
    """Whether a message that has its label, or an earlier one that waits, is worded like this."""
    other = tables.sampled_prediction.alias("other")
    newest = sa.select(sa.func.max(tables.sampled_prediction.c.ts)).scalar_subquery()
    known = sa.select(_wording(other.c.text)).where(
        other.c.req_id.in_(labelled),
        other.c.ts > newest - _REMEMBERED,
    )
    wording = _wording(sample.c.text)
    return sa.or_(
        wording.in_(known),
        _place(sample, sample.c.queue, wording) > 1,
    )


def _wording(text: "sa.ColumnElement[str]") -> "sa.ColumnElement[str]":
    lower = sa.func.lower(text)
    words = sa.func.regexp_replace(lower, _BETWEEN_WORDS, " ", "g")
    return sa.func.btrim(words)


def _place(sample: sa.Subquery, *among: "sa.ColumnElement[Any]") -> "sa.ColumnElement[int]":
    """From 1: the how-manieth of these a row is, in the order of time."""
    oldest_first = (sample.c.ts, sample.c.req_id)
    return sa.func.row_number().over(partition_by=among, order_by=oldest_first)
