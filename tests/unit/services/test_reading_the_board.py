"""Values, times and spans in words as the board writes them, at the edges where a unit or a number
of digits changes.
"""

import datetime as dt
import math
import re

import markupsafe
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import signals, units
from services.dashboard import board, words

Unit = board.Unit
JUDGED_UNITS = (Unit.MS, Unit.RATIO, Unit.NATS, Unit.ODDS)


@pytest.mark.parametrize(
    ("unit", "value", "written"),
    [
        (Unit.RATIO, 0.0, "0.0 %"),
        (Unit.RATIO, 1.0, "100.0 %"),
        (Unit.RATIO, 0.001, "0.1 %"),  # the least that has one digit after the point
        (Unit.RATIO, 0.00099, "0.099 %"),  # less keeps two digits that mean something
        (Unit.RATIO, 0.0000123, "0.0012 %"),
        (Unit.RATIO, -0.004, "-0.4 %"),
        (Unit.MS, 0.0, "0.0 ms"),
        (Unit.MS, 600_000.0, "600000.0 ms"),
        (Unit.NATS, 0.0004, "0.000 nats"),
        (Unit.ODDS, 0.0, "1 to one"),
        (Unit.ODDS, 2.0, "100 to one"),
        (Unit.ODDS, -2.0, "one to 100"),
        (Unit.ODDS, 5.99, "977,237 to one"),
        (Unit.ODDS, 6.0, "a million to one"),
        (Unit.ODDS, 300.0, "over a million to one"),
        (Unit.LOGS, 0.0, "0 logs"),
        (Unit.LOGS, 12_345_678.0, "12,345,678 logs"),
    ],
)
def test_a_value_has_its_unit_and_as_many_digits_as_say_something(
    unit: board.Unit, value: float, written: str
) -> None:
    assert words.amount(unit, value) == written


@pytest.mark.parametrize("unit", Unit)
def test_no_value_is_said_and_never_nought(unit: board.Unit) -> None:
    assert words.amount(unit, None) == "no value"


@given(st.sampled_from(JUDGED_UNITS), st.floats(-1e4, 1e4))
def test_board_and_slack_write_a_judged_figure_alike(unit: board.Unit, value: float) -> None:
    assert words.amount(unit, value) == units.amount(signals.Unit(unit), value)


@given(st.floats(1e-6, 1.0))
def test_a_share_that_is_there_is_never_written_as_nothing(share: float) -> None:
    number = words.amount(Unit.RATIO, share).removesuffix(" %")

    assert float(number) > 0


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (0.701, 0.7266, "70.1 to 72.7 %"),
        (0.0, 1.0, "0.0 to 100.0 %"),
        (-0.02, 0.01, "-2.0 to 1.0 %"),
        (None, 0.5, None),
        (0.5, None, None),
        (None, None, None),
    ],
)
def test_an_interval_has_both_ends_or_is_none(
    low: float | None, high: float | None, written: str | None
) -> None:
    assert words.interval(Unit.RATIO, low, high) == written


def test_the_end_of_an_interval_that_is_nought_is_an_end() -> None:
    assert words.interval(Unit.MS, 0.0, 0.0) == "0.0 to 0.0 ms"


@pytest.mark.parametrize(
    ("p", "written"),
    [
        (1.0, "= 1"),
        (0.05, "= 0.05"),
        (0.0001, "= 0.0001"),
        (0.000099, "< 0.0001"),
        (0.0, "< 0.0001"),
    ],
)
def test_a_probability_goes_as_far_as_it_means_anything(p: float, written: str) -> None:
    assert words.probability(p) == written


@pytest.mark.parametrize(
    ("difference", "written"),
    [(0.0, "+0.0 points"), (0.18, "+18.0 points"), (-1.0, "-100.0 points")],
)
def test_points_always_have_a_sign(difference: float, written: str) -> None:
    assert words.points(difference) == written


def test_a_limit_says_on_which_side_it_is_good() -> None:
    assert words.limit(Unit.RATIO, 0.9, at_least=True) == "at least 90.0 %"
    assert words.limit(Unit.RATIO, 0.005, at_least=False) == "at most 0.5 %"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (-3.0, "0 s"),  # two clocks that differ a little: nothing lies in the future
        (0.0, "0 s"),
        (119.0, "119 s"),
        (120.0, "2 min"),
        (7199.0, "120 min"),
        (7200.0, "2.0 h"),
        (2 * 86_400 - 1, "48.0 h"),
        (2 * 86_400, "2.0 d"),
        (400 * 86_400, "400.0 d"),
    ],
)
def test_a_span_is_in_its_largest_unit(seconds: float, written: str) -> None:
    assert words.span(seconds) == written


@pytest.mark.parametrize(
    ("at", "written"),
    [
        (dt.datetime(2024, 2, 29, 23, 59, 59, tzinfo=dt.UTC), "29 Feb 23:59 UTC"),
        (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "1 Jan 00:00 UTC"),
        (dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC), "25 Oct 01:30 UTC"),
    ],
)
def test_a_time_is_to_the_minute_and_its_day_has_no_nought_before_it(
    at: dt.datetime, written: str
) -> None:
    assert words.when(at) == written


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        ("plain", "plain"),
        ("run `a` or `b`", "run <code>a</code> or <code>b</code>"),
        ("`<b>`", "<code>&lt;b&gt;</code>"),
        ('a "quote" & <more>', "a &#34;quote&#34; &amp; &lt;more&gt;"),
        # A command that never ends is code to the end of the sentence.
        ("run `make up", "run <code>make up</code>"),
    ],
)
def test_a_command_in_a_sentence_is_code_and_nothing_else_is_markup(text: str, html: str) -> None:
    assert str(words.prose(text)) == html


@given(st.text(max_size=100))
def test_a_sentence_brings_no_tag_of_its_own(text: str) -> None:
    tags = set(re.findall(r"<[^>]*>", str(words.prose(text))))

    assert tags <= {"<code>", "</code>"}


@given(st.text(max_size=100))
def test_a_sentence_loses_nothing_but_its_backquotes(text: str) -> None:
    bare = re.sub(r"</?code>", "", str(words.prose(text)))

    assert markupsafe.Markup(bare).unescape() == markupsafe.escape(text.replace("`", "")).unescape()


@pytest.mark.parametrize(
    ("name", "spoken"),
    [("HEALTHY", "healthy"), ("bad_release", "bad release"), ("", "")],
)
def test_a_name_is_spoken_in_small_letters(name: str, spoken: str) -> None:
    assert words.spoken(name) == spoken


@pytest.mark.parametrize(
    ("value", "finite"),
    [
        (0, 0.0),
        (True, 1.0),
        (-0.0, 0.0),
        (1e308, 1e308),
        (math.nan, None),
        (math.inf, None),
        (-math.inf, None),
        (None, None),
    ],
)
def test_only_a_number_that_json_can_hold_is_drawn(value: float | None, finite: float) -> None:
    assert board.finite(value) == finite


def test_a_piece_of_page_escapes_its_values_and_not_itself() -> None:
    piece = board.markup("<b>{name}</b>", name="<i>&'\"")

    assert str(piece) == "<b>&lt;i&gt;&amp;&#39;&#34;</b>"


def test_what_is_a_piece_of_page_already_is_not_escaped_again() -> None:
    inner = board.markup("<i>{t}</i>", t="x & y")

    assert str(board.markup("<b>{inner}</b>", inner=inner)) == "<b><i>x &amp; y</i></b>"


def test_a_value_with_braces_is_no_template() -> None:
    assert str(board.markup("<b>{t}</b>", t="{0} {t.__class__}")) == "<b>{0} {t.__class__}</b>"
