"""How a text is cut to what Slack takes: with a mark, without half an entity, and the longest text
of a message first.
"""

import copy
import datetime as dt
import json
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.local.slack_sandbox import blocks
from services.notifier import limits

TEXTS = st.text(max_size=400)
# What an exception may hold: control letters, a mention, text that runs to the left.
HOSTILE = ["<!channel>", "<@U1|me>", "a & b", "`rm -rf`", "\u202eevil", "a\nb", "&lt;", "&amp;amp;"]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a < b > c", "a &lt; b &gt; c"),
        ("&", "&amp;"),
        ("&lt;", "&amp;lt;"),  # was escaped by somebody else: shown as it was written
        ("`code`", "'code'"),
        ("ナルト \U0001f600", "ナルト \U0001f600"),
    ],
)
def test_foreign_text_is_shown_as_it_was_written(text: str, escaped: str) -> None:
    assert limits.escape(text) == escaped


@given(TEXTS)
def test_an_escaped_text_has_no_markup_and_reads_back_but_for_its_backquotes(text: str) -> None:
    escaped = limits.escape(text)

    assert not set(escaped) & set("<>`")
    # Slack turns these three entities back and no others.
    shown = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert shown == text.replace("`", "'")


def test_a_text_of_just_the_limit_is_left_whole_and_one_letter_more_is_marked() -> None:
    assert limits.cut("x" * 150, 150) == "x" * 150

    cut = limits.cut("x" * 151, 150)

    assert cut == "x" * 142 + " … (cut)"
    assert len(cut) == 150


@pytest.mark.parametrize(
    ("limit", "cut"),
    [
        # The mark takes eight of the letters; the entity stands at the fourth to the eighth.
        (15, "abc … (cut)"),
        (16, "abc&amp; … (cut)"),
        (17, "abc&amp;d … (cut)"),
    ],
)
def test_an_entity_stays_whole_or_goes(limit: int, cut: str) -> None:
    text = "abc&amp;defghijklmnopq"

    assert limits.cut(text, limit) == cut


def test_of_an_entity_at_the_very_beginning_no_half_is_left() -> None:
    assert limits.cut("&lt;&lt;&lt;", 11) == " … (cut)"


@given(st.text(alphabet="ab&<>`", max_size=200), st.integers(len(limits.MARK), 120))
def test_a_cut_keeps_the_limit_the_beginning_and_every_entity_whole(text: str, limit: int) -> None:
    escaped = limits.escape(text)

    cut = limits.cut(escaped, limit)

    assert len(cut) <= limit
    kept = cut.removesuffix(limits.MARK)
    assert escaped.startswith(kept)
    for entity in ("&amp;", "&lt;", "&gt;"):
        kept = kept.replace(entity, "")
    assert "&" not in kept


@given(TEXTS, st.integers(len(limits.MARK), 120))
def test_what_was_cut_once_is_not_cut_again(text: str, limit: int) -> None:
    once = limits.cut(text, limit)

    assert limits.cut(once, limit) == once


def paragraph(letters: int, letter: str = "x") -> limits.Block:
    return limits.section(letter * letters)


def test_a_message_that_fits_stays_as_it_is() -> None:
    text, shown = limits.fitted("short", [paragraph(3000), limits.context(["at noon"])])

    assert text == "short"
    assert shown == [paragraph(3000), limits.context(["at noon"])]


def test_the_longest_text_gives_way_and_the_shorter_ones_stay() -> None:
    short, long = paragraph(1000), paragraph(3000, "y")

    _, shown = limits.fitted("headline", [short, long, long, long, long])

    assert shown[0] == short
    assert any(block["text"]["text"].endswith(limits.MARK) for block in shown[1:])


def test_the_given_blocks_are_not_changed() -> None:
    given_blocks = [paragraph(3000) for _ in range(8)]
    before = copy.deepcopy(given_blocks)

    limits.fitted("headline", given_blocks)

    assert given_blocks == before


def test_at_most_fifty_blocks_leave_and_they_are_the_first() -> None:
    numbered = [limits.section(str(number)) for number in range(60)]

    _, shown = limits.fitted("headline", numbered)

    assert [block["text"]["text"] for block in shown] == [str(number) for number in range(50)]


def test_blocks_of_which_nothing_can_be_cut_any_more_go_from_the_end() -> None:
    """Ten fields of sixteen letters a block, of which each letter takes twelve on the wire."""
    fields = [{"type": "mrkdwn", "text": "\U0001f600" * 16}] * 10
    crowded = [{"type": "section", "fields": copy.deepcopy(fields)} for _ in range(20)]

    text, shown = limits.fitted("headline", crowded)

    assert 0 < len(shown) < 20
    assert limits.size(text, shown) <= limits.TOTAL
    assert blocks.problems(shown) == []


def test_the_text_for_phones_gives_way_too() -> None:
    text, shown = limits.fitted("x" * 50_000, [paragraph(10)])

    assert len(text) == limits.SECTION
    assert shown == [paragraph(10)]


@given(
    st.text(min_size=1, max_size=6000),
    st.lists(st.text(min_size=1, max_size=4000), min_size=1, max_size=60),
)
def test_whatever_stands_in_them_slack_takes_text_and_blocks(text: str, texts: list[str]) -> None:
    made = [limits.section(each) for each in texts]

    fallback, shown = limits.fitted(text, made)

    assert blocks.problems(shown) == []
    assert not blocks.too_long(fallback, shown)
    assert fallback


@pytest.mark.parametrize("text", HOSTILE)
def test_the_size_is_that_of_the_message_on_the_wire(text: str) -> None:
    shown = [limits.section(text)]

    assert limits.size(text, shown) == len(json.dumps({"text": text, "blocks": shown}))


def test_a_letter_that_is_no_ascii_counts_as_it_travels() -> None:
    # {"text": "", "blocks": []} is 26 letters; ナ travels as \u30ca.
    assert limits.size("", []) == 26
    assert limits.size("x", []) == 27
    assert limits.size("ナ", []) == 32


def test_small_print_is_cut_part_by_part() -> None:
    small = limits.context(["x" * 2001, "y"])

    first, second = (element["text"] for element in small["elements"])
    assert (len(first), first.endswith(limits.MARK)) == (limits.FIELD, True)
    assert second == "y"


def test_a_paragraph_of_any_length_is_one_that_slack_takes() -> None:
    assert blocks.problems([paragraph(100_000)]) == []


def instant(*of: int) -> dt.datetime:
    return dt.datetime(*of, tzinfo=dt.UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("at", "seconds", "plain"),
    [
        (instant(1970, 1, 1), 0, "1970-01-01 00:00 UTC"),
        (instant(2024, 2, 29, 23, 59, 59), 1_709_251_199, "2024-02-29 23:59 UTC"),
        # 2026-04-20 is 20,563 days after 1970-01-01.
        (instant(2026, 4, 20), 20_563 * 86_400, "2026-04-20 00:00 UTC"),
    ],
)
def test_a_time_is_the_readers_own_and_utc_for_who_cannot_turn_it(
    at: dt.datetime, seconds: int, plain: str
) -> None:
    assert limits.date(at) == f"<!date^{seconds}^{{date_short_pretty}} {{time}}|{plain}>"


def test_the_hour_that_comes_twice_in_autumn_is_two_times() -> None:
    zone = zoneinfo.ZoneInfo("America/New_York")
    first = dt.datetime(2026, 11, 1, 1, 30, tzinfo=zone)
    second = first.replace(fold=1)

    seconds = [int(limits.date(at).split("^")[1]) for at in (first, second)]

    assert seconds[1] - seconds[0] == 3600
