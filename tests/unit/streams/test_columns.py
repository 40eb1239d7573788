"""Logs side by side as columns: each minute, model and role is counted apart, and the same integers
come out however the logs are grouped or ordered.
"""

import datetime as dt
import random
from collections.abc import Sequence
from typing import Any

import builders
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import events, present, slices, tallies, times, windows
from streams.count import columns, observe

AT = builders.AT
MINUTE = dt.timedelta(minutes=1)


def serving_log(number: int = 0, ts: dt.datetime | str = AT, **more: Any) -> events.ServingLog:
    return msgspec.convert(builders.log(number, ts, **more), events.ServingLog)


def as_columns(logs: Sequence[events.ServingLog]) -> columns.Columns:
    instants = [times.micros(log.ts) for log in logs]
    return columns.of(logs, np.array(instants, dtype=np.int64))


def by_key(logs: Sequence[events.ServingLog]) -> dict[columns.Key, windows.Tally]:
    none_late = np.zeros(len(logs), dtype=np.bool_)
    keys, stack = columns.by_key(as_columns(logs), none_late)
    return {key: tallies.one(stack, i) for i, key in enumerate(keys)}


def failed(number: int = 0, **more: Any) -> events.ServingLog:
    nothing: dict[str, Any] = {"intent": None, "confidence": None, "tokens": None}
    return serving_log(number, error="timeout", **nothing, **more)


def test_one_answer_by_hand() -> None:
    """8.25 ms are 8,250 us; a confidence of 0.59 is 590,000 millionths and under 0.6."""
    tally = observe.tally(
        [
            serving_log(
                latency_ms=8.25,
                confidence=0.59,
                margin=0.125,
                tokens=12,
                script="japanese",
                intent="recommendation",
                fallback_rerank=True,
                tokenizer_hash="9b2a1",
            )
        ]
    )
    place = present.INDEX["recommendation"]

    assert (tally.n, tally.errors, tally.answered, tally.late) == (1, 0, 1, 0)
    assert (tally.latency_sum_us, tally.confidence_sum_micro) == (8_250, 590_000)
    assert (tally.tokens_sum, tally.margin_sum_micro, tally.margin_n) == (12, 125_000, 1)
    assert (tally.tokenizer_n, tally.tokenizer_sum) == (1, 31_040)
    assert tally.tokenizer_square_sum == 31_040**2
    for counts in (tally.intent_count, tally.intent_low, tally.intent_fallback):
        assert np.flatnonzero(counts).tolist() == [place]
    assert tally.script_count.tolist() == [0, 1, 0, 0]
    assert np.flatnonzero(tally.confidence_bins).tolist() == [59]


def test_a_failed_request_has_a_latency_and_is_no_answer() -> None:
    tally = observe.tally([failed(latency_ms=30_000.0)])

    assert (tally.n, tally.errors, tally.answered) == (1, 1, 0)
    assert tally.latency_sum_us == 30_000_000
    assert tally.latency_bins.sum() == 1
    assert (tally.confidence_sum_micro, tally.tokens_sum) == (0, 0)
    for counts in (tally.intent_count, tally.script_count, tally.confidence_bins):
        assert counts.sum() == 0


def test_a_failed_request_may_tell_its_tokenizer() -> None:
    tally = observe.tally([failed(tokenizer_hash="9b2a1")])

    assert tally.tokenizer == 31_040


def test_no_log_is_an_empty_tally() -> None:
    assert windows.to_row(observe.tally([])) == windows.to_row(windows.Tally())


def test_a_margin_that_is_not_told_is_not_a_margin_of_nothing() -> None:
    tally = observe.tally([serving_log(0, margin=None), serving_log(1, margin=0.0)])

    assert (tally.margin_n, tally.margin_sum_micro) == (1, 0)


def test_the_largest_log_that_is_allowed_is_counted_exactly() -> None:
    biggest = serving_log(latency_ms=600_000.0, confidence=1.0, tokens=1_000_000, margin=1.0)

    tally = observe.tally([biggest])

    assert tally.latency_sum_us == 600_000_000
    assert tally.confidence_sum_micro == windows.MICRO
    assert tally.tokens_sum == 1_000_000
    assert tally.confidence_bins[windows.CONFIDENCE_BINS - 1] == 1
    assert np.flatnonzero(tally.latency_bins)[0] < windows.LATENCY_BINS


def test_a_latency_of_nothing_falls_into_the_first_bin() -> None:
    tally = observe.tally([serving_log(latency_ms=0.0)])

    assert tally.latency_bins[0] == 1


def test_each_latency_is_rounded_before_the_sum() -> None:
    """0.0004 ms are 0.4 us: rounded to none, a thousand times; their sum would have been 400."""
    tally = observe.tally([serving_log(i, latency_ms=0.0004) for i in range(1000)])

    assert tally.latency_sum_us == 0


def test_a_latency_is_rounded_to_the_nearest_microsecond() -> None:
    tally = observe.tally([serving_log(latency_ms=8.2506), serving_log(latency_ms=8.2504)])

    assert tally.latency_sum_us == 8_251 + 8_250


def test_a_log_that_does_not_tell_its_tokenizer_is_none_of_another_one() -> None:
    tally = observe.tally([serving_log(tokenizer_hash="9b2a1"), serving_log()])

    assert (tally.tokenizer_n, tally.tokenizer) == (1, 31_040)


def test_minute_model_and_role_are_counted_apart() -> None:
    logs = [
        serving_log(0),
        serving_log(1, AT + MINUTE),
        serving_log(2, model="v2"),
        serving_log(3, role="shadow"),
        serving_log(4),
    ]

    counted = {key: tally.n for key, tally in by_key(logs).items()}

    assert counted == {
        (AT, "v1", "champion"): 2,
        (AT, "v1", "shadow"): 1,
        (AT, "v2", "champion"): 1,
        (AT + MINUTE, "v1", "champion"): 1,
    }
    assert list(counted) == sorted(counted)


def test_the_edge_of_a_minute_belongs_to_what_begins_with_it() -> None:
    last = AT + MINUTE - dt.timedelta(microseconds=1)

    counted = by_key([serving_log(0), serving_log(1, last), serving_log(2, AT + MINUTE)])

    assert [tally.n for tally in counted.values()] == [2, 1]


def test_a_minute_is_one_of_utc_whatever_zone_it_was_written_in() -> None:
    """New York's clocks go back on 1 November 2026: 01:30 comes twice, an hour apart."""
    summer = serving_log(0, "2026-11-01T01:30:00-04:00")
    winter = serving_log(1, "2026-11-01T01:30:00-05:00")

    keys = list(by_key([summer, winter]))

    starts = [start for start, *_ in keys]
    assert starts == [
        dt.datetime(2026, 11, 1, 5, 30, tzinfo=dt.UTC),
        dt.datetime(2026, 11, 1, 6, 30, tzinfo=dt.UTC),
    ]


def test_a_leap_day_is_a_day() -> None:
    leap = dt.datetime(2028, 2, 29, 23, 59, 59, tzinfo=dt.UTC)

    ((start, _, _),) = by_key([serving_log(0, leap)])

    assert start == dt.datetime(2028, 2, 29, 23, 59, tzinfo=dt.UTC)


@pytest.mark.parametrize("models", [1, 2, 256, 257, 300])
def test_so_many_models_are_told_apart(models: int) -> None:
    """More than a byte can number take another way to their numbers."""
    logs = [serving_log(i, model=f"v{i % models:03}") for i in range(models + 1)]

    counted = {model: tally.n for (_, model, _), tally in by_key(logs).items()}

    assert len(counted) == models
    assert counted["v000"] == 2
    assert sum(counted.values()) == models + 1


@pytest.mark.parametrize("name", ["v 1", '"', "\u202ev1", "<b>", "line\nbreak", "é", "e\u0301"])
def test_a_model_is_counted_under_the_very_name_it_gives(name: str) -> None:
    ((_, model, _),) = by_key([serving_log(0, model=name)])

    assert model == name


ANSWERS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "intent": st.sampled_from(present.INTENTS),
        "confidence": st.floats(0, 1),
        "margin": st.none() | st.floats(0, 1),
        "tokenizer_hash": st.sampled_from([None, "9b2a1", "other"]),
        "fallback_rerank": st.booleans(),
        "script": st.sampled_from(slices.SCRIPTS),
    }
)


@st.composite
def drawn(draw: st.DrawFn) -> events.ServingLog:
    """An answer, or a request that failed, of one of two models within four minutes."""
    ts = AT + dt.timedelta(seconds=draw(st.integers(0, 200)))
    model = draw(st.sampled_from(["v1", "v2"]))
    if draw(st.booleans()):
        return failed(ts=ts, model=model)
    return serving_log(ts=ts, model=model, **draw(ANSWERS))


LOGS = drawn()


@given(st.lists(LOGS, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(
    logs: list[events.ServingLog], shuffler: random.Random
) -> None:
    shuffled = list(logs)
    shuffler.shuffle(shuffled)

    rows = {key: windows.to_row(tally) for key, tally in by_key(logs).items()}

    assert {key: windows.to_row(tally) for key, tally in by_key(shuffled).items()} == rows


@given(st.lists(st.lists(LOGS, min_size=1, max_size=5), min_size=1, max_size=4))
def test_columns_joined_are_the_columns_of_all_logs(parts: list[list[events.ServingLog]]) -> None:
    every = [log for part in parts for log in part]

    joined = columns.joined([as_columns(part) for part in parts])
    whole = as_columns(every)

    assert list(joined.model) == list(whole.model)
    assert joined.ts_us.tolist() == whole.ts_us.tolist()
    assert joined.failed.tolist() == whole.failed.tolist()
    assert np.array_equal(joined.margin, whole.margin, equal_nan=True)
    assert joined.tokenizer.tolist() == whole.tokenizer.tolist()
    assert joined.intent.tolist() == whole.intent.tolist()


@given(st.lists(LOGS, max_size=12))
def test_whatever_is_counted_adds_up(logs: list[events.ServingLog]) -> None:
    tally = observe.tally(logs)

    assert tally.n == len(logs) == tally.latency_bins.sum()
    assert tally.answered == tally.intent_count.sum() == tally.confidence_bins.sum()
    assert tally.answered == tally.script_count.sum()
    assert (tally.intent_low <= tally.intent_count).all()
    assert tally.intent_low.sum() == tally.confidence_bins[:60].sum()
    assert tally.margin_n <= tally.answered


@pytest.mark.parametrize("missing", ["intent", "confidence", "tokens"])
def test_an_answer_without_one_of_its_parts_is_no_column(missing: str) -> None:
    without: dict[str, Any] = {missing: None}
    log = serving_log(**without)

    with pytest.raises((LookupError, TypeError)):
        as_columns([log])


def test_scripts_are_counted_in_the_order_of_their_list() -> None:
    logs = [serving_log(i, script=script) for i, script in enumerate(slices.SCRIPTS)]

    tally = observe.tally([*logs, serving_log(9, script="other")])

    assert tally.script_count.tolist() == [1, 1, 1, 2]
