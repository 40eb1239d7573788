"""What else people said a message means: sets of intents as bits; round trips lose nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.evaluation import wishes
from schemas import present

K = len(present.INTENTS)
SETS = st.lists(st.sets(st.integers(0, K - 1)), max_size=30)


def sets_of(places: list[set[int]]) -> wishes.Sets:
    return wishes.of([sum(1 << place for place in each) for each in places])


@given(SETS)
def test_what_is_put_into_sets_comes_out_of_them_in_order(sets: list[set[int]]) -> None:
    assert wishes.places(sets_of(sets)) == [sorted(each) for each in sets]


@given(SETS, st.data())
def test_a_set_holds_what_was_put_into_it_and_nothing_else(
    sets: list[set[int]], data: st.DataObject
) -> None:
    asked = [data.draw(st.integers(0, K - 1)) for _ in sets]

    held = wishes.hold(sets_of(sets), np.array(asked, dtype=np.int64))

    assert held.tolist() == [place in each for place, each in zip(asked, sets, strict=True)]


@given(SETS, st.data())
def test_others_are_whatever_remains_without_the_one_that_is_asked_about(
    sets: list[set[int]], data: st.DataObject
) -> None:
    asked = [data.draw(st.integers(0, K - 1)) for _ in sets]

    others = wishes.hold_others(sets_of(sets), np.array(asked, dtype=np.int64))

    remaining = [bool(each - {place}) for place, each in zip(asked, sets, strict=True)]
    assert others.tolist() == remaining


def test_whoever_asks_what_others_a_set_holds_does_not_change_it() -> None:
    sets = wishes.of([0b11])

    wishes.hold_others(sets, np.array([0]))

    assert wishes.places(sets) == [[0, 1]]


def test_a_message_of_which_nothing_else_was_said_has_the_empty_set() -> None:
    nothing = wishes.none(3)

    assert nothing.shape == (3, wishes.WORDS)
    assert wishes.places(nothing) == [[], [], []]
    assert not wishes.hold(nothing, np.zeros(3)).any()
    assert not wishes.hold_others(nothing, np.zeros(3)).any()


def test_of_no_message_there_are_no_sets() -> None:
    assert wishes.places(wishes.of([])) == wishes.places(wishes.none(0)) == []
    assert wishes.hold(wishes.none(0), np.array([], dtype=np.int16)).tolist() == []


def test_ten_intents_fit_into_one_word_the_last_of_them_too() -> None:
    last = wishes.of([1 << (K - 1)])

    assert (K, wishes.WORDS) == (10, 1)
    assert wishes.hold(last, np.array([K - 1])).tolist() == [True]
    assert wishes.hold(last, np.array([0])).tolist() == [False]


@pytest.mark.parametrize("dtype", [np.int16, np.int64, np.uint8])
def test_places_may_be_of_any_whole_type(dtype: type[np.generic]) -> None:
    assert wishes.hold(wishes.of([0b100]), np.array([2], dtype=dtype)).tolist() == [True]


@pytest.mark.parametrize("number", [-1, 1 << 64])
def test_a_number_that_is_no_set_of_this_taxonomy_is_refused(number: int) -> None:
    with pytest.raises(OverflowError):
        wishes.of([number])
