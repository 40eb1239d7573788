"""A history as a picture: where a value lies, where a line breaks, which levels have their name,
and how the picture is said to who does not see it.
"""

import dataclasses
import datetime as dt
import itertools
import re
from typing import Any
from xml.etree import ElementTree

import builders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dashboard import board, chart

AT = builders.AT
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
# The picture's inner frame, as the style sheet and the axis know it.
LEFT, RIGHT, TOP, BOTTOM = 66.0, 354.0, 10.0, 106.0
VALUES = st.lists(st.floats(0, 1e6), min_size=1, max_size=30)


def series(*values: float, step_s: float | None = 3600.0, name: str = "main") -> board.Series:
    """Hourly values, of which the newest ends at AT."""
    points = tuple(
        board.Point(AT - back * HOUR, value, 100)
        for back, value in zip(range(len(values) - 1, -1, -1), values, strict=True)
    )
    return board.Series(name, step_s, points)


def panel(*histories: board.Series, **more: Any) -> board.Panel:
    base: dict[str, Any] = {
        "key": "error_rate",
        "name": "Error rate",
        "unit": board.Unit.RATIO,
        "series": histories,
    }
    return board.Panel(**(base | more))


def drawn(shown: board.Panel, since: dt.datetime = AT - DAY) -> ElementTree.Element:
    return ElementTree.fromstring(chart.history(shown, since, AT))


def paths(root: ElementTree.Element, css: str) -> list[str]:
    return [path.get("d", "") for path in root.iter("path") if path.get("class") == css]


def texts(root: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in root.iter("text")]


SCALE = chart.Scale(AT - DAY, AT, 0.0, 10.0)


@pytest.mark.parametrize(
    ("at", "x"), [(AT - DAY, LEFT), (AT - DAY / 2, (LEFT + RIGHT) / 2), (AT, RIGHT)]
)
def test_time_goes_from_left_to_right(at: dt.datetime, x: float) -> None:
    assert SCALE.x(at) == x


@pytest.mark.parametrize(
    ("value", "y"),
    [
        (0.0, BOTTOM),
        (5.0, 58.0),  # half way between 10 and 106
        (10.0, TOP),
        (-1e9, BOTTOM),  # what lies outside is drawn at the edge
        (1e9, TOP),
    ],
)
def test_a_value_lies_the_higher_the_larger_it_is(value: float, y: float) -> None:
    assert SCALE.y(value) == y


def test_the_hour_that_comes_twice_in_autumn_is_two_places() -> None:
    night = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)  # in New York clocks go back at 6 UTC
    scale = chart.Scale(night, night + DAY, 0.0, 1.0)

    steps = [scale.x(night + hour * HOUR) for hour in range(4, 9)]

    assert [round(b - a, 6) for a, b in itertools.pairwise(steps)] == [12.0] * 4


def test_a_panel_without_a_history_has_no_picture() -> None:
    assert chart.history(panel(), AT - DAY, AT) == ""
    assert chart.history(panel(series()), AT - DAY, AT) == ""


def test_an_instant_is_no_division_by_nothing() -> None:
    root = ElementTree.fromstring(chart.history(panel(series(0.1)), AT, AT))

    assert root.get("role") == "img"


@given(VALUES)
def test_whatever_was_measured_lies_inside_the_frame(values: list[float]) -> None:
    root = drawn(panel(series(*values), unit=board.Unit.MS), AT - 30 * HOUR)

    for line in paths(root, "line s0"):
        numbers = [float(number) for number in re.findall(r"-?\d+\.\d", line)]
        assert all(LEFT <= x <= RIGHT for x in numbers[::2])
        assert all(TOP <= y <= BOTTOM for y in numbers[1::2])


@given(VALUES)
def test_every_point_is_drawn_once_however_the_line_breaks(values: list[float]) -> None:
    root = drawn(panel(series(*values)), AT - 30 * HOUR)

    places = sum(line.count("M") + line.count("L") for line in paths(root, "line s0"))
    assert places == len(values)


@pytest.mark.parametrize(
    ("missing", "stretches"),
    [
        ((), [5]),
        ((2,), [2, 2]),
        ((1, 2, 3), [1, 1]),
        ((0,), [4]),  # before the first there was nothing to break
    ],
)
def test_a_line_breaks_where_a_window_is_missing(
    missing: tuple[int, ...], stretches: list[int]
) -> None:
    whole = series(0.1, 0.2, 0.3, 0.2, 0.1)
    points = tuple(point for i, point in enumerate(whole.points) if i not in missing)

    root = drawn(panel(dataclasses.replace(whole, points=points)))

    assert [line.count("L") + 1 for line in paths(root, "line s0")] == stretches


def test_a_window_that_ends_a_little_late_breaks_nothing() -> None:
    """Up to one and a half steps apart two points belong together."""
    near = (board.Point(AT - 1.5 * HOUR, 0.1), board.Point(AT, 0.1))
    far = (board.Point(AT - 1.6 * HOUR, 0.1), board.Point(AT, 0.1))

    assert len(paths(drawn(panel(board.Series("m", 3600.0, near))), "line s0")) == 1
    assert len(paths(drawn(panel(board.Series("m", 3600.0, far))), "line s0")) == 2


def test_what_holds_until_the_next_has_no_gap_and_goes_in_steps() -> None:
    reigns = board.Series(
        "champion", None, (board.Point(AT - 20 * HOUR, 0.0), board.Point(AT, 1.0))
    )

    root = drawn(panel(reigns, unit=board.Unit.MODEL, levels=("v1", "v2")))

    (line,) = paths(root, "line s0")
    assert re.fullmatch(r"M[\d.]+ 106\.0H354\.0V10\.0", line)
    assert {"v1", "v2"} <= set(texts(root))


def test_one_champion_all_along_has_its_name_once() -> None:
    reigns = board.Series("champion", None, (board.Point(AT - HOUR, 0.0), board.Point(AT, 0.0)))

    root = drawn(panel(reigns, unit=board.Unit.MODEL, levels=("v1",)))

    assert texts(root).count("v1") == 1


def test_a_single_point_is_a_dot_and_the_newest_one_has_one_too() -> None:
    gap = dataclasses.replace(series(0.1, 0.2, 0.3, 0.4))
    points = (gap.points[0], *gap.points[2:])

    root = drawn(panel(dataclasses.replace(gap, points=points)))

    dots = [circle.get("cx") for circle in root.iter("circle")]
    assert dots == ["318.0", "354.0"]  # three hours before the end are 36 of 288 wide


def test_an_interval_is_a_band_where_two_points_in_a_row_have_one() -> None:
    two = tuple(board.Point(AT - back * HOUR, 0.5, 9, 0.25, 0.75) for back in (1, 0))
    half = (dataclasses.replace(two[0], low=None), two[1])

    band = drawn(panel(board.Series("m", 3600.0, two), at_least=True))
    none = drawn(panel(board.Series("m", 3600.0, half), at_least=True))

    (outline,) = paths(band, "band")
    # Along the upper ends, then back along the lower ones.
    assert outline == "M342.0 10.0L354.0 10.0L354.0 106.0L342.0 106.0Z"
    assert paths(none, "band") == [], "one interval alone has no breadth"


def test_the_axis_begins_at_nothing_unless_small_is_bad() -> None:
    rising = drawn(panel(series(0.5, 0.6)))
    falling = drawn(panel(series(0.5, 0.6), at_least=True))

    assert texts(rising)[:2] == ["0.0 %", "60.0 %"]
    assert texts(falling)[:2] == ["50.0 %", "60.0 %"]


def test_the_axis_reaches_to_the_limit_and_to_the_newest_interval() -> None:
    newest = (board.Point(AT, 0.5, 9, 0.4, 0.7),)
    limit = (board.Line("limit", 0.9, limit=True),)

    assert texts(drawn(panel(board.Series("m", 3600.0, newest))))[1] == "70.0 %"
    assert texts(drawn(panel(board.Series("m", 3600.0, newest), lines=limit)))[1] == "90.0 %"


def test_a_flat_line_at_nothing_has_an_axis() -> None:
    assert texts(drawn(panel(series(0.0, 0.0))))[:2] == ["0.0 %", "100.0 %"]


def test_levels_close_to_the_limit_go_without_their_name() -> None:
    lines = (
        board.Line("limit", 0.028, limit=True),
        board.Line("alert", 0.027),
        board.Line("watch", 0.012),
    )

    root = drawn(panel(series(0.01), unit=board.Unit.NATS, lines=lines))

    assert [text for text in texts(root) if text in ("limit", "alert", "watch")] == [
        "limit",
        "watch",
    ]
    assert (len(paths(root, "limit")), len(paths(root, "level"))) == (1, 2)


@pytest.mark.parametrize(
    ("unit", "value", "label"),
    [
        (board.Unit.MS, 99.9, "99.9 ms"),
        (board.Unit.MS, 100.0, "100 ms"),
        (board.Unit.MS, 9_999.0, "9,999 ms"),
        (board.Unit.MS, 10_000.0, "10 s"),
        (board.Unit.LOGS, 999_999.0, "999,999"),
        (board.Unit.LOGS, 1_000_000.0, "1.0 M"),
        (board.Unit.NATS, 0.0291, "0.029"),
        (board.Unit.RATIO, 1.0, "100.0 %"),
    ],
)
def test_the_top_of_the_axis_is_written_in_few_letters(
    unit: board.Unit, value: float, label: str
) -> None:
    assert texts(drawn(panel(series(value), unit=unit)))[1] == label


def test_the_picture_is_said_to_who_does_not_see_it() -> None:
    lines = (board.Line("limit", 0.9, limit=True),)

    assert chart.described(panel(series(0.5, 0.25, 0.75), lines=lines)) == (
        "Error rate, 3 windows from 19 Apr 22:00 UTC to 20 Apr 00:00 UTC:"
        " lowest 25.0 %, highest 75.0 %, newest 75.0 %, limit 90.0 %"
    )


def share(intent: str, part: float, reference: float | None = None) -> board.Share:
    return board.Share(intent, round(1000 * part), part, reference)


def bars(*parts: board.Share) -> ElementTree.Element:
    return ElementTree.fromstring(chart.bars(parts))


def test_the_widest_bar_fills_the_room_and_the_others_are_to_its_scale() -> None:
    root = bars(share("faq", 0.5), share("chitchat", 0.25), share("promotion", 0.0))

    widths = [float(rect.get("width", "")) for rect in root.iter("rect")]
    assert widths == [176.0, 88.0, 0.0]


def test_a_reference_above_every_share_is_the_widest() -> None:
    root = bars(share("faq", 0.25, 0.5), share("chitchat", 0.1))

    assert [float(rect.get("width", "")) for rect in root.iter("rect")] == [88.0, 35.2]
    (tick,) = paths(root, "tick")
    assert tick == "M304.0 1v17"  # at the end of the room, 128 + 176


def test_a_reference_of_nothing_is_a_tick_at_the_left_and_none_is_no_tick() -> None:
    assert paths(bars(share("faq", 0.5, 0.0)), "tick") == ["M128.0 1v17"]
    assert paths(bars(share("faq", 0.5)), "tick") == []


def test_bars_of_nothing_are_drawn_all_the_same() -> None:
    assert [rect.get("width") for rect in bars(share("faq", 0.0, 0.0)).iter("rect")] == ["0.0"]
    assert list(bars().iter("rect")) == []


@pytest.mark.parametrize("count", [2, 12, 200])
def test_every_intent_has_a_row_of_its_own_inside_the_picture(count: int) -> None:
    root = bars(*(share(f"intent_{number}", 1 / count) for number in range(count)))

    tops = [float(rect.get("y", "")) for rect in root.iter("rect")]
    assert [b - a for a, b in itertools.pairwise(tops)] == [19.0] * (count - 1)
    _, _, width, height = map(float, root.get("viewBox", "").split())
    assert (width, tops[-1] + 11 <= height) == (360.0, True)


@pytest.mark.parametrize(
    ("intent", "name"),
    [
        ("x" * 20, "x" * 20),
        ("x" * 21, "x" * 19 + "…"),
        ("<b>\"'&", "<b>\"'&"),
        ("\u202eرجوع", "\u202eرجوع"),
    ],
)
def test_the_name_of_an_intent_is_text_and_cut_where_it_is_long(intent: str, name: str) -> None:
    root = bars(share(intent, 0.5))

    assert name in texts(root)
    assert root.get("aria-label") == f"Share of each intent: {intent} 50.0 %"
    assert {element.tag for element in root.iter()} <= {"svg", "rect", "path", "text"}
