"""The interval of KL holds the truth as often as it says, from no drift at all to a mix turned
over.
"""

import numpy as np
import pytest

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
