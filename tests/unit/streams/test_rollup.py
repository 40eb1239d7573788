"""From panes to windows and from positions to the clock: which window holds what, when it is
complete, and what may be dropped.
"""

import datetime as dt

import numpy as np
import pytest

from schemas import tallies, windows
from streams.count import observe
from streams.panes import retention
from streams.rollup import merge, watermark

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
NOON = dt.datetime(2026, 4, 20, 12, tzinfo=dt.UTC)  # a Monday


def panes(*given: tuple[dt.datetime, int, int]) -> merge.Panes:
    """Panes of v1: start, partition, logs."""
    places = [windows.Place(start, "v1", "champion", part) for start, part, _ in given]
    return merge.Panes(
        places, tallies.from_rows([windows.to_row(windows.Tally(n=n)) for _, _, n in given])
    )


def counts(of: tallies.Tallies) -> list[object]:
    return [row["n"] for row in tallies.to_rows(of)]


def test_minutes_become_hours_partition_by_partition() -> None:
    hours = merge.wider(
        panes((NOON, 0, 1), (NOON + 59 * HOUR / 60, 0, 2), (NOON + HOUR, 0, 4), (NOON, 1, 8)), HOUR
    )
    assert [(place.start, place.part) for place in hours.places] == [
        (NOON, 0),
        (NOON, 1),
        (NOON + HOUR, 0),
    ]
    assert counts(hours.tallies) == [3, 8, 4]


def test_a_window_holds_what_lies_in_it_and_of_every_partition() -> None:
    """[12:00, 13:00) has the pane that begins at 12:00 and not the one at 13:00."""
    target, later = ("v1", "champion", NOON + HOUR), ("v1", "champion", NOON + 2 * HOUR)
    wanted, merged = merge.merged(
        panes((NOON, 0, 1), (NOON, 1, 2), (NOON + HOUR, 0, 4)), "1h", [later, target]
    )
    assert wanted == [target, later]
    assert counts(merged) == [3, 4]


def test_a_window_nobody_has_a_pane_of_is_empty_and_there() -> None:
    target = ("v1", "champion", NOON)
    wanted, merged = merge.merged(panes((NOON, 0, 1)), "1h", [target])
    assert (wanted, counts(merged)) == ([target], [0])


def test_a_day_is_in_seven_weeks_that_end_a_day_apart() -> None:
    ends = merge.ends(NOON, "7d", NOON + 30 * DAY)
    assert ends == [NOON.replace(hour=0) + i * DAY for i in range(1, 8)]
    targets = [("v1", "champion", end) for end in ends]
    assert counts(merge.merged(panes((NOON, 0, 5)), "7d", targets)[1]) == [5] * 7


@pytest.mark.parametrize(
    ("horizon", "first"),
    [("5m", NOON + 5 * HOUR / 60), ("1h", NOON + HOUR), ("1d", NOON.replace(hour=0) + DAY)],
)
def test_an_edge_belongs_to_what_begins_with_it(horizon: str, first: dt.datetime) -> None:
    assert merge.ends(NOON, horizon, NOON) == [first]
    assert merge.ends(NOON - dt.timedelta(microseconds=1), horizon, NOON)[0] <= (
        first if horizon == "1d" else NOON
    )


def test_a_log_behind_the_clock_still_ends_its_own_window() -> None:
    assert merge.ends(NOON, "1h", NOON - 5 * DAY) == [NOON + HOUR]


def test_a_window_is_revised_only_by_what_changes_it_and_amended_only_after_its_end() -> None:
    first = merge.revised(None, {"n": 1}, complete=False)
    assert first == merge.State({"n": 1}, revision=1)
    assert first is not None
    assert merge.revised(first, {"n": 1}, complete=False) is None
    second = merge.revised(first, {"n": 2}, complete=True)
    assert second == merge.State({"n": 2}, revision=2, amended=False, complete=True)
    assert second is not None
    third = merge.revised(second, {"n": 3}, complete=False)
    assert third == merge.State({"n": 3}, revision=3, amended=True, complete=True), (
        "what was complete stays so"
    )


def position(next_offset: int, high: int, at: dt.datetime | None) -> watermark.Position:
    return watermark.Position(next_offset, high, at)


@pytest.mark.parametrize(
    ("positions", "clock"),
    [
        ([], None),
        ([position(0, 0, None)], None),
        ([position(5, 5, NOON)], NOON),
        ([position(5, 5, NOON), position(0, 0, None)], NOON),
        ([position(5, 5, NOON), position(9, 9, NOON - HOUR)], NOON),
        ([position(5, 5, NOON), position(3, 9, NOON - HOUR)], NOON - HOUR - observe.GRACE),
        ([position(4, 5, NOON), position(3, 9, NOON - HOUR)], NOON - HOUR - observe.GRACE),
        ([position(5, 5, NOON), position(0, 9, None)], None),
    ],
    ids=[
        "no partition",
        "an empty one",
        "all read",
        "one empty",
        "both read",
        "one behind",
        "both busy",
        "one not begun",
    ],
)
def test_the_clock_is_that_of_whoever_is_last_and_not_idle(
    positions: list[watermark.Position], clock: dt.datetime | None
) -> None:
    assert watermark.watermark(positions) == clock


def test_a_partition_is_a_day_of_minutes_and_a_week_of_hours_that_begins_on_a_thursday() -> None:
    assert retention.slots("pane_minute", [NOON, NOON + 11 * HOUR, NOON + 12 * HOUR]) == [
        NOON.replace(hour=0),
        NOON.replace(hour=0) + DAY,
    ]
    (week,) = retention.slots("pane_hour", [NOON])
    assert (week, week.isoweekday()) == (dt.datetime(2026, 4, 16, tzinfo=dt.UTC), 4), (
        "1970 began on a Thursday"
    )
    assert retention.slots("pane_hour", []) == []


@pytest.mark.parametrize("table", retention.WIDTHS)
def test_a_partitions_name_leads_back_to_it(table: str) -> None:
    (slot,) = retention.slots(table, [NOON])
    assert retention.slot_of(retention.name(table, slot)) == (table, slot)


def test_a_minute_is_kept_as_long_as_a_late_log_may_still_restate_its_window() -> None:
    """8 days late and a day more, in whole days: at noon of the 20th the 11th is still there."""
    edge = retention.keep_from(NOON)
    assert edge == dt.datetime(2026, 4, 11, tzinfo=dt.UTC)
    kept = retention.name("pane_minute", edge)
    assert retention.expired([kept, retention.name("pane_minute", edge - DAY)], NOON, edge) == [
        "pane_minute_20260410"
    ]


def test_hours_go_by_the_clock_and_minutes_only_as_far_as_workers_have_seen() -> None:
    old = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    assert retention.expired(["pane_minute_20260401"], NOON, old) == []
    assert retention.expired(["pane_hour_20260212", "pane_hour_20260219"], NOON, old) == [
        "pane_hour_20260212"
    ], "60 days before is 19 February, noon"


def test_an_empty_list_of_panes_makes_no_window_wider_or_fuller() -> None:
    nothing = merge.Panes([], tallies.from_rows([]))
    assert len(merge.wider(nothing, HOUR).places) == 0
    assert counts(merge.merged(nothing, "1h", [("v1", "champion", NOON)])[1]) == [0]
    assert np.array_equal(
        tallies.one(merge.merged(nothing, "1h", [("v1", "champion", NOON)])[1], 0).intent_count,
        np.zeros(10),
    )
