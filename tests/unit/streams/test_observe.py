"""A chunk becomes panes and dead letters; what is bad is kept apart with a reason and what is late
is counted as late.
"""

import datetime as dt
import json
import random

import pytest
import traffic
from hypothesis import given
from hypothesis import strategies as st

from schemas import tallies, windows
from streams.count import chunks, observe
from streams.rollup import merge, watermark
from streams.stats import histogram

NOW = dt.datetime(2026, 4, 20, 12, tzinfo=dt.UTC)
GOOD = {
    "v": 1,
    "ts": "2026-04-20T12:00:00Z",
    "model": "v1",
    "req_id": "a",
    "latency_ms": 8.0,
    "intent": "faq",
    "confidence": 0.6,
    "tokens": 3,
}


def chunk(*values: bytes, batch: bool = False, appended: dt.datetime = NOW) -> chunks.Chunk:
    return chunks.Chunk(
        "t",
        0,
        1,
        0,
        len(values),
        range(len(values)),
        values,
        [batch] * len(values),
        [int(appended.timestamp() * 1000)] * len(values),
    )


def observed(
    *values: bytes, batch: bool = False, clock: dt.datetime | None = None, check_time: bool = True
) -> observe.Observed:
    return observe.chunk(chunk(*values, batch=batch), observe.Limits(clock, check_time))


def panes(seen: observe.Observed) -> dict[observe.Key, windows.Tally]:
    return {key: tallies.one(seen.tallies, i) for i, key in enumerate(seen.keys)}


def changed(**fields: object) -> bytes:
    return json.dumps(GOOD | fields).encode()


MALFORMED = {
    "empty": (b"", "not_json"),
    "not json": (b"{", "not_json"),
    "an array": (b"[]", "invalid"),
    "a number": (b"7", "invalid"),
    "null": (b"null", "invalid"),
    "invalid utf-8": (b'{"v":1,"ts":"\xff"}', "invalid"),
    "a byte order mark": (b"\xef\xbb\xbf" + json.dumps(GOOD).encode(), "not_json"),
    "deep nesting": (b'{"v":' + b"[" * 5000, "invalid"),
    "NaN": (json.dumps(GOOD).encode().replace(b"0.6", b"NaN"), "not_json"),
    "infinite latency": (json.dumps(GOOD).encode().replace(b"8.0", b"1e999"), "invalid"),
    "a huge integer": (
        json.dumps(GOOD).encode().replace(b'"tokens": 3', b'"tokens": ' + b"9" * 400),
        "invalid",
    ),
    "no version": (json.dumps({k: v for k, v in GOOD.items() if k != "v"}).encode(), "invalid"),
    "version two": (changed(v=2), "invalid"),
    "no zone": (changed(ts="2026-04-20T12:00:00"), "invalid"),
    "no such day": (changed(ts="2026-02-30T12:00:00Z"), "invalid"),
    "negative latency": (changed(latency_ms=-1), "invalid"),
    "latency over ten minutes": (changed(latency_ms=600_001), "invalid"),
    "confidence over one": (changed(confidence=1.0001), "invalid"),
    "an unknown intent": (changed(intent="weather"), "invalid"),
    "no intent": (changed(intent=None), "missing_field"),
    "no tokens": (changed(tokens=None), "missing_field"),
    "an answer and an error": (changed(error="timeout"), "error_with_answer"),
    "an unknown role": (changed(role="king"), "invalid"),
    "an empty model": (changed(model=""), "invalid"),
    "p of zero": (changed(sample={"queue": "measure", "p": 0, "text": "x"}), "invalid"),
    "six minutes ahead": (changed(ts="2026-04-20T12:06:00Z"), "future"),
    "nine days old": (changed(ts="2026-04-11T12:00:00Z"), "too_late"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_bad_record_becomes_a_dead_letter_and_its_neighbours_count(case: str) -> None:
    raw, reason = MALFORMED[case]
    seen = observed(changed(), raw, changed())
    assert [(d.offset, d.line, d.reason, d.raw) for d in seen.dead] == [(1, 0, reason, raw)]
    assert sum(tally.n for tally in panes(seen).values()) == 2


def test_the_test_clock_switches_the_time_limits_off() -> None:
    assert observed(changed(ts="2031-01-01T00:00:00Z"), check_time=False).dead == []


def test_a_tombstone_is_a_dead_letter() -> None:
    assert [d.reason for d in observed(b"").dead] == ["not_json"]


def test_an_envelope_keeps_its_good_lines_and_names_the_bad_one() -> None:
    seen = observed(b"\n".join([changed(), b"{", changed(), b""]), batch=True)
    assert [(d.offset, d.line) for d in seen.dead] == [(0, 2)]
    assert sum(tally.n for tally in panes(seen).values()) == 2


@pytest.mark.parametrize(("count", "dead"), [(256, 0), (257, 1)])
def test_an_envelope_holds_at_most_256_logs(count: int, dead: int) -> None:
    assert len(observed(b"\n".join([changed()] * count), batch=True).dead) == dead


def test_low_confidence_is_exactly_below_0_6() -> None:
    (tally,) = panes(observed(changed(), changed(confidence=0.5999999999))).values()
    assert tally.intent_low.sum() == 1
    assert tally.confidence_bins[60] == 1


def test_a_log_is_late_when_its_minute_had_ended_grace_included() -> None:
    clock = dt.datetime(2026, 4, 20, 12, 1, 31, tzinfo=dt.UTC)
    seen = observed(changed(), changed(ts="2026-04-20T12:01:00Z"), clock=clock)
    assert {key[0].minute: tally.late for key, tally in panes(seen).items()} == {0: 1, 1: 0}
    assert seen.max_event_ts == clock


def test_only_answered_samples_are_kept_for_labelling() -> None:
    sample = {"queue": "measure", "p": 0.5, "text": "an invented message"}
    failed = changed(sample=sample, error="timeout", intent=None, confidence=None)
    assert len(observed(changed(sample=sample), changed(), failed).sampled) == 1


@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_panes_do_not_depend_on_how_logs_were_cut_into_chunks(
    seed: int, shuffler: random.Random
) -> None:
    rng = random.Random(seed)
    values = [traffic.encode(traffic.log(number, rng)) for number in range(60)]
    whole = panes(observed(*values, check_time=False))
    shuffler.shuffle(values)
    cut = shuffler.randrange(1, 59)
    parts = [
        panes(observed(*values[:cut], check_time=False)),
        panes(observed(*values[cut:], check_time=False)),
    ]
    for key, tally in whole.items():
        merged = sum((part[key] for part in parts if key in part), start=windows.Tally())
        rows = [windows.to_row(t) | {"late": 0} for t in (merged, tally)]
        assert rows[0] == rows[1]


@given(
    st.lists(st.floats(1e-5, 600_000), min_size=1, max_size=300),
    st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]),
)
def test_a_percentile_is_within_half_a_percent_of_the_order_statistic(
    values: list[float], q: float
) -> None:
    (tally,) = panes(observed(*(changed(latency_ms=value) for value in values))).values()
    exact = sorted(values)[max(1, -int(-q * len(values) // 1)) - 1]
    shown = histogram.quantile_ms(tally.latency_bins, q)
    assert shown is not None
    assert abs(shown / exact - 1) <= windows.ALPHA * (1 + 1e-9)


def position(read: int, end: int, minute: int | None) -> watermark.Position:
    return watermark.Position(
        read, end, None if minute is None else NOW + dt.timedelta(minutes=minute)
    )


@pytest.mark.parametrize(
    ("positions", "minute"),
    [
        ([], None),
        ([position(0, 0, None)], None),
        ([position(5, 5, 3), position(9, 9, 7)], 7.0),
        ([position(4, 5, 3), position(9, 9, 7)], 2.5),
        ([position(0, 5, None), position(9, 9, 7)], None),
        ([position(0, 0, None), position(9, 9, 7)], 7.0),
    ],
)
def test_a_partition_with_unread_records_holds_the_clock(
    positions: list[watermark.Position], minute: float | None
) -> None:
    assert watermark.watermark(positions) == (
        None if minute is None else NOW + dt.timedelta(minutes=minute)
    )


def test_a_window_that_changes_after_it_was_complete_is_amended() -> None:
    first = merge.revised(None, {"n": 1}, complete=False)
    assert first == merge.State({"n": 1}, revision=1)
    assert merge.revised(first, {"n": 1}, complete=True) is None
    assert merge.revised(
        merge.State({"n": 1}, 1, complete=True), {"n": 2}, complete=True
    ) == merge.State({"n": 2}, 2, amended=True, complete=True)
