"""What is wrong with labelled rows, which rows that are, and which of them train."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from shops import corpus

from retrain.evaluation import confusion
from retrain.train import (
    divide,
    doubtful,
    examine,
    patterns,
    recipe,
    seen,
    similar,
    split,
    synthetic,
)
from retrain.train.snapshot import frame
from schemas import checks, loglines, normalise, present
from services.local.demo import invent

RECIPE = recipe.Recipe()
SPELT = "abcdefghij"


def rows(n: int = 400, **more: Any) -> list[dict[str, Any]]:
    """People's rows; their numbers are spelt, as words teach and numbers do not."""
    told = []
    for i, row in enumerate(corpus(n)):
        text = row["text"].rsplit(" ", 1)[0]
        name = "".join(SPELT[int(digit)] for digit in str(i))
        told.append(row | {"id": f"r{i}", "text": f"{text} {name}"} | more)
    return told


def looked_at(*given: dict[str, Any]) -> tuple[divide.Divided, examine.Examined]:
    parts = divide.divided(frame(given), {}, RECIPE, 10)
    return parts, examine.examined(parts, RECIPE)


def by_name(told: examine.Examined) -> dict[str, checks.Check]:
    return {check.name: check for check in told.checks}


def machine(n: int, text: str = "please talk of {name} to me", intent: str = "faq") -> Any:
    return [
        {"id": f"m{i}", "text": f"{text} {i}", "intent": intent, "kind": "machine"}
        for i in range(n)
    ]


# What is said of them


def test_clean_rows_are_in_order_and_all_of_them_train() -> None:
    parts, told = looked_at(*rows())

    figures = by_name(told)
    assert figures["two_intents"].value == 0
    assert figures["label_noise"].level is checks.Level.OK
    assert figures["truncated"].value == 0
    assert told.named["two_intents"] == []
    assert sorted(told.train["id"]) == sorted(parts.part("train")["id"])
    assert told.made == {}


def test_one_text_with_two_intents_is_named_on_both_sides() -> None:
    twice = [
        {"id": "a", "text": "Hello there, friend", "intent": "chitchat", "kind": "human"},
        {"id": "b", "text": "hello there, friend!", "intent": "faq", "kind": "live"},
    ]
    _, told = looked_at(*rows(), *twice)

    assert sorted(told.named["two_intents"]) == ["a", "b"]
    check = by_name(told)["two_intents"]
    assert (check.value, check.n) == (pytest.approx(2 / 402), 402)
    assert check.level is checks.Level.WATCH
    assert "services.labels relabel" in check.remedy


def test_wrong_labels_are_named_and_their_share_is_told() -> None:
    """Ten of 400 rows, of all intents, say the next one."""
    given = rows()
    wrong = given[3::41]
    for row in wrong:
        place = present.INDEX[row["intent"]] + 1
        row["intent"] = present.INTENTS[place % len(present.INTENTS)]
    _, told = looked_at(*given)

    named = set(told.named["label_noise"])
    really = {row["id"] for row in wrong}
    assert len(really & named) >= 9
    assert len(named - really) <= 2, "of 390 right ones hardly one is doubted"
    assert by_name(told)["label_noise"].value == len(named) / 400


def test_too_few_rows_for_a_second_opinion_are_watched_and_not_called_clean() -> None:
    """Forty rows: of what is not known nothing is ok."""
    few = rows(40)
    parts = divide.Divided(
        frame(few).assign(group=[row["text"] for row in few], part="train"),
        seen.of(RECIPE.base_model, [row["text"] for row in few], 64),
    )
    told = examine.examined(parts, RECIPE)

    for name in ("label_noise", "ambiguous", "closest_intents"):
        assert (by_name(told)[name].value, by_name(told)[name].level) == (None, "watch")
    assert "label_noise" not in told.named


def test_what_is_cut_at_max_tokens_is_counted() -> None:
    long = [row | {"text": f"{row['text']} {'word ' * 80}"} for row in rows()[:40]]
    _, told = looked_at(*long, *rows()[40:])

    truncated = by_name(told)["truncated"]
    assert (truncated.value, truncated.level) == (0.1, checks.Level.ACT)


def test_what_it_keeps_can_be_written_as_json_and_as_a_line() -> None:
    _, told = looked_at(*rows())

    assert told.detail["rows"]["two_intents"] == []
    assert loglines.encode("DECISION", told.decision.fields) == (
        '[DECISION] filter_synthetic=no reason="no synthetic rows"'
    )


# The 5 % rule


def test_bad_machine_rows_leave_and_the_line_is_the_seeds() -> None:
    good = machine(20, "is the shop of {} open on sundays".replace("{}", "books"))
    bad = [row | {"id": f"bad {row['id']}"} for row in machine(20)]
    _, told = looked_at(*rows(), *good, *bad)

    assert loglines.encode("DECISION", told.decision.fields) == (
        '[DECISION] filter_synthetic=yes reason="noise above 5% threshold"'
    )
    assert not told.train["id"].str.startswith("bad").any()
    assert by_name(told)["synthetic_bad"].level is checks.Level.ACT


def test_machine_rows_are_at_most_three_tenths_of_what_trains() -> None:
    words = [f"is the shop open {name} days" for name in SPELT]
    many = [
        {"id": f"m{i}", "text": f"{words[i % 10]} in week {i}", "intent": "faq", "kind": "machine"}
        for i in range(400)
    ]
    _, told = looked_at(*rows(), *many)

    share = (told.train["kind"] == "machine").mean()
    assert 0.2 < share <= 0.3


def table(**kinds: int) -> pd.DataFrame:
    listed = [kind for kind, n in kinds.items() for _ in range(n)]
    return pd.DataFrame({"kind": listed, "intent": "faq"})


@pytest.mark.parametrize(
    ("people", "machines", "bad", "filters", "left"),
    [
        (70, 30, 0, False, 30),
        (70, 31, 0, False, 30),  # 30 of 100
        (70, 20, 1, False, 20),  # 5 % is within
        (70, 20, 2, True, 18),
        (70, 20, 20, True, 0),
        (70, 0, 0, False, 0),
        (0, 20, 0, False, 0),  # nothing of people: nothing to hold it to
    ],
)
def test_what_stays(people: int, machines: int, bad: int, filters: bool, left: int) -> None:
    train = table(human=people, machine=machines)
    flags = (train["kind"] == "machine").to_numpy() & (train.index < people + bad)

    decision = synthetic.decided((train["kind"] == "machine").to_numpy(), flags)
    kept = synthetic.kept(train, pd.Series(flags), decision.filters, seed=1)

    assert decision.filters is filters
    assert Counter(kept["kind"]) == Counter({"human": people, "machine": left})


def test_rows_of_people_never_leave() -> None:
    train = table(human=10)

    assert len(synthetic.kept(train, pd.Series([True] * 10), True, seed=1)) == 10


# Patterns


ANGRY = [
    f"{begin} {whom} {end}"
    for begin, end in (("get me", "right now"), ("i want", "on the phone"), ("where is", "please"))
    for whom in ("a human", "a person", "a manager", "an agent")
    if (begin, whom) != ("get me", "a person")
]


def test_an_intent_with_few_rows_gets_patterns_from_its_own_that_train() -> None:
    given = [row for row in rows() if row["intent"] != "escalation"]
    few = [
        {"id": f"e{i}", "text": text, "intent": "escalation", "kind": "human"}
        for i, text in enumerate(ANGRY)
    ]
    parts, told = looked_at(*given, *few)

    new = told.train[told.train["id"].str.startswith("pattern:")]
    own = parts.part("train")["intent"].eq("escalation").sum()
    assert told.made == {"escalation": len(new)}
    assert 0 < len(new) <= own
    assert set(new["kind"]) == {"machine"}
    assert set(new["intent"]) == {"escalation"}
    held_out = set(parts.rows[parts.rows["part"] != "train"]["text"])
    assert not held_out & set(new["text"])


def test_words_of_one_sentence_stand_for_each_other_in_the_others() -> None:
    texts = ["can i talk to a human", "can i talk to a person", "give me a human now"]

    assert patterns.made(texts, 9) == ["give me a person now"]
    assert patterns.made(texts[::-1], 9) == ["give me a person now"]
    assert patterns.made(texts, 9, taken={"give me a person now"}) == []


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        ([], 9),
        (["one two three"], 9),
        (["a b", "a c"], 9),
        (["a b c", "a d c"], 0),
        (["x y z"], -5),
    ],
)
def test_where_nothing_can_be_made_nothing_is(texts: list[str], wanted: int) -> None:
    assert patterns.made(texts, wanted) == []


# The second opinion


def test_near_is_another_text_of_nearly_the_same_letters() -> None:
    texts = ["where is my parcel now", "where is my parcel, now", "hello there", "hello there", "a"]

    assert similar.near(texts).tolist() == [True, True, False, False, False]
    assert similar.near(["?", "!"]).tolist() == [False, False]
    assert similar.near([]).tolist() == []


def test_the_closest_intents_are_those_that_are_taken_for_each_other() -> None:
    faq, chat = present.INDEX["faq"], present.INDEX["chitchat"]
    opinion = np.zeros((8, len(present.INTENTS)))
    opinion[np.arange(8), [faq, faq, faq, chat, chat, chat, chat, faq]] = 1
    labels = confusion.places(["faq"] * 4 + ["chitchat"] * 4)

    pair = doubtful.closest(opinion, labels)

    assert pair is not None
    assert set(pair.intents) == {"faq", "chitchat"}
    assert (pair.share, pair.n) == (0.25, 8)
    assert doubtful.closest(opinion, opinion.argmax(1)) is None


@pytest.mark.parametrize("n", [0, 1, 49])
def test_of_few_rows_there_is_no_opinion(n: int) -> None:
    names = [str(i) for i in range(n)]
    labels = np.arange(n) % 2

    assert doubtful.opinion(names, labels, names) is None


def test_one_intent_or_one_group_gives_no_opinion_either() -> None:
    texts = [f"where is {i}" for i in range(60)]

    assert doubtful.opinion(texts, np.zeros(60, dtype=np.int64), texts) is None
    assert doubtful.opinion(texts, np.arange(60) % 2, ["one"] * 60) is None


def test_a_second_opinion_has_learnt_from_many_rows_too() -> None:
    """Wordings of a group are in one fold: what is told apart is learnt from others."""
    base, later = invent.tables(1)
    table = frame([{**row, "id": str(place)} for place, row in enumerate([*base, *later][::3])])
    texts = [normalise.text(text) for text in table["text"]]
    labels = confusion.places(table["intent"])

    told = doubtful.opinion(texts, labels, list(split.groups(table)))

    assert told is not None
    assert (told.argmax(1) == labels).mean() > 0.9
    assert doubtful.ambiguous(told).mean() < 0.1
    assert doubtful.suspected(told, labels).mean() < 0.05


def test_a_second_opinion_learns_from_the_rows_it_may_learn_from_alone() -> None:
    """The others' labels may be anything."""
    table = frame(rows())
    texts = [normalise.text(text) for text in table["text"]]
    labels = confusion.places(table["intent"])
    learns = np.arange(len(texts)) % 3 > 0
    wrong = np.where(learns, labels, 0)

    told = doubtful.opinion(texts, labels, texts, learns)
    other = doubtful.opinion(texts, wrong, texts, learns)
    of_all = doubtful.opinion(texts, labels, texts)

    assert told is not None
    assert other is not None
    assert of_all is not None
    assert np.array_equal(told, other)
    assert not np.array_equal(told, of_all)
