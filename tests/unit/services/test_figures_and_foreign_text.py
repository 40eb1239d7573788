"""Figures with their units as a person reads them, foreign text as a terminal may show it, and free
ports of this machine.
"""

import math
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import escaping, units
from schemas.signals import Unit
from services import ports

RATIOS = st.floats(0, 1)


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [
        (1.0, "100.0 %"),
        (0.9999, "100.0 %"),
        (0.12345, "12.3 %"),
        (0.001, "0.1 %"),
        (0.00099, "0.099 %"),  # below a tenth of a percent two digits are kept
        (0.00002, "0.002 %"),
        (0.0, "0.0 %"),
        (1e-9, "0.0 %"),
        (-0.0002, "-0.02 %"),
        (-0.87, "-87.0 %"),
        (12.0, "1200.0 %"),
        (math.nan, "nan %"),
    ],
)
def test_a_ratio_is_read_as_percent(ratio: float, shown: str) -> None:
    assert units.percent(ratio) == shown


@given(RATIOS, RATIOS)
def test_of_two_shares_the_larger_never_reads_as_the_smaller(one: float, other: float) -> None:
    low, high = sorted((one, other))

    assert float(units.percent(low)[:-2]) <= float(units.percent(high)[:-2])


@given(st.floats(1e-8, 1))
def test_a_share_that_is_not_zero_does_not_read_as_zero(ratio: float) -> None:
    """A rate of errors that reads 0.0 % would be no errors; a hundred-millionth counts as none."""
    assert (float(units.percent(ratio)[:-2]) > 0) is (100 * ratio >= 1e-6)


@pytest.mark.parametrize(
    ("log10", "shown"),
    [
        (0.0, "1 to one"),
        (0.301, "2 to one"),
        (1.3, "20 to one"),
        (5.0, "100,000 to one"),
        (6.0, "a million to one"),
        (6.1, "over a million to one"),
        (math.inf, "over a million to one"),
        (-0.301, "one to 2"),
        (-6.0, "one to a million"),
        (-400.0, "one to over a million"),
    ],
)
def test_evidence_is_read_as_odds_for_it_or_against_it(log10: float, shown: str) -> None:
    assert units.odds(log10) == shown


@given(st.floats(0.01, 300))
def test_evidence_against_is_that_for_it_turned_round(log10: float) -> None:
    times = units.odds(log10).removesuffix(" to one")

    assert units.odds(-log10) == f"one to {times}"


@pytest.mark.parametrize("unit", list(Unit))
@pytest.mark.parametrize("value", [0.0, -1.5, 1e9, math.inf, math.nan])
def test_every_unit_writes_every_figure(unit: Unit, value: float) -> None:
    """A figure that nobody foresaw must not take the board or a message down."""
    assert units.amount(unit, value)


@pytest.mark.parametrize(
    ("unit", "shown"),
    [
        (Unit.RATIO, "50.0 %"),
        (Unit.MS, "0.5 ms"),
        (Unit.NATS, "0.500 nats"),
        (Unit.ODDS, "3 to one"),
    ],
)
def test_each_unit_has_its_own_words(unit: Unit, shown: str) -> None:
    assert units.amount(unit, 0.5) == shown


# foreign text


@pytest.mark.parametrize(
    "text",
    ["", "plain", "naïve café", "漫画はどこ", "🦊", "Ω ≈ ½", "<b>&amp;</b>", 'it\'s "so"'],
)
def test_what_people_write_is_shown_as_they_wrote_it(text: str) -> None:
    assert escaping.printable(text) == text
    assert escaping.printable(text.encode()) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\n\r\t", r"\n\r\t"),
        ("a\x00b", r"a\x00b"),
        ("\x7f\x9b", r"\x7f\x9b"),
        ("\u200b\ufeff", r"\u200b\ufeff"),  # nothing to see
        ("\u00a0", r"\xa0"),  # a blank that is none
        ("abc\u202ecba", r"abc\u202ecba"),
        ("\u2066\u2069", r"\u2066\u2069"),
        ("Z\u0351\u036b", r"Z\u0351\u036b"),  # drawn over what stands before it
        ("\ud800", r"\ud800"),
    ],
)
def test_what_hides_or_moves_or_turns_is_an_escape(text: str, shown: str) -> None:
    assert escaping.printable(text) == shown


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_two_texts_never_look_alike_where_one_holds_what_the_other_spells(text: str) -> None:
    """The backslash is an escape itself: whoever writes one writes no control character."""
    shown = escaping.printable(text)

    assert "\n" not in shown
    assert shown.encode("raw_unicode_escape").decode("unicode_escape") == text


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_bytes_of_a_text_are_shown_like_the_text(text: str) -> None:
    assert escaping.printable(text.encode()) == escaping.printable(text)


@given(st.text(max_size=20), st.text(max_size=20))
def test_text_is_shown_letter_by_letter(one: str, other: str) -> None:
    """So what is cut off in the middle changes nothing of the rest."""
    assert escaping.printable(one + other) == escaping.printable(one) + escaping.printable(other)


# ports


@pytest.mark.parametrize("count", [0, 1, 30])
def test_free_ports_are_different_ones_that_can_be_had(count: int) -> None:
    free = ports.free(count)

    assert len(set(free)) == count
    assert all(0 < port < 65_536 for port in free)


def test_a_port_listens_while_somebody_accepts_connections_there() -> None:
    with socket.socket() as nobody_yet:
        nobody_yet.bind((ports.HOST, 0))
        port = nobody_yet.getsockname()[1]
        assert not ports.listening(port), "bound is not yet open"

        nobody_yet.listen()
        assert ports.listening(port)
