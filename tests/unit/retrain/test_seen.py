"""Equal means equal to the model: the same tokens, however a text is written."""

import pandas as pd
import pytest

from retrain.train import leaks, seen, split
from retrain.train.fit import model
from schemas import checks

BASE = "all-MiniLM-L6-v2"


def inputs(*texts: str, max_tokens: int = 64) -> tuple[str, ...]:
    return seen.of(BASE, texts, max_tokens).inputs


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("カギをください", "カキをください"),  # a key, an oyster
        ("パンダの本", "ハンダの本"),  # a panda, solder
        ("whe\u200bre is my parcel", "where is my parcel"),
        ("café manga", "cafe manga"),
        ("where is it 😡", "where is it 😂"),
        ("i love it ❤️", "i love it ❤"),
        ("İADE", "iade"),
        ("order\u00adtracking", "ordertracking"),
        ("\u202ewhere is my parcel", "where is my parcel"),
        ("👩\u200d👩\u200d👧", "👩👩👧"),
        ("a" * 300, "a" * 250),
        ("ｗｈｅｒｅ is it", "where is it?"),
        ("zero\u200cwidth", "zerowidth"),
        ("word " * 100 + "one", "word " * 100 + "another"),  # cut before they differ
    ],
)
def test_what_is_one_input_to_the_model_is_one_group(one: str, other: str) -> None:
    rows = pd.DataFrame(
        {"text": [one, other], "conversation": [None] * 2, "cluster": [None] * 2},
    )
    same = inputs(one, other)

    assert same[0] == same[1]
    assert split.groups(rows, same).nunique() == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("what's new", "what’s new"),  # two apostrophes
        ("where is my parcel", "where is my parcels"),
        ("a b", "b a"),
        ("no", "not"),
    ],
)
def test_what_the_model_can_tell_apart_is_two(one: str, other: str) -> None:
    assert len(set(inputs(one, other))) == 2


def test_lengths_are_counted_before_the_cut_and_an_empty_text_has_its_two_ends() -> None:
    told = seen.of(BASE, ["", "where is my parcel", "word " * 100], 64)

    assert told.lengths == (2, 6, 102)
    assert len(told.inputs[2].split()) == 64
    assert seen.of(BASE, [], 64).inputs == ()


def test_an_encoder_without_its_tokenizer_is_named(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "config.json").write_text("{}")

    with pytest.raises(model.EncoderMissing, match=r"tokenizer\.json"):
        seen.of(str(tmp_path), ["a"], 64)


def test_four_hundred_messages_and_their_twins_with_a_zero_width_space_leak_nothing() -> None:
    texts = [f"where is parcel number {i}" for i in range(400)]
    twins = [text.replace("is", "i\u200bs") for text in texts]
    rows = pd.DataFrame([{"text": text} for text in texts + twins], columns=list(split.COLUMNS))
    rows = rows.assign(intent="faq", kind="human", conversation=None, cluster=None)
    same = inputs(*rows["text"])

    by_text = split.split(rows)
    by_tokens = split.split(rows, same)

    assert leaks.counts(by_text, same)["inputs"] > 100
    assert leaks.counts(by_tokens, same) == {"inputs": 0, "clusters": 0, "conversations": 0}
    assert {check.level for check in leaks.checks(by_tokens, same)} == {checks.Level.OK}
    assert leaks.checks(by_text, same)[0].level is checks.Level.ACT
