"""No labelled row teaches a candidate what a golden sentence asks: what says the same is in no
part, and is not made up anew either.
"""

from typing import Any

import pytest

from retrain.train import divide, examine, recipe, snapshot
from retrain.train.golden import apart
from retrain.train.golden import rows as sentences
from schemas import golden, normalise, present

RECIPE = recipe.Recipe()
JUDGING = sentences.Sentence("g_1", "Where is my parcel?", "order_tracking", golden.Stratum.SLANG)


def row(text: str, **changed: Any) -> dict[str, Any]:
    told = {"id": text, "text": text, "intent": "order_tracking", "kind": "human"}
    return told | {"conversation": None, "cluster": None} | changed


def parts_of(*more: dict[str, Any], judging: tuple[sentences.Sentence, ...]) -> dict[str, str]:
    """The part of each row by its id, among 400 others."""
    others = [
        row(f"an invented question {number} of {intent}", id=f"o{number}", intent=intent)
        for number, intent in enumerate(present.INTENTS * 40)
    ]
    table = snapshot.frame([*others, *more])
    divided = divide.divided(table, {}, RECIPE, 100, judging)
    return dict(zip(divided.rows["id"], divided.rows["part"], strict=True))


@pytest.mark.parametrize(
    "text",
    [
        "Where is my parcel?",
        "  WHERE is my   parcel!! ",
        "whe\u200bre is my parcel",
        "where is my parcels",
    ],
    ids=["the same", "in other letters", "with a letter nobody sees", "nearly the same"],
)
@pytest.mark.parametrize("kind", ["human", "live", "machine"])
def test_what_says_the_same_is_in_no_part(text: str, kind: str) -> None:
    parts = parts_of(row(text, id="it", kind=kind), judging=(JUDGING,))

    assert parts["it"] == apart.LEFT_OUT


def test_its_cluster_is_in_no_part_and_its_conversation_stays() -> None:
    """Whoever writes can share a conversation with anybody; clusters are the importer's word."""
    told = [
        row("where is my parcel", id="it", cluster="c1", conversation="k1"),
        row("my order has not come yet", id="same cluster", cluster="c1"),
        row("do you sell posters of it", id="same conversation", conversation="k1"),
    ]

    parts = parts_of(*told, judging=(JUDGING,))

    assert parts["it"] == parts["same cluster"] == apart.LEFT_OUT
    assert parts["same conversation"] == parts_of(*told, judging=())["same conversation"]


def test_without_a_golden_set_nothing_is_left_out_for_it() -> None:
    parts = parts_of(row("where is my parcel", id="it"), judging=())

    assert apart.LEFT_OUT not in parts.values()


def test_no_pattern_row_is_made_that_says_the_same() -> None:
    """Of an intent with few rows: whatever is made of them without a golden set, golden."""
    whom, ways = ("manager", "supervisor", "human", "owner"), ("call", "find", "bring", "fetch")
    asked = [f"{way} me your {who} at once" for who in whom for way in ways]
    few = [row(text, id=text, intent="escalation") for n, text in enumerate(asked) if n % 3]
    others = [row(f"question {n} about volume {n}", id=f"o{n}", intent="faq") for n in range(400)]
    table = snapshot.frame([*few, *others])

    def made(*judging: sentences.Sentence) -> set[str]:
        divided = divide.divided(table, {}, RECIPE, 100, judging)
        train = examine.examined(divided, RECIPE).train
        mine = train[(train["kind"] == "machine") & (train["intent"] == "escalation")]
        return {normalise.text(text) for text in mine["text"]}

    free = sorted(made())
    assert free
    told = sentences.Sentence("g_2", free[0], "escalation", golden.Stratum.RARE)

    assert free[0] not in made(told)
