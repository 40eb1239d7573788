"""Tallies add exactly and survive their trip through a row."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas import windows


def tally(seed: int) -> windows.Tally:
    rng = np.random.default_rng(seed)
    sample = windows.Tally(
        n=int(rng.integers(1, 99)), errors=1, latency_sum_us=int(rng.integers(1, 10**9))
    )
    for name in (
        "intent_count",
        "intent_low",
        "intent_fallback",
        "script_count",
        "latency_bins",
        "confidence_bins",
    ):
        setattr(sample, name, rng.integers(0, 3, size=len(getattr(sample, name))))
    return sample


def equal(a: windows.Tally, b: windows.Tally) -> bool:
    return windows.to_row(a) == windows.to_row(b)


@given(st.integers(0, 999), st.integers(0, 999), st.integers(0, 999))
def test_addition_is_commutative_and_associative_with_zero(a: int, b: int, c: int) -> None:
    x, y, z = tally(a), tally(b), tally(c)
    assert equal(x + y, y + x)
    assert equal((x + y) + z, x + (y + z))
    assert equal(x + windows.Tally(), x)


@given(st.integers(0, 999))
def test_a_row_gives_the_tally_back(seed: int) -> None:
    row = windows.to_row(tally(seed))
    assert set(row) == set(windows.TALLY_COLUMNS)
    assert equal(windows.from_row(row), tally(seed))
