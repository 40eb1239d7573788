"""The breaker opens on more than 100 bad in a row, or more than 5 % of any 1,000, however the logs
were cut into chunks.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.worker import breaker


def opened(bad: list[bool], cuts: list[int]) -> bool:
    health, troubles = breaker.FRESH, []
    for part in np.split(np.array(bad, dtype=np.bool_), sorted(cuts)):
        health, trouble = breaker.after(health, part)
        troubles.append(trouble)
    return any(troubles)


def defined(bad: list[bool]) -> bool:
    """The rule by its words."""
    longest = run = 0
    for one in bad:
        run = run + 1 if one else 0
        longest = max(longest, run)
    return longest > 100 or any(sum(bad[i : i + 1000]) > 50 for i in range(len(bad) - 999))


LIMITS = [
    ([True] * 100, False),
    ([True] * 101, True),
    ([False] * 949 + [True] * 51, True),
    ([False] * 950 + [True] * 50, False),
]


@pytest.mark.parametrize(("bad", "opens"), LIMITS)
def test_the_limits(bad: list[bool], opens: bool) -> None:
    assert opened(bad, []) is opens


@given(
    st.integers(0, 1_500),
    st.integers(0, 140),
    st.integers(0, 900),
    st.integers(1, 40),
    st.lists(st.integers(0, 2_500), max_size=6),
)
def test_it_is_the_rule_however_logs_were_cut(
    before: int, row: int, after: int, every: int, cuts: list[int]
) -> None:
    bad = [False] * before + [True] * row + [i % every == 0 for i in range(after)]
    assert opened(bad, [min(cut, len(bad)) for cut in cuts]) is defined(bad)


def troubled(bad: list[bool], size: int, *, restarts: bool = False) -> bool:
    """Whether reading in chunks of `size` stops; with `restarts` by a fresh worker each time, which
    knows the dead letters alone.
    """
    health = breaker.FRESH
    for begin in range(0, len(bad), size):
        if restarts:
            health = breaker.resumed([i for i, each in enumerate(bad[:begin]) if each], 0, begin)
        health, trouble = breaker.after(health, np.array(bad[begin : begin + size], dtype=np.bool_))
        if trouble:
            return True
    return False


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("size", [1, 7, 100, 5000])
@pytest.mark.parametrize(
    ("bad", "stops"),
    [
        ([True] * 100, False),
        ([True] * 101, True),
        ([False] * 40 + [True] * 101, True),
        (([False] * 19 + [True]) * 50, False),
        (([False] * 18 + [True]) * 60, True),
    ],
)
def test_trouble_does_not_depend_on_chunks_or_restarts(
    bad: list[bool], stops: bool, size: int, restarts: bool
) -> None:
    assert troubled(bad, size, restarts=restarts) is stops


def test_what_a_person_has_accepted_is_forgotten() -> None:
    assert breaker.resumed(range(150), 150, 150).in_a_row == 0
    assert breaker.resumed(range(150), 200, 150).in_a_row == 0
    assert breaker.resumed(range(160), 150, 160).in_a_row == 10
