"""The interval of KL holds the truth as often as it says, from no drift at all to a mix turned
over.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import present
from streams.stats import divergence

MIX = np.array([22.1, 15.2, 18.0, 8.0, 12.1, 7.0, 5.0, 4.1, 3.0, 5.5]) / 100
ROUNDS = 1_000


@pytest.mark.parametrize("moved", [0.0, 0.1, 0.3, 1.0])
@pytest.mark.parametrize(("n", "reference_n"), [(300, 15_000), (1_200, 1_200), (100_000, 200_000)])
def test_the_interval_covers_the_truth(n: int, reference_n: int, moved: float) -> None:
    rng = np.random.default_rng(n)
    mix = MIX * np.exp(moved * np.linspace(-1, 1, len(present.INTENTS)))
    mix /= mix.sum()
    truth = float((mix * np.log(mix / MIX)).sum())
    covered = 0
    for _ in range(ROUNDS):
        estimate = divergence.kl(
            live=rng.multinomial(n, mix), reference=rng.multinomial(reference_n, MIX)
        )
        low, high = divergence.interval(estimate, k=len(MIX), n=n, reference_n=reference_n)
        assert low <= estimate <= high
        covered += low <= truth <= high
    assert 0.92 < covered / ROUNDS < 0.995


def test_more_logs_narrow_it() -> None:
    widths = [
        high - low
        for low, high in (
            divergence.interval(0.05, k=10, n=n, reference_n=n) for n in (300, 3_000, 30_000)
        )
    ]
    assert widths == sorted(widths, reverse=True)


# KL is convex: what is mixed of several mixes is no farther from the reference than they are on
# average, so a week is no farther than its hours by their volume.

SHARES = st.lists(st.integers(1, 10_000), min_size=10, max_size=10)
SIZE = 1e10  # of each mix, so that half a log more of each intent is nothing


def scaled(shares: list[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Counts of these shares."""
    return np.array(shares) / sum(shares) * SIZE


@given(st.lists(st.tuples(SHARES, st.floats(0.01, 1.0)), min_size=1, max_size=6), SHARES)
def test_a_week_is_no_farther_from_its_reference_than_its_hours_by_volume(
    hours: list[tuple[list[int], float]], reference: list[int]
) -> None:
    counts = [scaled(shares) * volume for shares, volume in hours]
    volumes = [volume for _, volume in hours]
    against = scaled(reference)

    week = divergence.kl(live=sum(counts), reference=against)

    each = [divergence.kl(live=hour, reference=against) for hour in counts]
    assert week <= np.average(each, weights=volumes) + 1e-6


@given(SHARES, SHARES, st.floats(0.0, 1.0))
def test_between_two_references_a_mix_is_no_farther_than_from_both_on_average(
    one: list[int], other: list[int], part: float
) -> None:
    """Convex in the pair: the same part of both live mixes and of both references."""
    a, b = scaled(one), scaled(other)

    def between(first: list[int] | np.ndarray, second: list[int] | np.ndarray) -> np.ndarray:
        return part * np.asarray(first) + (1 - part) * np.asarray(second)

    mixed = divergence.kl(live=between(a, b), reference=between(b, a))

    apart = (divergence.kl(live=a, reference=b), divergence.kl(live=b, reference=a))
    assert mixed <= part * apart[0] + (1 - part) * apart[1] + 1e-6


def test_hours_of_0_011_are_no_week_of_0_029() -> None:
    """The seed's log has both: then its hours average 0.029 at least, or are other hours."""
    hours = [MIX * np.exp(moved * np.linspace(-1, 1, 10)) for moved in (0.165, 0.24, 0.315)]
    counts = [hour / hour.sum() * SIZE for hour in hours]
    each = [divergence.kl(live=hour, reference=MIX * SIZE) for hour in counts]

    assert np.mean(each) == pytest.approx(0.011, abs=0.001)
    assert divergence.kl(live=sum(counts), reference=MIX * SIZE) < np.mean(each) < 0.029
