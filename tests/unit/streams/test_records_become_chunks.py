"""Between Kafka and the counting: records of a fetch become chunks without a gap or an overlap, and
Kafka is never told of more than was acknowledged.
"""

import asyncio
import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import confluent_kafka as ck
import ends
import pytest
from faust.types import TP
from faust.types.tuples import ConsumerMessage
from hypothesis import given
from hypothesis import strategies as st

from schemas import settings
from streams import database, fetch, identity
from streams.access import Access
from streams.count import chunks
from streams.worker import counter, topology, transport

HERE = TP("t", 0)
EPOCH, ASSIGNMENT = 3, 8


def consumer(expected: int = 0, now: str = "id") -> Any:
    """One of partition 0, which goes on at offset `expected` of the topic `id`, where Kafka shows
    the topic `now`. Faust has not started it: this arithmetic needs no group.
    """
    counting = counter.Counter(
        database.engine(ends.NOWHERE), topic="t", check_time=False, end=ends.end
    )
    counting.topic_id = "id"
    made = transport.Consumer.__new__(transport.Consumer)
    made.app = SimpleNamespace(
        end=ends.end,
        counter=counting,
        watchdog=SimpleNamespace(beat=lambda: None),
        fetcher=SimpleNamespace(look=lambda: identity.Topic(now, {}, {})),
    )
    made._assignment = ASSIGNMENT
    made._known = {HERE}
    made._acked, made._acked_index = defaultdict(list), defaultdict(set)
    made._own({HERE: EPOCH}, {HERE: expected})
    return made


def run(
    offsets: Sequence[int],
    assignment: int = ASSIGNMENT,
    *,
    low: int | None = None,
    high: int | None = None,
) -> fetch.Run:
    n = len(offsets)
    values = [b"%d" % offset for offset in offsets]
    low = offsets[0] if low is None else low
    high = offsets[-1] + 1 if high is None else high
    return fetch.Run(0, list(offsets), values, [False] * n, [0] * n, assignment, low, high)


def cut(made: Any, fetched: fetch.Run | fetch.Gone | fetch.Parted) -> list[chunks.Chunk]:
    return asyncio.run(made._chunks(HERE, fetched))


# chunks


def test_a_run_is_cut_into_chunks_of_five_thousand_records() -> None:
    parts = cut(consumer(), run(range(12_001)))

    assert [len(part.values) for part in parts] == [5_000, 5_000, 2_001]
    assert [(part.low, part.high) for part in parts] == [
        (0, 5_000),
        (5_000, 10_000),
        (10_000, 12_001),
    ]


@given(st.sets(st.integers(1, 60_000), max_size=40), st.integers(1, 11_000))
def test_chunks_follow_each_other_whatever_offsets_are_missing(
    holes: set[int], length: int
) -> None:
    """Kafka leaves offsets out: transactions and compaction take some."""
    offsets = [offset for offset in range(length) if offset not in holes]

    parts = cut(consumer(), run(offsets, low=0))

    assert parts[0].low == 0
    assert parts[-1].high == offsets[-1] + 1
    assert all(one.high == other.low for one, other in itertools.pairwise(parts))
    assert [offset for part in parts for offset in part.offsets] == offsets
    assert {part.claim for part in parts} == {EPOCH}


@pytest.mark.parametrize(
    ("fetched", "expected"),
    [
        (run([0, 1], high=5), (0, 5, [0, 1])),  # markers and an aborted transaction at the end
        (run([], low=0, high=4), (0, 4, [])),  # nothing but these
        (run([7, 9], low=0), (0, 10, [7, 9])),  # compaction took what was before
    ],
)
def test_offsets_without_a_record_are_passed_wherever_they_are(
    fetched: fetch.Run, expected: tuple[int, int, list[int]]
) -> None:
    (part,) = cut(consumer(), fetched)

    assert (part.low, part.high, list(part.offsets)) == expected


def test_what_begins_elsewhere_than_the_last_chunk_ended_is_fetched_again() -> None:
    made = consumer(5)
    made._fetcher = fetch.Fetcher(Access("127.0.0.1:1"), "t")

    assert cut(made, run([7, 8])) == []

    assert made._fetcher._next == {0: 5}
    assert made._assignment == 1, "what is on its way is of an older one"
    made._fetcher.close()


def test_what_was_fetched_under_another_assignment_is_dropped() -> None:
    assert cut(consumer(), run([0, 1], assignment=ASSIGNMENT - 1)) == []


def test_what_comes_of_a_partition_that_was_taken_away_is_dropped() -> None:
    made = consumer()
    made._own({}, {})

    assert cut(made, run([0, 1])) == []


def test_what_retention_deleted_unread_is_a_chunk_of_its_own() -> None:
    """We stand at 5, the log begins at 40: 35 records were never read."""
    (hole,) = cut(consumer(5), fetch.Gone(0, 40, 90, ASSIGNMENT))

    assert (hole.low, hole.high, hole.deleted, hole.claim) == (5, 40, 35, EPOCH)
    assert list(hole.values) == []


@pytest.mark.parametrize(
    ("known", "remedy"),
    [
        (False, "`python -m services.redrive anew t`"),
        (True, "`python -m services.redrive back t/0 --to 90`"),
    ],
)
def test_a_log_that_ends_before_our_offset_ends_the_process(known: bool, remedy: str) -> None:
    """Reading on from anywhere would count other records under old offsets. A topic of which no id
    is known may have been made anew.
    """
    made = consumer(100)
    made._known = {HERE} if known else set()

    with pytest.raises(ends.Ended, match="stands at offset 100, the topic ends at 90") as ended:
        cut(made, fetch.Gone(0, 40, 90, ASSIGNMENT))

    assert ended.value.code == settings.EXIT_INTEGRITY
    assert remedy in str(ended.value)


def test_a_log_that_parts_from_what_was_read_ends_the_process() -> None:
    with pytest.raises(ends.Ended, match="from offset 40 to 100 it holds other ones") as ended:
        cut(consumer(100), fetch.Parted(0, 40, ASSIGNMENT))

    assert ended.value.code == settings.EXIT_INTEGRITY
    assert "`python -m services.redrive back t/0 --to 40`" in str(ended.value)


@pytest.mark.parametrize(
    "fetched", [fetch.Gone(0, 0, 40, ASSIGNMENT), fetch.Parted(0, 40, ASSIGNMENT)]
)
def test_a_topic_made_anew_has_lost_no_records(fetched: fetch.Gone | fetch.Parted) -> None:
    with pytest.raises(ends.Ended, match="its id is other, not id") as ended:
        cut(consumer(100, now="other"), fetched)

    assert ended.value.code == settings.EXIT_INTEGRITY
    assert "`python -m services.redrive anew t`" in str(ended.value)


# acknowledgements


def delivered(made: Any, *bounds: tuple[int, int]) -> None:
    """Chunks of these offsets [low, high) are on their way to the agent."""
    for low, high in bounds:
        made._message(HERE, next(made._cut(HERE, run(range(low, high)))), generation=1)


def acknowledge(made: Any, offset: int) -> None:
    """As Faust notes it: a chunk goes by its last offset."""
    made._acked[HERE].append(offset)
    made._acked[HERE].sort()
    made._acked_index[HERE].add(offset)


def test_a_message_carries_its_chunk_and_the_chunks_last_offset() -> None:
    made = consumer(10)
    (whole,) = cut(made, run(range(10, 14)))

    sent = made._message(HERE, whole, generation=2)

    assert (sent.offset, sent.value, sent.generation_id) == (13, whole, 2)
    assert made._next[HERE] == 14, "the next chunk has to begin here"


def test_kafka_is_told_of_nothing_while_the_oldest_chunk_is_unacknowledged() -> None:
    made = consumer()
    delivered(made, (0, 10), (10, 20), (20, 30))

    acknowledge(made, 29)
    acknowledge(made, 19)
    assert made._new_offset(HERE) is None

    acknowledge(made, 9)
    assert made._new_offset(HERE) == 30


def test_without_an_acknowledgement_or_a_partition_there_is_nothing_to_tell() -> None:
    made = consumer()
    assert made._new_offset(HERE) is None

    acknowledge(made, 9)
    assert made._new_offset(TP("t", 1)) is None
    assert made._new_offset(HERE) is None, "of a chunk that was never handed over"


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.data())
def test_in_whatever_order_chunks_are_acknowledged_the_commit_stays_below_the_oldest_open(
    lengths: list[int], data: st.DataObject
) -> None:
    highs = list(itertools.accumulate(lengths))
    bounds = list(zip([0, *highs], highs, strict=False))
    made = consumer()
    delivered(made, *bounds)

    open_chunks, commits = set(bounds), [0]
    for low, high in data.draw(st.permutations(bounds)):
        acknowledge(made, high - 1)
        open_chunks.discard((low, high))
        commit = made._new_offset(HERE)
        if commit is not None:
            commits.append(commit)
        assert commits[-1] == min((low for low, _ in open_chunks), default=highs[-1])

    assert commits == sorted(commits)
    assert made._acked[HERE] == []
    assert made._acked_index[HERE] == set(), "what was told is forgotten"


# columns of a fetch


def record(offset: int, value: bytes | None = b"x", **of: Any) -> ck.Message:
    return ck.Message(topic="t", offset=offset, value=value, **{"partition": 0, **of})


def columns() -> fetch.Run:
    return fetch.Run(0, [], [], [], [], ASSIGNMENT)


def test_records_become_columns_in_their_order() -> None:
    fetched = columns()

    size = fetched.extend([record(3, b"ab", timestamp=(1, 50)), record(7, b"c", timestamp=(2, 40))])

    assert (fetched.offsets, fetched.values) == ([3, 7], [b"ab", b"c"])
    assert (fetched.appended_ms, fetched.batch) == ([50, 40], [False, False])
    assert size == 3


def test_which_records_have_their_producers_time_is_kept_by_offset() -> None:
    fetched = columns()
    fetched.extend([record(3, timestamp=(2, 50)), record(7, timestamp=(1, 40))])
    fetched.extend([record(8, timestamp=(2, 60)), record(9, timestamp=(0, -1))])
    assert fetched.by_producer == {7}


def test_a_tombstone_is_an_empty_record_and_no_missing_one() -> None:
    """It is no serving log, so it becomes a dead letter; left out it would be a gap."""
    fetched = columns()

    size = fetched.extend([record(0, None), record(1, b"x")])

    assert (fetched.values, size) == ([b"", b"x"], 1)


@pytest.mark.parametrize(
    ("headers", "batch"),
    [
        (None, False),
        ([], False),
        ([("content", b"batch")], True),
        ([("trace", b"1"), ("content", b"batch")], True),
        ([("content", b"Batch")], False),
        ([("content", b"")], False),
        ([("Content", b"batch")], False),
        ([("batch", b"content")], False),
    ],
)
@pytest.mark.parametrize("beside", [None, [("other", b"1")]])
def test_a_record_holds_several_logs_where_its_header_says_so_word_for_word(
    headers: Any, batch: bool, beside: Any
) -> None:
    fetched = columns()

    fetched.extend([record(0, headers=headers), record(1, headers=beside)])

    assert fetched.batch == [batch, False]


@pytest.fixture
def fetcher() -> Iterator[fetch.Fetcher]:
    """Of a broker that is not there: what it has fetched already needs none."""
    made = fetch.Fetcher(Access("127.0.0.1:1"), "t")
    yield made
    made.close()


def test_records_that_come_interleaved_are_one_run_a_partition(fetcher: fetch.Fetcher) -> None:
    runs: dict[int, fetch.Run] = {}
    mixed = [record(i, b"ab", partition=part) for i, part in enumerate([0, 1, 1, 0, 2])]

    size = fetcher._take(mixed, runs)

    assert {part: each.offsets for part, each in runs.items()} == {0: [0, 3], 1: [1, 2], 2: [4]}
    assert size == 10


@pytest.mark.parametrize(
    ("value", "most"),
    [
        (b"x" * 300, 500),  # 2 MiB would hold 6,967 of them: never more than 500
        (b"x" * 65_535, 32),  # 2 MiB / 64 KiB
        (b"x" * 3_000_000, 1),  # one alone is more, and still comes
    ],
)
def test_of_large_records_fewer_are_asked_for_so_that_a_poll_holds_two_mebibytes(
    fetcher: fetch.Fetcher, value: bytes, most: int
) -> None:
    fetcher._take([record(0, value)], {})

    assert fetcher._most == most


def test_each_assignment_has_a_number_of_its_own(fetcher: fetch.Fetcher) -> None:
    assert [
        fetcher.assign({0: fetch.Start(5)}),
        fetcher.assign({}),
        fetcher.assign({1: fetch.Start(0)}),
    ] == [1, 2, 3]


def test_only_a_position_that_is_gone_is_a_hole_any_other_error_is_none(
    fetcher: fetch.Fetcher,
) -> None:
    errors = [ck.KafkaError._AUTO_OFFSET_RESET, ck.KafkaError.OFFSET_OUT_OF_RANGE, -195]
    failed = [
        record(0, partition=part, error=ck.KafkaError(code)) for part, code in enumerate(errors)
    ]

    fetcher._note(failed, {})

    assert fetcher._lost == {0, 1}


def test_the_end_of_a_partition_tells_what_was_passed_without_a_record(
    fetcher: fetch.Fetcher,
) -> None:
    """Three records, then two markers; the other partition holds nothing for us, or nothing new."""
    fetcher.assign({0: fetch.Start(4), 1: fetch.Start(7), 2: fetch.Start(2)})
    runs: dict[int, fetch.Run] = {}
    end = ck.KafkaError(ck.KafkaError._PARTITION_EOF)

    fetcher._take(
        [
            record(5),
            record(6),
            record(9, error=end),
            record(8, partition=1, error=end),
            record(2, partition=2, error=end),
        ],
        runs,
    )

    assert {part: (each.low, each.high, each.offsets) for part, each in runs.items()} == {
        0: (4, 9, [5, 6]),
        1: (7, 8, []),
        2: (2, 2, []),
    }


def test_librdkafkas_words_say_where_the_log_parts_from_what_was_read(
    fetcher: fetch.Fetcher,
) -> None:
    said = (
        "Partition log truncation detected at offset 100 (leader epoch 0): broker end offset is 40"
        " (offset leader epoch 0). Reset to INVALID.: Local: Partition log truncation detected"
    )
    error = ck.KafkaError(ck.KafkaError._AUTO_OFFSET_RESET, said)
    fetcher._note([record(0, partition=3, error=error)], {})

    assert list(fetcher._apart()) == [fetch.Parted(3, 40, 0)]
    assert list(fetcher._apart()) == [], "said once"


def test_who_asks_after_the_end_gets_no_answer_and_no_crash() -> None:
    """librdkafka would take the process with it."""
    fetcher = fetch.Fetcher(Access("127.0.0.1:1"), "t")
    fetcher.close()

    assert (fetcher.bounds(0), fetcher.look(), fetcher.topic_id()) == (None, None, None)


# stock Faust, record by record


def gathered() -> topology.Gathered:
    made = counter.Counter(database.engine(ends.NOWHERE), topic="t", check_time=False, end=ends.end)
    made._owned[0] = counter.Owned(EPOCH, 0, None, 0, on_trial=False)
    return topology.Gathered(SimpleNamespace(counter=made), "t")


def single(part: int, offset: int, **of: Any) -> ConsumerMessage:
    plain: dict[str, Any] = {
        "topic": "t",
        "partition": part,
        "offset": offset,
        "timestamp": 1.5,
        "timestamp_type": 1,
        "headers": [],
        "key": None,
        "value": b"%d" % offset,
        "checksum": None,
        "serialized_key_size": 0,
        "serialized_value_size": 0,
        "tp": TP("t", part),
    }
    return ConsumerMessage(**(plain | of))


def bounds(parts: Sequence[chunks.Chunk]) -> list[tuple[int, int, int]]:
    return [(part.part, part.low, part.high) for part in parts]


@pytest.mark.parametrize(
    ("arrived", "expected"),
    [
        ([], []),
        ([(0, 5)], [(0, 5, 6)]),
        ([(0, 5), (0, 6), (0, 7)], [(0, 5, 8)]),
        ([(0, 5), (1, 9), (0, 6), (1, 10)], [(0, 5, 7), (1, 9, 11)]),
        ([(0, 5), (0, 6), (0, 5), (0, 6)], [(0, 5, 7), (0, 5, 7)]),  # back after a rebalance
        ([(0, 5), (0, 9)], [(0, 5, 6), (0, 9, 10)]),  # a hole
        ([(0, 5), (0, 5)], [(0, 5, 6), (0, 5, 6)]),
    ],
)
def test_single_records_are_counted_as_runs_of_offsets_that_follow_each_other(
    arrived: list[tuple[int, int]], expected: list[tuple[int, int, int]]
) -> None:
    messages = [single(part, offset) for part, offset in arrived]

    parts = list(gathered()._chunks(messages))

    assert bounds(parts) == expected


def test_a_single_records_value_header_and_time_are_in_its_chunk() -> None:
    """1.5 s after 1970 are 1,500 ms; partition 1 is not ours, so its epoch is none."""
    messages = [
        single(0, 5, headers=[("content", b"batch")]),
        single(0, 6, value=None, headers=None, timestamp_type=0),
        single(1, 2),
    ]

    ours, other = gathered()._chunks(messages)

    assert dataclasses.asdict(ours) == {
        "topic": "t",
        "part": 0,
        "claim": EPOCH,
        "low": 5,
        "high": 7,
        "offsets": [5, 6],
        "values": [b"5", b""],
        "batch": [True, False],
        "appended_ms": [1_500, 1_500],
        "deleted": 0,
        "by_producer": {6},
        "leader_epoch": None,
    }
    assert other.claim == 0


@pytest.mark.parametrize(
    ("took_s", "share", "rest_s"),
    [(0.0, 0.25, 0.0), (1.0, 0.25, 3.0), (0.5, 0.1, 4.5), (2.0, 0.5, 2.0), (2.0, 1.0, 0.0)],
)
def test_work_rests_until_it_has_had_no_more_than_its_share_of_the_time(
    took_s: float, share: float, rest_s: float
) -> None:
    rest = topology._rest_after(took_s, share)

    assert rest == pytest.approx(rest_s)
    assert took_s <= share * (took_s + rest) + 1e-9
