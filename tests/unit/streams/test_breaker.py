"""When a partition is too bad to read on: the same wherever chunks and restarts cut it."""

import numpy as np
import pytest

from streams import breaker


def troubled(bad: list[bool], size: int, *, restarts: bool = False) -> bool:
    """Whether reading in chunks of `size` stops; with `restarts` by a fresh worker each time, which knows the dead letters alone."""
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
def test_trouble_does_not_depend_on_chunks_or_restarts(bad: list[bool], stops: bool, size: int, restarts: bool) -> None:
    assert troubled(bad, size, restarts=restarts) is stops


def test_what_a_person_has_accepted_is_forgotten() -> None:
    assert breaker.resumed(range(150), 150, 150).in_a_row == 0
    assert breaker.resumed(range(150), 200, 150).in_a_row == 0
    assert breaker.resumed(range(160), 150, 160).in_a_row == 10
