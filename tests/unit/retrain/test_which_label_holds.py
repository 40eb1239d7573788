"""Which label of a message holds: one rule, against a person's reading of it, for any history of
labels.
"""

import datetime as dt
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from retrain.labels import votes
from schemas import present

BEGIN = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
REQUESTS = ["r0", "r1", "r2"]


def entry(said: str, **of: Any) -> votes.Entry:
    intent = None if said in ("retract", "cannot_tell") else said
    return votes.Entry(intent=intent, cannot_tell=said == "cannot_tell", **of)


entries = st.builds(
    entry,
    req_id=st.sampled_from([*REQUESTS, "orphan"]),
    annotator=st.sampled_from(["a", "b", "c"]),
    labelled_at=st.integers(0, 4).map(lambda minutes: BEGIN + minutes * MINUTE),
    source=st.text("0123456789abcdef", min_size=4, max_size=4),
    said=st.sampled_from([*present.INTENTS[:3], "retract", "cannot_tell"]),
    also=st.lists(st.sampled_from(present.INTENTS), unique=True, max_size=3).map(tuple),
)
histories = st.lists(entries, max_size=12, unique_by=lambda entry: entry.id)


def newest_of_each(said: list[votes.Entry], req_id: str) -> list[votes.Entry]:
    """Spelled out: walk the history in time; of one instant the smaller id is read later."""
    current: dict[str, votes.Entry] = {}
    for entry in sorted(said, key=lambda entry: entry.id, reverse=True):
        before = current.get(entry.annotator)
        if entry.req_id == req_id and (before is None or before.labelled_at <= entry.labelled_at):
            current[entry.annotator] = entry
    return [entry for entry in current.values() if entry.intent or entry.cannot_tell]


def the_one_that_holds(said: list[votes.Entry], req_id: str) -> votes.Entry | None:
    standing = newest_of_each(said, req_id)
    latest = max((entry.labelled_at for entry in standing), default=None)
    newest = [entry for entry in standing if entry.labelled_at == latest]
    return min(newest, key=lambda entry: entry.annotator, default=None)


@given(histories, st.randoms())
def test_the_newest_not_taken_back_holds_whoever_asks(
    said: list[votes.Entry], rng: random.Random
) -> None:
    shuffled = rng.sample(said, len(said))
    now = votes.latest(votes.said(REQUESTS, shuffled))
    held = {vote.req_id: vote for vote in votes.told(votes.holding(now), REQUESTS)}
    for req_id in REQUESTS:
        wanted = the_one_that_holds(said, req_id)
        vote = held.get(req_id)
        if wanted is None:
            assert vote is None
            continue
        assert vote is not None
        assert (vote.annotator, vote.labelled_at, vote.intent) == (*wanted[1:3], wanted.intent)
        assert vote.cannot_tell == wanted.cannot_tell
        assert set(vote.also) == set(wanted.also)


@given(histories, st.integers(0, 4))
def test_as_of_an_instant_later_entries_do_not_count(said: list[votes.Entry], minutes: int) -> None:
    at = BEGIN + minutes * MINUTE
    until = int((at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) / dt.timedelta(microseconds=1))
    then = votes.standing(votes.said(REQUESTS, said), 0, len(REQUESTS), until)
    known = votes.latest(votes.said(REQUESTS, [entry for entry in said if entry.labelled_at <= at]))
    assert votes.told(then, REQUESTS) == votes.told(known, REQUESTS)


@given(histories)
def test_annotators_differ_where_two_of_their_newest_do(said: list[votes.Entry]) -> None:
    now = votes.latest(votes.said(REQUESTS, said))
    differ = {REQUESTS[row] for row in votes.conflicts(now).tolist()}
    for req_id in REQUESTS:
        named = {entry.intent for entry in newest_of_each(said, req_id)} - {None}
        assert (req_id in differ) == (len(named) > 1)


def test_a_request_that_two_models_answered_has_the_label_twice() -> None:
    said = [votes.Entry("r0", "a", BEGIN, "1", "faq")]
    held = votes.holding(votes.latest(votes.said(["r0", "r1", "r0"], said)))
    assert held.row.tolist() == [0, 2]
