"""Stored arrays are read and written by the places their database has met intents in, whatever the
order of this process's file.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import present, windows
from streams.intents import places

K = len(present.INTENTS)
BACKWARDS = tuple(reversed(present.INTENTS))
COUNTS = st.lists(st.integers(0, 2**40), min_size=K, max_size=K)


@pytest.fixture
def backwards() -> Iterator[None]:
    """A database that has met the intents in the opposite order."""
    places.learn(BACKWARDS)
    yield
    places.learn(present.INTENTS)


def row(counts: list[int]) -> dict[str, Any]:
    return {"model": "v1", **dict.fromkeys(places.COLUMNS, counts)}


@given(COUNTS)
def test_what_is_written_is_read(counts: list[int]) -> None:
    known = places.Places(BACKWARDS)

    assert known.read(known.written(counts)) == counts


@given(COUNTS)
def test_a_count_goes_to_the_place_its_intent_was_met_at(counts: list[int]) -> None:
    stored = places.Places(BACKWARDS).written(counts)

    assert stored == list(reversed(counts))


@pytest.mark.parametrize("length", [0, 1, K - 1, K])
def test_an_array_of_before_an_intent_was_appended_has_none_of_it(length: int) -> None:
    counts = places.Places(present.INTENTS).read([7] * length)

    assert counts == [7] * length + [0] * (K - length)


def test_an_array_with_more_places_than_are_known_is_never_read_short() -> None:
    with pytest.raises(places.Grown) as caught:
        places.Places(present.INTENTS).read([0] * (K + 1))

    says = f"a stored array has {K + 1} places and this process knows {K}"
    assert str(caught.value).startswith(says)
    assert "restart it" in str(caught.value)


@pytest.mark.parametrize("counts", [[1] * (K - 1), [1] * (K + 1), []])
def test_what_is_no_count_of_every_intent_is_not_written(counts: list[int]) -> None:
    with pytest.raises(ValueError, match="zip"):
        places.Places(present.INTENTS).written(counts)


def test_a_place_of_an_intent_that_is_no_more_is_written_as_none() -> None:
    known = places.Places(("gone", *present.INTENTS))

    assert known.written([1] * K) == [0, *[1] * K]


def test_where_the_places_are_the_present_ones_rows_pass_as_they_are() -> None:
    rows = [row([1] * K), row([2] * K)]

    assert places.read(rows) is rows
    assert places.written(rows) is rows


def test_one_short_row_among_many_is_filled_up_and_the_others_keep_their_counts() -> None:
    long, short = row([2] * K), row([3])

    turned = places.read([long, short])

    assert [each["intent_low"] for each in turned] == [[2] * K, [3] + [0] * (K - 1)]
    assert short["intent_low"] == [3], "what was read stays as it was"
    assert [each["model"] for each in turned] == ["v1", "v1"]


def test_no_rows_are_no_rows() -> None:
    assert list(places.read([])) == []
    assert list(places.written([])) == []


@pytest.mark.usefixtures("backwards")
def test_every_array_of_a_row_is_turned_and_nothing_else() -> None:
    counts = list(range(K))

    (turned,) = places.read([row(counts)])
    (stored,) = places.written([turned])

    assert all(turned[name] == counts[::-1] for name in places.COLUMNS)
    assert turned["model"] == "v1"
    assert stored == row(counts)


@pytest.mark.usefixtures("backwards")
def test_a_window_is_read_through_the_places_of_its_database() -> None:
    counts = [5] + [0] * (K - 1)
    stored = windows.to_row(windows.Tally(n=5)) | row(counts)
    stored |= {"role": "champion", "horizon": "1h", "start": 0, "end": 1}
    stored |= {"revision": 1, "amended": False, "complete": True}

    window = places.window(stored)

    assert window.tally.intent_count.tolist() == [0] * (K - 1) + [5]


def test_the_arrays_over_intents_are_those_of_a_tally_without_the_scripts() -> None:
    assert set(places.COLUMNS) == set(windows.ARRAYS) - {"script_count"}
