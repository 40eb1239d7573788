"""The charts of a replay's page, in pixels one can work out: where an instant lies, what a mark
says, how a signal is thinned and scaled.
"""

import datetime as dt
import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

import builders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.decide.report import chart, panels
from retrain.pages import svg

BEGIN = builders.AT
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
# The charts begin at 190 and end at 1104: 914 pixels.
WEEK = chart.Time(BEGIN, BEGIN + 7 * DAY)
NASTY = [
    '"><script>alert(1)</script>',
    "it's & <b>",
    "two\nlines\ttabbed",
    "\u202eright to left",
    "\x00\x1b[31m",
    "日本語",
    "",
]


def drawn(part: str) -> ET.Element:
    """A piece of the picture as an XML parser understands it."""
    return ET.fromstring(f"<svg>{part}</svg>")[0]


def texts(parts: Sequence[str]) -> list[str]:
    elements = ET.fromstring(f"<svg>{''.join(parts)}</svg>").iter("text")
    return [element.text or "" for element in elements]


# Time


@pytest.mark.parametrize(
    ("days", "x"), [(0, 190.0), (3.5, 647.0), (7, 1104.0), (-1, 190.0), (400, 1104.0)]
)
def test_an_instant_lies_at_its_share_of_the_width_and_never_outside(days: float, x: float) -> None:
    assert WEEK.x(BEGIN + days * DAY) == x


def test_a_stretch_without_length_divides_by_nothing() -> None:
    assert chart.Time(BEGIN, BEGIN).x(BEGIN) == 190.0


def test_the_same_instant_of_another_zone_lies_at_the_same_place() -> None:
    kathmandu = dt.timezone(dt.timedelta(hours=5, minutes=45))
    noon = BEGIN + 12 * HOUR

    assert WEEK.x(noon.astimezone(kathmandu)) == WEEK.x(noon)


@given(st.floats(0, 7), st.floats(0, 7))
def test_a_later_instant_never_lies_further_left(one: float, other: float) -> None:
    earlier, later = sorted((one, other))

    assert WEEK.x(BEGIN + earlier * DAY) <= WEEK.x(BEGIN + later * DAY)


@pytest.mark.parametrize(
    ("begin", "hours", "days"),
    [
        (BEGIN, 24, [20, 21]),
        (BEGIN + HOUR, 24, [21]),
        (BEGIN + HOUR, 22, []),
        (BEGIN, 0, [20]),
        (dt.datetime(2028, 2, 28, 12, tzinfo=dt.UTC), 48, [29, 1]),
    ],
)
def test_ticks_are_the_midnights_of_a_stretch_its_ends_included(
    begin: dt.datetime, hours: float, days: list[int]
) -> None:
    ticks = chart.Time(begin, begin + hours * HOUR).ticks()

    assert [at.day for at in ticks] == days
    assert {(at.hour, at.minute, at.second) for at in ticks} <= {(0, 0, 0)}


@pytest.mark.parametrize(
    ("days", "count"), [(1, 2), (11, 12), (12, 7), (22, 12), (23, 8), (365, 11), (3_650, 11)]
)
def test_the_longer_the_stretch_the_further_apart_are_its_ticks(days: int, count: int) -> None:
    """Every day up to eleven days, every second up to 22, every third from 23 on."""
    assert len(chart.Time(BEGIN, BEGIN + days * DAY).ticks()) == count


@given(st.integers(0, 24 * 800), st.integers(0, 23))
def test_however_long_the_stretch_there_are_at_most_twelve_ticks_evenly_apart(
    hours: int, first: int
) -> None:
    begin = BEGIN + first * HOUR
    ticks = chart.Time(begin, begin + hours * HOUR).ticks()

    steps = {later - earlier for earlier, later in itertools.pairwise(ticks)}
    assert len(ticks) <= 12
    assert len(steps) <= 1
    assert all(begin <= at <= begin + hours * HOUR for at in ticks)
    assert ticks or hours < 24


# Marks


@pytest.mark.parametrize("words", NASTY)
def test_foreign_text_is_text_wherever_it_stands(words: str) -> None:
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in words)

    assert (drawn(svg.text(1, 2, words)).text or "") == shown
    assert (drawn(svg.mark("square", 1, 2, svg.BLUE, words)).findtext("title") or "") == shown
    assert (drawn(chart.hatched(0, 0, 1, 1, words)).findtext("title") or "") == shown
    assert drawn(svg.picture(10, 10, [], words)).get("aria-label") == shown


def test_safe_text_has_neither_a_bracket_nor_a_quote() -> None:
    for words in NASTY:
        assert not set("<>\"'\n\r\x00\u202e") & set(svg.safe(words))


@given(st.text("ab <>&\"';\n\r\t\x00\x1b\u202e\u2028日é"))
def test_safe_text_is_printable_and_as_long_as_it_was_to_a_reader(words: str) -> None:
    element = drawn(svg.text(0, 0, words))

    assert svg.safe(words).isprintable()
    assert len(element.text or "") == len(words)


@pytest.mark.parametrize("shape", ["triangle", "left", "square", "diamond"])
def test_a_mark_lies_around_its_place_within_a_finger_of_it(shape: str) -> None:
    points = (drawn(svg.mark(shape, 100, 50, svg.BLUE)).get("points") or "").split()

    corners = [tuple(map(float, point.split(","))) for point in points]
    assert len(corners) >= 3
    assert all(abs(x - 100) <= 8 and abs(y - 50) <= 8 for x, y in corners)


def test_a_band_goes_forth_along_the_low_ends_and_back_along_the_high_ones() -> None:
    band = drawn(svg.band([(0, 9), (5, 8)], [(0, 1), (5, 2)], svg.BLUE))

    assert band.get("points") == "0,9 5,8 5,2 0,1"


def test_a_line_across_reaches_from_edge_to_edge() -> None:
    assert drawn(chart.across(7, "#bbb", 1)).get("points") == "190,7 1104,7"


# Readings of a signal


def reading(
    hour: int,
    value: float,
    *,
    half: float | None = None,
    limit: float = 0.9,
) -> panels.Reading:
    low, high = (None, None) if half is None else (value - half, value + half)
    return panels.Reading(BEGIN + hour * HOUR, value, low, high, limit)


def picture(*readings: panels.Reading) -> list[str]:
    """A panel whose top is at 100, so that its foot is at 210."""
    return list(panels.draw("accuracy", readings, WEEK, 100))


def test_a_panel_without_a_reading_says_so() -> None:
    assert texts(picture()) == ["accuracy", "nothing measured"]


def test_a_panel_has_its_title_three_figures_and_its_newest_limit() -> None:
    parts = picture(reading(0, 0.8), reading(1, 1.0, limit=0.85))

    assert texts(parts) == ["accuracy", "0.8", "0.9", "1", "dashed: limit 0.85"]


def test_the_least_value_lies_at_the_foot_and_the_largest_at_the_top() -> None:
    curve = drawn(picture(reading(0, 0.8), reading(168, 1.0))[-2])

    assert curve.get("points") == "190,210 1104,100"


def test_an_axis_begins_at_nothing_where_that_is_near() -> None:
    """From 0.01 to 0.09, 0.01 is less than a quarter of the way; from 0.03 to 0.09, 0.03 is not."""
    assert texts(picture(reading(0, 0.01, limit=0.09)))[1:4] == ["0", "0.045", "0.09"]
    assert texts(picture(reading(0, 0.03, limit=0.09)))[1:4] == ["0.03", "0.06", "0.09"]


@pytest.mark.parametrize("value", [0.0, 0.9, 15.0])
def test_a_signal_that_never_moves_off_its_limit_has_a_height_all_the_same(value: float) -> None:
    figures = texts(picture(reading(0, value, limit=value), reading(1, value, limit=value)))[1:4]

    assert float(figures[2]) == pytest.approx(float(figures[0]) + 1.0)


def test_an_interval_is_a_band_and_readings_without_one_have_none() -> None:
    without = picture(reading(0, 0.8), reading(1, 0.9))
    one = picture(reading(0, 0.8), reading(1, 0.9, half=0.05), reading(2, 0.9))

    one_sided = picture(panels.Reading(BEGIN, 0.8, None, 0.9, 0.9))
    assert not any("polygon" in part for part in (*without, *one_sided))
    (band,) = [part for part in one if "polygon" in part]
    assert len((drawn(band).get("points") or "").split()) == 2


# Thinned for the width of a page


@pytest.mark.parametrize("n", [0, 1, 2, 1_199, 1_200])
def test_up_to_twelve_hundred_readings_stay_as_they_are(n: int) -> None:
    readings = [reading(i, i % 13 / 12) for i in range(n)]

    assert panels.thinned(readings) == readings


@pytest.mark.parametrize(
    ("n", "left"), [(0, 0), (1, 1), (1_200, 1_200), (1_201, 601), (2_400, 1_200), (2_401, 801)]
)
def test_of_more_than_the_page_has_room_for_one_of_each_run_stays(n: int, left: int) -> None:
    assert len(panels.thinned([reading(i, 0.95) for i in range(n)])) == left


def test_of_each_run_the_reading_furthest_from_its_own_limit_stays() -> None:
    """Runs of two: 0.4 beyond its limit beats 0.1 beyond another, whatever the values are."""
    readings = [reading(i, 0.8) for i in range(2_400)]
    readings[7] = reading(7, 0.5, limit=0.1)

    thinned = panels.thinned(readings)

    assert thinned[3] == readings[7]
    assert thinned[2] == readings[4]


def test_thinned_readings_are_some_of_those_that_were_in_their_order() -> None:
    readings = [reading(i, 0.5 + i % 7 / 20) for i in range(5_000)]

    thinned = panels.thinned(readings)

    instants = [each.at for each in thinned]
    assert instants == sorted(instants)
    assert set(instants) <= {each.at for each in readings}


# What is read of a decision


def test_a_signal_that_a_decision_did_not_look_at_has_no_reading() -> None:
    decision = builders.decision(reasons=[builders.reason("error_rate", 0.1)])

    assert list(panels.accuracy(None, decision)) == []  # type: ignore[arg-type]
    assert list(panels.low_confidence(None, decision)) == []  # type: ignore[arg-type]


def test_a_blind_signal_has_no_reading_either() -> None:
    decision = builders.decision(reasons=[builders.reason("live_accuracy", None)])

    assert list(panels.accuracy(None, decision)) == []  # type: ignore[arg-type]


def test_accuracy_is_read_with_its_interval_and_confidence_without() -> None:
    decision = builders.decision(
        reasons=[
            builders.reason("live_accuracy", 0.8, limit=0.9, half=0.05),
            builders.reason("low_confidence_rise", 0.1, limit=0.08, half=0.01),
        ]
    )

    (accuracy,) = panels.accuracy(None, decision)  # type: ignore[arg-type]
    (unsure,) = panels.low_confidence(None, decision)  # type: ignore[arg-type]

    assert accuracy == panels.Reading(BEGIN, 0.8, 0.75, 0.8 + 0.05, 0.9)
    assert unsure == panels.Reading(BEGIN, 0.1, None, None, 0.08)


def test_every_piece_of_a_panel_is_sound_xml() -> None:
    parts = picture(*(reading(i, i / 10, half=0.1) for i in range(10)))

    ET.fromstring(f"<svg>{''.join(parts)}</svg>")
    assert not re.search(r"nan|inf", "".join(parts))
