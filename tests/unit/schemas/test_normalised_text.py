"""Training and serving see the same text of a message: how it is written does not matter, and to
normalise what is normalised changes nothing.
"""

import hashlib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import normalise


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Where is my order?", "where is my order"),
        ("WHERE IS MY ORDER", "where is my order"),
        ("  where\tis\n\nmy   order  ", "where is my order"),
        ("where is my order ...!?", "where is my order"),
        ("where is my order . ", "where is my order"),
        ("what? now", "what? now"),
        ("...and?", "...and"),
        ("3.5", "3.5"),
        ("re: order", "re: order"),
        # Full-width letters, digits and marks, as a Japanese keyboard types them.
        ("ＮＡＲＵＴＯ　３巻！？", "naruto 3巻"),
        ("全巻はありますか。", "全巻はありますか"),
        ("全巻はありますか？！…", "全巻はありますか"),
        # Half-width katakana, its voicing mark apart.
        ("ﾏﾝｶﾞ", "マンガ"),
        # An accent as one letter and as two.
        ("Pokémon", "pokémon"),
        ("Poke\u0301mon", "pokémon"),
        # Ligatures, superscripts, circled digits.
        ("ﬁrst vol①", "first vol1"),
        # The space that does not break, and the ideographic one.
        ("a\u00a0b\u3000c", "a b c"),
    ],
)
def test_style_is_taken_off_and_words_are_left(raw: str, text: str) -> None:
    assert normalise.text(raw) == text


@pytest.mark.parametrize("raw", ["", " ", "\n\t\u3000", "?!", "…", " . ; : ", "。！？"])
def test_of_a_message_without_a_word_nothing_is_left(raw: str) -> None:
    assert normalise.text(raw) == ""


@pytest.mark.parametrize(
    "raw",
    [
        '"quoted"',
        "<b>bold</b>",
        "(order)",
        "50%",
        "#7",
        "😀",
        "\u202eright to left",
        "null\x00byte",
    ],
)
def test_other_marks_stay(raw: str) -> None:
    assert normalise.text(raw) == raw


@given(st.text())
def test_normalising_twice_is_normalising_once(raw: str) -> None:
    once = normalise.text(raw)

    assert normalise.text(once) == once


@given(
    st.text(), st.sampled_from([" ", "\n", "\t", "\u3000"]), st.sampled_from(["", "!", "?", "."])
)
def test_space_around_a_message_and_marks_after_it_do_not_matter(
    raw: str, space: str, mark: str
) -> None:
    assert normalise.text(f"{space}{raw}{space}{mark}{space}") == normalise.text(raw)


@given(st.text(st.characters(codec="ascii")))
def test_the_case_of_plain_letters_does_not_matter(raw: str) -> None:
    assert normalise.text(raw.upper()) == normalise.text(raw.lower())


@given(st.text())
def test_how_letters_are_composed_does_not_matter(raw: str) -> None:
    apart = unicodedata.normalize("NFD", raw)

    assert normalise.text(apart) == normalise.text(unicodedata.normalize("NFC", raw))


@given(st.text())
def test_there_is_never_a_space_at_an_end_nor_two_in_a_row(raw: str) -> None:
    text = normalise.text(raw)

    assert text == text.strip(" ")
    assert "  " not in text
    assert "\n" not in text


def test_a_long_message_is_read_to_its_end() -> None:
    assert normalise.text("A" * 100_000 + "!" * 100_000) == "a" * 100_000


def test_its_hash_is_that_of_its_version_so_that_a_change_must_say_so() -> None:
    of_version = hashlib.sha256(normalise.VERSION.encode()).hexdigest()

    assert of_version == normalise.SHA256
    assert len(normalise.SHA256) == 64
