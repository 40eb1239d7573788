"""The fast way from bytes to columns refuses and counts exactly what the slow one does."""

import datetime as dt
import json
import random
from typing import Any

import pytest
import traffic
from hypothesis import given
from hypothesis import strategies as st

from schemas import events, tallies, times
from streams.count import chunks, decode, observe

GOOD: dict[str, Any] = {
    "v": 1,
    "ts": "2026-04-20T12:00:00.123Z",
    "model": "v1",
    "req_id": "a",
    "latency_ms": 8.0,
    "intent": "faq",
    "confidence": 0.6,
    "tokens": 3,
}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 2_000_000),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from(["faq", "champion", "japanese", "x" * 201]),
)
CHANGES = st.dictionaries(
    st.sampled_from(list(events.ServingLog.__struct_fields__)), VALUES, max_size=3
)
STAMPS = st.sampled_from(
    [
        "2026-04-20T12:00:00Z",
        "2026-04-20T12:00:00.5Z",
        "2026-04-20T12:00:00.123456Z",
        "2026-04-20T12:00:60.000Z",
        "2026-02-30T12:00:00.000Z",
        "2026-04-20 12:00:00.000Z",
        "2026-04-20T12:00:00.000+09:00",
        "1999-12-31T23:59:59.999Z",
        "2026-04-20T12:00:00,000Z",
        "2026-04-20T24:00:00.000Z",
        "2026-04-20T12:00:00.000z",
        "2026-04-20T12:00:00",
        "0001-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-02:00",
        "2199-12-31T23:59:59.999Z",
        "2200-01-01T00:00:00Z",
        "2200-01-01T01:00:00+02:00",
        "2000-01-01T01:00:00+02:00",
        "2026-11-01T01:30:00-05:00",
    ]
)


def record(changes: dict[str, Any], stamp: str | None) -> bytes:
    return json.dumps(GOOD | changes | ({"ts": stamp} if stamp else {})).encode()


@given(st.lists(st.tuples(CHANGES, st.none() | STAMPS), min_size=1, max_size=4))
def test_what_the_fast_way_takes_the_slow_way_takes_alike(
    changed: list[tuple[dict[str, Any], str | None]],
) -> None:
    values = [record(*change) for change in changed]
    fast = decode.chunk(b"\n".join(values), len(values))
    slow = [events.serving_log(value) for value in values]
    if fast is None:
        return
    logs = [log for log in slow if isinstance(log, events.ServingLog)]
    assert len(logs) == len(values)
    assert fast[1].ts_us.tolist() == [times.micros(log.ts) for log in logs]
    assert [log.model for log in fast[0]] == [log.model for log in logs]


@given(
    st.lists(
        st.sampled_from(
            [
                b"{}",
                b" ",
                b"",
                b"\n",
                b'{"v":1}\n{"v":1}',
                b'{"v":1}{"v":1}',
                json.dumps(GOOD).encode(),
                b"{",
                b"}",
            ]
        ),
        min_size=1,
        max_size=5,
    )
)
def test_a_log_is_never_taken_from_two_records_nor_two_from_one(values: list[bytes]) -> None:
    fast = decode.chunk(b"\n".join(values), len(values))
    assert fast is None or all(
        isinstance(events.serving_log(value), events.ServingLog) for value in values
    )


@pytest.mark.parametrize(
    "stamps",
    [["2026-04-20T12:00:00Z"] * 3, ["2026-04-20T12:00:00.123Z"], ["2026-04-20T12:00:00.123456Z"]],
)
def test_usual_times_take_the_fast_way(stamps: list[str]) -> None:
    parsed = decode.times_us(stamps)
    assert parsed is not None
    assert parsed.tolist() == [times.micros(dt.datetime.fromisoformat(stamp)) for stamp in stamps]


@given(
    st.integers(0, 10_000),
    st.lists(st.integers(0, 199), max_size=3, unique=True),
    st.sampled_from([1, 10]),
)
def test_a_chunk_cut_around_bad_records_counts_like_one_read_one_by_one(
    seed: int, bad: list[int], size: int
) -> None:
    rng = random.Random(seed)
    lines = [b"{bad" if i in bad else traffic.encode(traffic.log(i, rng)) for i in range(200)]
    values = [b"\n".join(lines[i : i + size]) for i in range(0, 200, size)]
    part = chunks.Chunk(
        "t",
        0,
        1,
        0,
        len(values),
        range(len(values)),
        values,
        [size > 1] * len(values),
        [0] * len(values),
    )
    limits = observe.Limits(check_time=False)
    whole, slow = (
        observe.chunk(part, limits),
        observe._counted([observe._one_by_one(part, limits)], limits),
    )
    assert (list(whole.keys), tallies.to_rows(whole.tallies)) == (
        list(slow.keys),
        tallies.to_rows(slow.tallies),
    )
    assert [(d.offset, d.line, d.reason) for d in whole.dead] == [
        (d.offset, d.line, d.reason) for d in slow.dead
    ]
    assert whole.bad.tolist() == slow.bad.tolist() == [i in bad for i in range(200)]
    assert whole.max_event_ts == slow.max_event_ts
