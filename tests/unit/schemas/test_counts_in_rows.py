"""Counts on their way into rows and back: the bins of a histogram as bytes, many tallies side by
side, and the window that an instant lies in.
"""

import datetime as dt
from zoneinfo import ZoneInfo

import builders
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import present, slices, tallies, times, windows

HOUR = dt.timedelta(hours=1)
CELLS = st.dictionaries(st.integers(0, 99), st.integers(1, 2**62), max_size=8)
INSTANTS = st.integers(times.micros(times.FIRST), times.micros(times.LAST) - 1).map(
    times.from_micros
)


def dense(cells: dict[int, int], size: int = 100) -> windows.Counts:
    counts = np.zeros(size, dtype=np.int64)
    for place, count in cells.items():
        counts[place] = count
    return counts


def ints(*numbers: int) -> windows.Counts:
    return np.array(numbers, dtype=np.int64)


def test_bins_are_stored_as_pairs_of_place_and_count_little_end_first() -> None:
    """Bin 1 holds 3: four bytes of the one, eight of the other."""
    raw = windows.sparse(ints(0, 3, 0))

    assert raw == bytes([1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0])


def test_a_histogram_of_nothing_is_no_byte() -> None:
    assert windows.sparse(np.zeros(windows.LATENCY_BINS, dtype=np.int64)) == b""
    assert windows.dense(b"", 3).tolist() == [0, 0, 0]


@given(CELLS)
def test_bins_come_back_as_they_were(cells: dict[int, int]) -> None:
    counts = dense(cells)

    assert windows.dense(windows.sparse(counts), 100).tolist() == counts.tolist()


@given(CELLS)
def test_the_same_counts_are_the_same_bytes(cells: dict[int, int]) -> None:
    """A window is revised where its bytes differ: so they must not where nothing does."""
    other_way = dict(reversed(cells.items()))

    assert windows.sparse(dense(cells)) == windows.sparse(dense(other_way))
    assert len(windows.sparse(dense(cells))) == 12 * len(cells)


def test_bytes_that_were_cut_off_are_no_histogram() -> None:
    with pytest.raises(ValueError, match="multiple"):
        windows.dense(windows.sparse(ints(0, 3))[:-1], 2)


def test_a_bin_beyond_the_layout_is_not_dropped() -> None:
    with pytest.raises(IndexError):
        windows.dense(windows.sparse(ints(0, 0, 0, 3)), 3)


def test_a_row_holds_plain_numbers_that_a_driver_can_send() -> None:
    row = windows.to_row(builders.tally(3, errors=2))

    assert {type(row[name]) for name in windows.SCALARS} == {int}
    assert {type(row[name]) for name in windows.ARRAYS} == {list}
    assert {type(count) for name in windows.ARRAYS for count in row[name]} == {int}
    assert {type(row[name]) for name in ("latency_bins", "confidence_bins")} == {bytes}


def test_a_driver_may_give_bytes_as_a_view() -> None:
    row = windows.to_row(builders.tally(3))
    seen = {**row, "latency_bins": memoryview(row["latency_bins"])}

    assert windows.to_row(windows.from_row(seen)) == row


def test_an_empty_tally_has_a_place_for_each_intent_and_script() -> None:
    tally = windows.Tally()

    assert tally.intent_count.shape == (len(present.INTENTS),)
    assert tally.script_count.shape == (len(slices.SCRIPTS),)
    assert (tally.n, tally.answered, tally.tokenizer) == (0, 0, None)


def test_two_empty_tallies_do_not_share_their_counts() -> None:
    one, other = windows.Tally(), windows.Tally()
    one.intent_count[0] = 5

    assert other.intent_count[0] == 0


CODES = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=30)


@given(CODES)
def test_sums_tell_a_tokenizer_exactly_where_all_logs_have_the_same(codes: list[int]) -> None:
    tally = windows.Tally(
        tokenizer_n=len(codes),
        tokenizer_sum=sum(codes),
        tokenizer_square_sum=sum(code * code for code in codes),
    )

    assert tally.tokenizer == (codes[0] if len(set(codes)) == 1 else None)


@given(st.text())
def test_a_tokenizers_code_has_sixteen_bits(name: str) -> None:
    assert 0 <= windows.tokenizer_code(name) <= 0xFFFF


def test_the_squares_of_two_thousand_million_codes_fit_into_a_bigint() -> None:
    assert 2_000_000_000 * 0xFFFF**2 < 2**63


@given(INSTANTS, st.sampled_from([*windows.HORIZONS.values(), dt.timedelta(minutes=1)]))
def test_an_instant_lies_in_the_slot_that_begins_at_its_floor(
    instant: dt.datetime, step: dt.timedelta
) -> None:
    start = windows.floor(instant, step)

    assert start <= instant < start + step
    assert windows.floor(start, step) == start


@pytest.mark.parametrize(
    ("instant", "step", "start"),
    [
        ("2026-04-20T00:00:00+00:00", "1d", "2026-04-20T00:00:00+00:00"),
        ("2026-04-19T23:59:59.999999+00:00", "1d", "2026-04-19T00:00:00+00:00"),
        ("2028-02-29T12:00:00+00:00", "1d", "2028-02-29T00:00:00+00:00"),
        ("2026-04-20T10:44:59+00:00", "5m", "2026-04-20T10:40:00+00:00"),
        # Weeks since 1970 begin on a Thursday.
        ("2026-04-20T00:00:00+00:00", "7d", "2026-04-16T00:00:00+00:00"),
        # Before 1970 the slot still begins before the instant.
        ("1969-12-31T23:59:59+00:00", "1h", "1969-12-31T23:00:00+00:00"),
        # Half past five in Nepal is a quarter to midnight of the day before, in UTC.
        ("2026-04-20T05:30:00+05:45", "1d", "2026-04-19T00:00:00+00:00"),
    ],
)
def test_slots_are_those_of_utc(instant: str, step: str, start: str) -> None:
    begins = windows.floor(dt.datetime.fromisoformat(instant), windows.HORIZONS[step])

    assert begins == dt.datetime.fromisoformat(start)


def test_bins_of_rows_that_are_repeated_are_repeated_and_others_left_out() -> None:
    bins = tallies.Bins(row=ints(0, 0, 2), bin=ints(4, 9, 1), count=ints(5, 6, 7))

    chosen = bins.chosen(ints(2, 1, 0, 0))

    assert chosen.row.tolist() == [0, 2, 2, 3, 3]
    assert chosen.bin.tolist() == [1, 4, 9, 4, 9]
    assert chosen.count.tolist() == [7, 5, 6, 5, 6]


def test_bins_that_fall_together_add_up_and_come_out_in_order() -> None:
    """Rows 0 and 1 both become row 1, and row 2 becomes row 0."""
    bins = tallies.Bins(row=ints(0, 1, 1, 2), bin=ints(9, 4, 9, 7), count=ints(1, 2, 4, 8))

    merged = bins.merged(ints(1, 1, 0), size=10)

    assert merged.row.tolist() == [0, 1, 1]
    assert merged.bin.tolist() == [7, 4, 9]
    assert merged.count.tolist() == [8, 2, 5]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2**40)), max_size=30))
def test_equal_keys_are_added_exactly(pairs: list[tuple[int, int]]) -> None:
    keys, counts = tallies.added(ints(*(key for key, _ in pairs)), ints(*(n for _, n in pairs)))

    wanted = {key: sum(n for each, n in pairs if each == key) for key, _ in pairs}
    assert dict(zip(keys.tolist(), counts.tolist(), strict=True)) == wanted
    assert keys.tolist() == sorted(wanted)


def test_a_tally_alone_is_the_one_of_its_place() -> None:
    alone = [builders.tally(n, latency_ms=n) for n in (1, 2, 3)]
    stack = tallies.stacked([tallies.of(tally) for tally in alone])

    assert len(stack) == 3
    for i, tally in enumerate(alone):
        assert windows.to_row(tallies.one(stack, i)) == windows.to_row(tally)


def test_no_tally_is_a_stack_of_none_that_merges_into_empty_ones() -> None:
    nothing = tallies.from_rows([])

    assert len(nothing) == 0
    assert tallies.to_rows(nothing) == []
    merged = tallies.to_rows(nothing.merged(ints(), 2))
    assert merged == [windows.to_row(windows.Tally())] * 2


@given(st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_merging_twice_is_merging_at_once(into: list[int]) -> None:
    """Minutes into hours and hours into a day, or minutes into the day."""
    stack = tallies.stacked([tallies.of(builders.tally(i, latency_ms=i + 1)) for i in range(6)])

    hours = stack.merged(ints(*into), 4)
    by_hours = tallies.to_rows(hours.merged(ints(0, 0, 0, 0), 1))

    assert by_hours == tallies.to_rows(stack.merged(ints(*[0] * 6), 1))


def test_the_longest_horizon_steps_by_days_and_every_other_by_itself() -> None:
    day = dt.timedelta(days=1)

    assert windows.STEPS["7d"] == day
    assert {**windows.STEPS, "7d": 7 * day} == windows.HORIZONS
    assert all(span % windows.STEPS[name] == 0 * day for name, span in windows.HORIZONS.items())


def test_a_day_of_utc_is_24_hours_where_the_clocks_of_a_city_change() -> None:
    city = ZoneInfo("America/New_York")
    begins = dt.datetime(2026, 11, 1, tzinfo=city).astimezone(dt.UTC)

    starts = {windows.floor(begins + i * HOUR, windows.HORIZONS["1h"]) for i in range(24)}

    assert len(starts) == 24
