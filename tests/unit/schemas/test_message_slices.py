"""What kinds a message is of: its script, its length, its words; one bit each, and which of them it
is in depends on nothing else.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import slices


def names(text: str) -> list[str]:
    return [name for name in slices.NAMES if slices.BITS[name] & slices.of(text)]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("naruto", "latin"),
        ("NARUTO 3", "latin"),
        ("ナルト", "japanese"),
        ("なると", "japanese"),
        ("鳴門", "japanese"),
        ("ﾅﾙﾄ", "japanese"),
        ("ナルト 3", "japanese"),
        ("Naruto を読みたい", "mixed"),
        ("vol.3 ある?", "mixed"),
        ("", "other"),
        ("123", "other"),
        ("?!", "other"),
        ("😀😀", "other"),
        ("Наруто", "other"),
        ("나루토", "other"),
        ("ناروتو", "other"),
        ("ÄÖÜ", "other"),
        # Full-width Latin is no Latin letter before it is normalised.
        ("ＮＡＲＵＴＯ", "other"),
        ("。、！", "other"),
    ],
)
def test_a_script_is_that_of_its_letters(text: str, script: str) -> None:
    assert slices.script(text) == script


@pytest.mark.parametrize(
    ("length", "short", "long"),
    [
        (0, True, False),
        (12, True, False),
        (13, False, False),
        (120, False, False),
        (121, False, True),
    ],
)
def test_short_ends_at_twelve_characters_and_long_begins_after_a_hundred_and_twenty(
    length: int, *, short: bool, long: bool
) -> None:
    here = names("x" * length)

    assert ("short" in here, "long" in here) == (short, long)


@pytest.mark.parametrize(
    "text",
    [
        "any isekai out",
        "MANGA",
        "got vol 3",
        "vol.12",
        "volumes 1",
        "chapter 700",
        "box set",
        "boxset",
        "light novel",
        "shounen or shōjo",
        "art books please",
        "3巻はある",
        "単行本ですか",
        "「進撃」を探す",
    ],
)
def test_words_of_the_trade_are_jargon(text: str) -> None:
    assert "jargon" in names(text)


@pytest.mark.parametrize(
    "text",
    [
        "volume",
        "vol",
        "chapter one",
        "mangal",
        "seinens",
        "boxing set",
        "artbookshop",
        "「」",
        "巻",
    ],
)
def test_what_only_looks_like_a_word_of_the_trade_is_none(text: str) -> None:
    assert "jargon" not in names(text)


@pytest.mark.parametrize(
    "text",
    [
        "thx",
        "THX",
        "can u help",
        "lol",
        "ain't it",
        "aint it",
        "y'all",
        "www",
        "草",
        "まじで",
        "ヤバい",
    ],
)
def test_words_of_the_street_are_slang(text: str) -> None:
    assert "slang" in names(text)


@pytest.mark.parametrize("text", ["U.S.", "u-turn", "ngl2", "brother", "yonder", "草原", "w"])
def test_what_only_looks_like_a_word_of_the_street_is_none(text: str) -> None:
    assert "slang" not in names(text)


def test_words_are_looked_for_in_the_first_500_characters() -> None:
    within, beyond = "x " * 247 + "isekai", "xx " + "x " * 246 + "isekai"

    assert (len(within), len(beyond)) == (500, 501)
    assert "jargon" in names(within)
    assert "jargon" not in names(beyond)


def test_each_slice_is_one_bit_in_the_order_of_the_names() -> None:
    assert list(slices.BITS) == list(slices.NAMES)
    assert list(slices.BITS.values()) == [1, 2, 4, 8, 16, 32, 64, 128]


def test_two_wishes_are_known_of_labels_and_never_of_a_text() -> None:
    assert slices.TWO_WISHES not in slices.NAMES


@given(st.text(max_size=600))
def test_a_message_is_of_one_script_and_not_both_short_and_long(text: str) -> None:
    here = names(text)

    assert [name for name in here if name in slices.SCRIPTS] == [slices.script(text)]
    assert not {"short", "long"} <= set(here)
    assert 0 < slices.of(text) < 2 ** len(slices.NAMES)


@given(st.text(max_size=600))
def test_a_message_is_in_the_same_slices_whenever_it_is_asked(text: str) -> None:
    assert slices.of(text) == slices.of(str(text))
