"""The golden set: which lines are sentences, what two sets have in common, and how a candidate
stands on each stratum.
"""

import json
from pathlib import Path

import pytest

from retrain.train.golden import judged, rows
from schemas import golden, present
from schemas.checks import Level

OWN = Path(rows.__file__).with_name("mangaassist.jsonl")
SLANG = golden.Stratum.SLANG


def line(**changed: object) -> bytes:
    body = {"text": "yo where is my stuff", "intent": "order_tracking", "stratum": "slang"}
    return json.dumps(body | changed).encode()


def sentence(text: str = "yo where is my stuff", intent: str = "order_tracking") -> rows.Sentence:
    parsed = rows.sentence(line(text=text, intent=intent))
    assert isinstance(parsed, rows.Sentence)
    return parsed


def many(n: int) -> list[rows.Sentence]:
    return [sentence(f"yo where is parcel {i}") for i in range(n)]


# Lines


def test_a_line_is_a_sentence_of_its_stratum() -> None:
    assert sentence().stratum is SLANG
    assert sentence().intent == "order_tracking"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (line(text="  ...  "), "text is empty"),
        (line(text="a\x00b"), "no sentence of a golden set"),
        (line(stratum="hard"), "hard"),
        (line(intent="ordertracking_"), "order_tracking"),
        (line(intent=["faq"]), "no sentence of a golden set"),
        (line(intent={"a": 1}), "no sentence of a golden set"),
        (b'{"text": "love it \\ud83d", "intent": "faq", "stratum": "slang"}', "no sentence"),
        (b'{"text": "x"}', "intent"),
        (b"[1]", "no sentence of a golden set"),
        (b"[" * 100_000, "no sentence of a golden set"),
        (b"\xff", "no sentence of a golden set"),
    ],
    ids=[
        "nothing but marks",
        "NUL",
        "a stratum of one's own",
        "a misspelt intent",
        "a list",
        "an object",
        "half a character",
        "no intent",
        "no object",
        "brackets without end",
        "no UTF-8",
    ],
)
def test_what_is_no_sentence_says_why(raw: bytes, why: str) -> None:
    told = rows.sentence(raw)

    assert isinstance(told, str)
    assert why in told


def test_a_row_of_a_table_is_a_sentence_too() -> None:
    cells = {"text": "Where is it?", "intent": "order_tracking", "stratum": "ambiguous"}

    assert rows.sentence(cells) == rows.sentence(json.dumps(cells).encode())


def test_the_id_is_of_what_the_model_reads_whatever_the_intent() -> None:
    assert sentence("Where  is it?").id == sentence("where is it", "faq").id
    assert sentence("where is it").id != sentence("where was it").id


# The set


def test_the_digest_knows_no_order_and_every_change() -> None:
    first, second = sentence("one"), sentence("two")

    assert rows.digest([first, second]) == rows.digest([second, first])
    assert rows.digest([first]) != rows.digest([first, second])
    assert rows.digest([first]) != rows.digest([sentence("one", "faq")])


def test_our_own_sentences_are_thirty_of_every_stratum_and_of_every_intent_some() -> None:
    own = [rows.sentence(each) for each in OWN.read_bytes().splitlines()]
    sentences = [each for each in own if isinstance(each, rows.Sentence)]

    assert len(sentences) == len(own) == len({each.id for each in sentences})
    assert rows.missing(sentences) == {}
    assert {each.intent for each in sentences} == set(present.INTENTS)
    rare = {each.intent for each in sentences if each.stratum is golden.Stratum.RARE}
    assert rare == set(present.RARE)


def test_a_set_says_which_strata_are_too_small() -> None:
    lacking = rows.missing(many(29))

    assert lacking[SLANG] == 1
    assert lacking[golden.Stratum.RARE] == golden.LEAST


# How a candidate answers it


def test_a_stratum_counts_its_own_sentences_beside_the_champion() -> None:
    asked = [sentence("one"), sentence("two")]

    slang, *others = judged.strata(asked, ["order_tracking", "faq"], ["faq", "faq"])

    assert (slang.n, slang.right, slang.accuracy, slang.champion) == (2, 1, 0.5, 0.0)
    assert slang.low is not None
    assert slang.high is not None
    assert slang.low < 0.5 < slang.high
    assert {each.n for each in others} == {0}


def test_of_an_empty_set_every_stratum_asks_for_sentences() -> None:
    told = list(judged.checks(judged.strata([], [])))

    assert [each.name for each in told] == [f"golden_{name}" for name in golden.Stratum]
    assert {each.level for each in told} == {Level.WATCH}
    assert "golden add" in told[0].remedy


@pytest.mark.parametrize(
    ("right", "champion", "level"),
    [
        (36, 36, Level.OK),
        (35, 36, Level.WATCH),
        (20, 36, Level.ACT),
        (20, None, Level.OK),
    ],
    ids=["as good", "one less", "surely worse", "a first model"],
)
def test_a_stratum_is_held_to_the_champion(right: int, champion: int | None, level: Level) -> None:
    n = 40
    asked = many(n)

    def answered(k: int) -> list[str]:
        return ["order_tracking"] * k + ["faq"] * (n - k)

    before = None if champion is None else answered(champion)
    first, *_ = judged.checks(judged.strata(asked, answered(right), before))

    assert first.level is level
