"""A group's side is dealt once: what is on record stays, what is new follows its group, its hash,
or what its intent lacks.
"""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.train import sides


def group(name: str, intent: str | None = "faq", *anchors: str) -> sides.Group:
    return sides.Group(name, frozenset(anchors or (f"@{name}",)), intent)


# By their hashes (sha256 of "message 4" begins with 0x1c: 11 %) the first would test, the others
# train.
TESTS, *TRAIN = (f"message {i}" for i in (4, 0, 1, 3))


def test_a_side_on_record_stays_whatever_the_hash_says() -> None:
    dealt = sides.dealt([group(TESTS), group(TRAIN[0])], {"@message 4": "train", "@other": "val"})

    assert dealt == {"@message 4": "train", "@message 0": "train"}


def test_a_new_anchor_takes_the_side_of_its_group() -> None:
    assert sides.dealt([group("x", "faq", "old", "new")], {"old": "val"}) == {
        "old": "val",
        "new": "val",
    }


def test_between_two_sides_a_new_one_is_held_out_and_the_old_ones_stay() -> None:
    joined = group("x", "faq", "a", "b", "c", "new")

    dealt = sides.dealt([joined], {"a": "train", "b": "test", "c": "val"})

    assert dealt == {"a": "train", "b": "test", "c": "val", "new": "test"}


def test_a_group_of_machines_trains_even_where_its_hash_would_hold_it_out() -> None:
    assert sides.dealt([group(TESTS, None)], {}) == {"@message 4": "train"}


def test_an_intent_is_dealt_what_it_lacks_beside_what_is_on_record() -> None:
    """Ten groups: two have to test and one to validate; one tests already."""
    old = [group(f"old {i}") for i in range(7)]
    known = {f"@old {i}": "test" if i == 0 else "train" for i in range(7)}

    dealt = sides.dealt([*old, *map(group, TRAIN)], known)

    assert Counter(dealt.values()) == {"test": 2, "val": 1, "train": 7}
    assert all(dealt[anchor] == side for anchor, side in known.items())


def test_intents_are_dealt_apart() -> None:
    groups = [group(name, intent, f"{intent} {name}") for name in TRAIN for intent in ("a", "b")]

    dealt = sides.dealt(groups, {})

    for intent in ("a", "b"):
        of = [side for anchor, side in dealt.items() if anchor.startswith(intent)]
        assert sorted(of) == ["test", "train", "val"]


def test_nothing_is_dealt_of_nothing() -> None:
    assert sides.dealt([], {"a": "test"}) == {}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("live", "a", "c", "k"), ("live", "a", None, None), True),  # its text alone
        (("human", "a", "c", "k"), ("machine", "b", "d", "k"), True),
        (("human", "a", "c", None), ("human", "b", "c", None), True),
        (("human", "a", "c", "k"), ("human", "a", "c", None), False),
        (("human", "a", "x", None), ("human", "a", None, "x"), False),
        (("human", "x", None, None), ("human", "a", "x", None), False),
        (("human", "a", "", ""), ("live", "a", "c", None), True),
    ],
)
def test_what_a_side_is_kept_under(
    one: tuple[str, str, str | None, str | None],
    other: tuple[str, str, str | None, str | None],
    same: bool,
) -> None:
    assert (sides.anchor(*one) == sides.anchor(*other)) is same


@given(st.sets(st.text(max_size=8), max_size=40))
def test_the_order_groups_come_in_deals_nothing_otherwise(names: set[str]) -> None:
    groups = [group(name) for name in sorted(names)]

    assert sides.dealt(groups, {}) == sides.dealt(groups[::-1], {})
