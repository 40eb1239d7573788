"""A chunk is cut without losing or doubling an offset, whatever holes a compacted or pruned
partition has.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.count import chunks, observe


def chunk(*offsets: int, low: int | None = None, high: int | None = None) -> chunks.Chunk:
    """Records at these offsets; each value is its offset."""
    first = offsets[0] if offsets else 0
    last = offsets[-1] if offsets else 0
    return chunks.Chunk(
        topic="t",
        part=3,
        claim=7,
        low=first if low is None else low,
        high=last + 1 if high is None else high,
        offsets=offsets,
        values=[b"%d" % offset for offset in offsets],
        batch=[False] * len(offsets),
        appended_ms=list(offsets),
    )


def test_a_cut_without_holes_is_the_offsets_between() -> None:
    middle = chunk(10, 11, 12, 13).cut(1, 3)

    assert (middle.low, middle.high) == (11, 13)
    assert list(middle.values) == [b"11", b"12"]


def test_the_hole_before_the_first_record_belongs_to_the_first_cut() -> None:
    part = chunk(10, 11, low=4)

    assert part.cut(0, 1).low == 4
    assert part.cut(1, 2).low == 11


def test_a_hole_between_two_records_belongs_to_the_one_before_it() -> None:
    """Offsets 12 to 19 hold nothing: who has counted 11 has counted as far as 20."""
    part = chunk(10, 11, 20)

    assert (part.cut(0, 2).low, part.cut(0, 2).high) == (10, 20)
    assert (part.cut(2, 3).low, part.cut(2, 3).high) == (20, 21)


def test_the_hole_after_the_last_record_belongs_to_the_last_cut() -> None:
    part = chunk(10, 11, high=15)

    assert part.cut(1, 2).high == 15
    assert part.cut(0, 1).high == 11


def test_a_cut_keeps_where_it_comes_from_and_who_has_claimed_it() -> None:
    part = chunk(1, 2).cut(0, 1)

    assert (part.topic, part.part, part.claim) == ("t", 3, 7)


GAPS = st.lists(st.integers(1, 5), min_size=1, max_size=12)


@st.composite
def holed(draw: st.DrawFn) -> chunks.Chunk:
    """A chunk with holes before, between and after its records."""
    offsets = []
    offset = draw(st.integers(0, 5))
    low = offset
    for gap in draw(GAPS):
        offset += gap
        offsets.append(offset)
    return chunk(*offsets, low=low, high=offset + draw(st.integers(1, 5)))


@given(holed(), st.data())
def test_two_cuts_cover_the_whole_once(part: chunks.Chunk, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(part.offsets)))

    first, second = part.cut(0, place), part.cut(place, len(part.offsets))

    assert first.low == part.low
    assert first.high == second.low
    assert second.high == part.high
    assert [*first.offsets, *second.offsets] == list(part.offsets)
    assert [*first.values, *second.values] == list(part.values)
    assert [*first.appended_ms, *second.appended_ms] == list(part.appended_ms)


@given(holed(), st.integers(-3, 80))
def test_since_an_offset_nothing_before_it_is_left_and_everything_after_it_is(
    part: chunks.Chunk, offset: int
) -> None:
    rest = part.since(offset)

    assert list(rest.offsets) == [each for each in part.offsets if each >= offset]
    assert rest.high == part.high
    assert rest.low >= part.low


@pytest.mark.parametrize("offset", [-1, 0, 4])
def test_since_its_begin_or_before_is_the_very_chunk(offset: int) -> None:
    part = chunk(10, 11, low=4)

    assert part.since(offset) is part


def test_since_its_end_it_is_empty() -> None:
    rest = chunk(10, 11, high=15).since(15)

    assert (rest.low, rest.high, list(rest.offsets)) == (15, 15, [])


@pytest.mark.parametrize(
    ("low", "deleted", "says"),
    [
        (0, 1, "offsets 0 to 0 (1 records) were deleted before they were read"),
        (100, 50, "offsets 100 to 149 (50 records) were deleted before they were read"),
    ],
)
def test_what_retention_took_unread_is_one_letter_that_names_the_gap(
    low: int, deleted: int, says: str
) -> None:
    part = chunks.Chunk("t", 0, 1, low, low + deleted, [], [], [], [], deleted=deleted)

    letter = observe.deleted(part)

    assert letter.detail == says
    assert (letter.offset, letter.line, letter.reason, letter.raw) == (
        low,
        0,
        "deleted_unread",
        b"",
    )
