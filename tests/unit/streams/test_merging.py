"""Minutes become windows by adding alone: in any order and by any way the same integers come out,
and the clock and the partitions kept follow by rules one can work by hand.
"""

import datetime as dt
import random

import builders
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import events, tallies, windows
from streams.count import observe
from streams.panes import retention
from streams.rollup import merge, watermark

MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
NOON = dt.datetime(2026, 4, 20, 12, tzinfo=dt.UTC)  # a Monday
Minute = tuple[int, str, str, int, int]  # minutes after noon, model, role, partition, logs

MINUTES = st.lists(
    st.tuples(
        st.integers(-3000, 3000),
        st.sampled_from(["v1", "v2"]),
        st.sampled_from(["champion", "shadow"]),
        st.integers(0, 2),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=20,
    unique_by=lambda each: each[:4],
)


def panes(minutes: list[Minute]) -> merge.Panes:
    places = [
        windows.Place(NOON + after * MINUTE, model, role, part)
        for after, model, role, part, _ in minutes
    ]
    rows = [windows.to_row(builders.tally(n, latency_ms=n)) for *_, n in minutes]
    return merge.Panes(places, tallies.from_rows(rows))


def rows(of: merge.Panes) -> dict[windows.Place, dict[str, object]]:
    return dict(zip(of.places, tallies.to_rows(of.tallies), strict=True))


@given(MINUTES, st.randoms(use_true_random=False))
def test_the_order_in_which_minutes_are_read_does_not_matter(
    minutes: list[Minute], shuffler: random.Random
) -> None:
    shuffled = list(minutes)
    shuffler.shuffle(shuffled)

    assert rows(merge.wider(panes(shuffled), HOUR)) == rows(merge.wider(panes(minutes), HOUR))


@given(MINUTES)
def test_days_of_hours_are_days_of_minutes(minutes: list[Minute]) -> None:
    straight = merge.wider(panes(minutes), DAY)
    by_hours = merge.wider(merge.wider(panes(minutes), HOUR), DAY)

    assert rows(by_hours) == rows(straight)


@given(MINUTES)
def test_no_log_is_lost_or_doubled_on_the_way(minutes: list[Minute]) -> None:
    counts = merge.wider(panes(minutes), HOUR).tallies

    assert sum(row["n"] for row in tallies.to_rows(counts)) == sum(10 * n for *_, n in minutes)


@given(MINUTES)
def test_a_day_comes_out_alike_of_minutes_and_of_wider_panes(minutes: list[Minute]) -> None:
    here = panes(minutes)
    targets = {
        (place.model, place.role, windows.floor(place.start, DAY) + DAY) for place in here.places
    }

    wanted, of_minutes = merge.merged(here, "1d", targets)
    _, of_days = merge.merged(merge.wider(here, DAY), "1d", targets)

    assert wanted == sorted(targets)
    assert tallies.to_rows(of_days) == tallies.to_rows(of_minutes)


@given(st.integers(0, 60 * 24 * 400), st.sampled_from(list(windows.HORIZONS)), st.integers(0, 9))
def test_every_window_that_ends_there_holds_the_minute(
    after: int, horizon: str, later: int
) -> None:
    start = NOON + after * MINUTE
    ends = merge.ends(start, horizon, start + later * DAY)

    span = windows.HORIZONS[horizon]
    assert all(end - span <= start < end for end in ends)
    assert ends == sorted(set(ends))
    assert 1 <= len(ends) <= span // windows.STEPS[horizon]


@pytest.mark.parametrize(
    ("days", "weeks"), [(-5, 1), (0, 1), (1, 2), (5, 6), (6, 7), (7, 7), (99, 7)]
)
def test_a_minute_is_in_one_week_more_with_every_midnight_until_there_are_seven(
    days: int, weeks: int
) -> None:
    assert len(merge.ends(NOON, "7d", NOON + days * DAY)) == weeks


def test_models_and_roles_never_mix() -> None:
    minutes = [(0, "v1", "champion", 0, 1), (0, "v1", "shadow", 0, 2), (0, "v2", "champion", 0, 4)]
    end = NOON + HOUR
    targets = [(model, role, end) for _, model, role, *_ in minutes]

    wanted, counts = merge.merged(panes(minutes), "1h", targets)

    logs = [row["n"] for row in tallies.to_rows(counts)]
    assert dict(zip(wanted, logs, strict=True)) == dict(zip(targets, [10, 20, 40], strict=True))


def test_a_window_asked_for_twice_comes_once() -> None:
    target = ("v1", "champion", NOON + HOUR)

    wanted, counts = merge.merged(panes([(0, "v1", "champion", 0, 1)]), "1h", [target, target])

    assert (wanted, len(counts)) == ([target], 1)


STORIES = st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=12)


@given(STORIES)
def test_a_windows_story_goes_one_way(story: list[tuple[int, bool]]) -> None:
    """Its revision rises by one with each change, and what is complete or amended stays so."""
    state: merge.State | None = None
    for n, complete in story:
        following = merge.revised(state, {"n": n}, complete=complete)
        if following is None:
            assert state is not None
            assert state.row == {"n": n}
            continue
        before = state or merge.State({})
        assert following.revision == before.revision + 1
        assert following.complete >= (before.complete or complete)
        assert following.amended == (before.amended or before.complete)
        state = following


def position(unread: int, minutes: int | None) -> watermark.Position:
    at = None if minutes is None else NOON + minutes * MINUTE
    return watermark.Position(100, 100 + unread, at)


POSITIONS = st.lists(
    st.builds(position, st.integers(0, 5), st.none() | st.integers(0, 99)), max_size=6
)


@given(POSITIONS, st.randoms(use_true_random=False))
def test_the_clock_does_not_depend_on_the_order_of_partitions(
    positions: list[watermark.Position], shuffler: random.Random
) -> None:
    shuffled = list(positions)
    shuffler.shuffle(shuffled)

    assert watermark.watermark(shuffled) == watermark.watermark(positions)


@given(POSITIONS)
def test_the_clock_is_never_ahead_of_what_a_busy_partition_has_read(
    positions: list[watermark.Position],
) -> None:
    clock = watermark.watermark(positions)
    busy = [each.max_event_ts for each in positions if not each.idle]

    if None in busy:
        assert clock is None
    for at in busy:
        assert clock is None or at is None or clock <= at - observe.GRACE


def test_a_partition_read_beyond_its_known_end_is_idle() -> None:
    """The high watermark is noted once a tick: the worker may have read on since."""
    assert watermark.Position(101, 100, NOON).idle
    assert watermark.Position(100, 100, NOON).idle
    assert not watermark.Position(99, 100, NOON).idle


@given(st.integers(0, 60 * 24 * 365 * 100), st.sampled_from(sorted(retention.WIDTHS)))
def test_a_minute_lies_in_the_partition_that_its_name_leads_to(after: int, table: str) -> None:
    start = NOON + after * MINUTE

    (slot,) = retention.slots(table, [start])

    assert retention.slot_of(retention.name(table, slot)) == (table, slot)
    assert slot <= start < slot + retention.WIDTHS[table]


def test_a_leap_day_has_a_partition_of_its_own() -> None:
    leap = dt.datetime(2028, 2, 29, 12, tzinfo=dt.UTC)

    names = [
        retention.name("pane_minute", slot)
        for slot in retention.slots("pane_minute", [leap, leap + DAY])
    ]

    assert names == ["pane_minute_20280229", "pane_minute_20280301"]


@given(st.integers(0, 60 * 24 * 1000))
def test_no_log_that_is_counted_finds_its_minute_gone(after: int) -> None:
    """Whatever the clock, what may still come lies in a minute that is kept."""
    clock = NOON + after * MINUTE
    latest = clock - events.PAST_LIMIT

    kept = retention.keep_from(clock)

    assert kept <= latest
    assert kept == windows.floor(kept, DAY)
    assert latest - kept < 2 * DAY


@given(st.lists(st.integers(0, 200), max_size=12, unique=True), st.integers(0, 150))
def test_only_whole_partitions_before_the_edge_go(days: list[int], passed: int) -> None:
    slots = [windows.floor(NOON, DAY) + day * DAY for day in days]
    edge = windows.floor(NOON, DAY) + passed * DAY

    gone = retention.expired(
        [retention.name("pane_minute", slot) for slot in slots], NOON + 999 * DAY, edge
    )

    wanted = [retention.name("pane_minute", slot) for slot in slots if slot + DAY <= edge]
    assert gone == wanted


@pytest.mark.parametrize("partition", ["pane_minute", "pane_minute_", "pane_minute_2026", "x"])
def test_a_table_that_is_no_partition_of_ours_is_never_taken_for_one(partition: str) -> None:
    with pytest.raises(ValueError, match="does not match format"):
        retention.expired([partition], NOON, NOON)


def test_counts_of_two_workers_add_up_whoever_comes_first() -> None:
    one, other = (
        observe.Observed(
            [(NOON, "v1", "champion")],
            tallies.of(builders.tally(n)),
            dead=[],
            sampled=[],
            max_event_ts=NOON,
            bad=np.zeros(0, dtype=np.bool_),
        )
        for n in (1, 2)
    )

    for parts in ([one, other], [other, one]):
        keys, counts = observe.joined(parts)
        assert keys == [(NOON, "v1", "champion")]
        assert tallies.to_rows(counts) == [windows.to_row(builders.tally(3))]
