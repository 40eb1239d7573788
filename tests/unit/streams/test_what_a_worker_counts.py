"""The worker's counting before anything reaches Postgres: each log once whatever Kafka delivers
again, nothing of a partition that is not ours, and no gap passed over in silence.
"""

import dataclasses
import datetime as dt
import json
from collections.abc import Sequence

import builders
import ends
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import events, settings
from streams import database
from streams.count import chunks
from streams.worker import breaker, counter, poison

LOG = json.dumps(builders.log()).encode()
BAD = b"{"
EPOCH = 3


def owner(head: int = 0, **of: object) -> counter.Counter:
    """A counter that has claimed partition 0, and stands at `head` in it."""
    made = counter.Counter(database.engine(ends.NOWHERE), topic="t", check_time=False, end=ends.end)
    owned = counter.Owned(epoch=EPOCH, head=head, max_event_ts=None, bad_until=0, on_trial=False)
    made._owned[0] = dataclasses.replace(owned, **of)  # type: ignore[arg-type]
    return made


def chunk(
    low: int,
    values: Sequence[bytes],
    *,
    part: int = 0,
    claim: int = EPOCH,
    batch: bool = False,
    deleted: int = 0,
) -> chunks.Chunk:
    """Records that follow each other, from `low` on; after `deleted` that are gone."""
    n = len(values)
    first = low + deleted
    return chunks.Chunk(
        topic="t",
        part=part,
        claim=claim,
        low=low,
        high=first + n,
        offsets=range(first, first + n),
        values=values,
        batch=(batch,) * n,
        appended_ms=(0,) * n,
        deleted=deleted,
    )


def dead(worker: counter.Counter) -> list[tuple[int, str]]:
    """Offset and reason of each dead letter that waits to be stored."""
    return [
        (letter.offset, letter.reason)
        for pending in worker._pending.values()
        for seen in pending.seen
        for letter in seen.dead
    ]


def counted(worker: counter.Counter) -> int:
    """Good logs that wait to be stored."""
    return sum(
        int(seen.tallies.scalars[:, 0].sum())
        for pending in worker._pending.values()
        for seen in pending.seen
    )


# ours and not ours


def test_a_partition_that_is_not_ours_is_not_counted() -> None:
    worker = owner()

    worker.add(chunk(0, [LOG], part=1))

    assert (worker.waiting, counted(worker)) == (0, 0)


@pytest.mark.parametrize("claim", [0, EPOCH - 1, EPOCH + 1])
def test_what_was_fetched_under_another_claim_is_dropped(claim: int) -> None:
    """Somebody else may have counted it meanwhile; Postgres says where to read on."""
    worker = owner()

    worker.add(chunk(0, [LOG], claim=claim))

    assert worker.waiting == 0


def test_a_partition_has_its_epoch_and_one_that_is_not_ours_has_none() -> None:
    worker = owner()

    assert (worker.epoch(0), worker.epoch(1)) == (EPOCH, 0)


# each once


def test_a_chunk_moves_the_head_and_waits_to_be_stored() -> None:
    worker = owner(head=100)

    worker.add(chunk(100, [LOG, LOG, LOG]))

    pending = worker._pending[0]
    assert (pending.epoch, pending.low, pending.high) == (EPOCH, 100, 103)
    assert (worker.waiting, counted(worker)) == (3, 3)


def test_chunks_of_one_partition_are_stored_as_one_advance() -> None:
    worker = owner()

    worker.add(chunk(0, [LOG, LOG]))
    worker.add(chunk(2, [LOG]))

    assert (worker._pending[0].low, worker._pending[0].high) == (0, 3)


def test_a_chunk_that_comes_again_is_counted_once() -> None:
    worker = owner()

    worker.add(chunk(0, [LOG, LOG]))
    worker.add(chunk(0, [LOG, LOG]))

    assert (worker.waiting, counted(worker)) == (2, 2)


def test_of_a_chunk_that_overlaps_only_the_rest_is_counted() -> None:
    """Offsets 0 to 2 are counted; of 1 to 4 only 3 and 4 are new, and 4 is bad."""
    worker = owner()
    worker.add(chunk(0, [LOG, LOG, LOG]))

    worker.add(chunk(1, [LOG, LOG, LOG, BAD]))

    assert (counted(worker), dead(worker)) == (4, [(4, "not_json")])
    assert worker._owned[0].head == 5


@given(
    st.lists(st.booleans(), min_size=1, max_size=40),
    st.lists(st.integers(1, 7), min_size=1, max_size=8),
    st.lists(st.booleans(), min_size=1, max_size=8),
)
def test_however_records_are_cut_and_delivered_again_each_is_counted_once(
    good: list[bool], sizes: list[int], twice: list[bool]
) -> None:
    values = [LOG if each else BAD for each in good]
    worker = owner()

    low = 0
    for turn in range(len(values)):
        size = sizes[turn % len(sizes)]
        if low >= len(values):
            break
        part = chunk(low, values[low : low + size])
        worker.add(part)
        if twice[turn % len(twice)]:
            worker.add(part)
        low = part.high

    assert counted(worker) == good.count(True)
    assert [offset for offset, _ in dead(worker)] == [i for i, each in enumerate(good) if not each]
    assert worker.waiting == len(values)


def test_an_envelope_counts_as_the_logs_in_it() -> None:
    worker = owner()

    worker.add(chunk(0, [b"\n".join([LOG, BAD, LOG])], batch=True))

    assert (worker.waiting, counted(worker)) == (3, 2)
    assert dead(worker) == [(0, "not_json")]


def test_the_streams_clock_goes_forward_only() -> None:
    early, late = (
        json.dumps(builders.log(ts=builders.AT + dt.timedelta(minutes=m))).encode() for m in (1, 9)
    )
    worker = owner()

    worker.add(chunk(0, [late]))
    worker.add(chunk(1, [early]))

    assert worker._owned[0].max_event_ts == builders.AT + dt.timedelta(minutes=9)


# gaps


def test_a_chunk_that_leaves_records_out_ends_the_process_before_it_is_counted() -> None:
    """Offsets 5 and 6 would be lost for good; the next start reads on from Postgres."""
    worker = owner(head=5)

    with pytest.raises(ends.Ended, match="t/0: a chunk begins at 7, expected 5") as ended:
        worker.add(chunk(7, [LOG]))

    assert ended.value.code == settings.EXIT_INTEGRITY
    assert (worker.waiting, counted(worker)) == (0, 0)


def test_records_deleted_before_they_were_read_are_a_letter_that_says_how_many() -> None:
    worker = owner(head=5)

    worker.add(chunk(5, [], deleted=20))

    (letter,) = worker._pending[0].seen[0].dead
    assert (letter.offset, letter.reason) == (5, events.Reason.DELETED_UNREAD)
    assert "offsets 5 to 24 (20 records)" in letter.detail
    assert worker._owned[0].head == 25
    assert worker.waiting == 1, "a gap is stored soon although it holds no log"


# bad logs


def test_bad_logs_become_letters_and_the_partition_remembers_them() -> None:
    worker = owner()

    worker.add(chunk(0, [LOG, BAD, BAD]))

    assert dead(worker) == [(1, "not_json"), (2, "not_json")]
    assert worker._owned[0].health.in_a_row == 2


def test_what_a_person_has_accepted_passes_and_is_held_against_nothing_after_it() -> None:
    """150 in a row stop a worker, unless they all lie before the accepted offset."""
    worker = owner(bad_until=1_000)

    worker.add(chunk(0, [BAD] * 150))
    worker.add(chunk(150, [LOG]))

    assert len(dead(worker)) == 150
    assert worker._owned[0].health.in_a_row == 0
    assert worker._owned[0].health.recent.sum() == 0


def test_a_health_remembers_no_more_than_it_judges_by() -> None:
    worker = owner()

    for low in range(0, 3_000, 500):
        worker.add(chunk(low, [LOG] * 500))

    assert len(worker._owned[0].health.recent) == breaker.MOST_OF


# what is behind, and what there is to store


@pytest.mark.parametrize(
    ("highs", "unread"),
    [
        ({}, 0),  # no broker answers: nothing is known to wait
        ({0: 10}, 0),
        ({0: 17}, 7),
        ({0: 4}, 0),  # an answer from before
        ({0: 17, 1: 99}, 7),  # partition 1 is another worker's
    ],
)
def test_behind_is_what_waits_in_our_own_partitions(highs: dict[int, int], unread: int) -> None:
    assert owner(head=10).behind(highs) == unread


def test_a_flush_of_nothing_asks_nothing_of_postgres() -> None:
    """There is none at this address: asked, the worker would wait for it."""
    owner().flush()


def test_a_chunk_without_records_needs_no_child_to_try_it() -> None:
    gap = chunk(5, [], deleted=2)
    trial = poison.TrialDecoder()

    assert list(trial.safe(gap)) == [(gap, None)]
    assert trial._child is None


def test_a_partition_on_trial_counts_a_gap_like_any_other() -> None:
    worker = owner(head=5, on_trial=True)

    worker.add(chunk(5, [], deleted=2))

    assert dead(worker) == [(5, "deleted_unread")]


# cutting a chunk


def test_cuts_of_a_chunk_with_holes_leave_no_offset_to_nobody() -> None:
    """Offsets 12, 15, 16, 20 of [10, 25): a hole belongs to the records before it, and the first
    one to the first cut.
    """
    whole = dataclasses.replace(
        chunk(10, [b"a", b"b", b"c", b"d"]), offsets=(12, 15, 16, 20), high=25
    )

    first, second = whole.cut(0, 2), whole.cut(2, 4)

    assert (first.low, first.high, first.values) == (10, 16, [b"a", b"b"])
    assert (second.low, second.high, second.values) == (16, 25, [b"c", b"d"])


@pytest.mark.parametrize(
    ("offset", "low", "values"),
    [
        (0, 10, [b"a", b"b", b"c"]),
        (10, 10, [b"a", b"b", b"c"]),
        (12, 12, [b"b", b"c"]),
        (13, 15, [b"c"]),
        (16, 20, []),
    ],
)
def test_since_an_offset_there_are_the_records_from_it_on(
    offset: int, low: int, values: list[bytes]
) -> None:
    """Offsets 10, 12 and 15 of [10, 20)."""
    whole = dataclasses.replace(chunk(10, [b"a", b"b", b"c"]), offsets=(10, 12, 15), high=20)

    rest = whole.since(offset)

    assert (rest.low, rest.high, list(rest.values)) == (low, 20, values)
