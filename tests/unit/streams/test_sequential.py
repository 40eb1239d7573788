"""The bet on labels: hardly ever rich where there is nothing to find, quickly rich after a
collapse, however good the days before were.
"""

import math
import statistics
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.stats import sequential

WEEK = (0, 800, 1200)  # where bets on 1,400 labels begin: a week, three days, a day ago


def drawn(seed: int, accuracy: float, n: int) -> list[bool]:
    right: list[bool] = (np.random.default_rng(seed).random(n) < accuracy).tolist()
    return right


def test_at_its_limit_wealth_of_a_thousand_is_as_rare_as_promised() -> None:
    rich = sum(
        sequential.log10_e_value(drawn(seed, 0.9, 1400), [1.0] * 1400, 0.9, WEEK) >= 3
        for seed in range(2000)
    )
    assert rich <= 8  # 2 of 2,000 are expected at most; more than 8 has a chance of 0.0002


def test_a_bad_day_is_found_after_six_good_ones() -> None:
    days = [
        sequential.log10_e_value(
            drawn(seed, 0.93, 1200) + drawn(-seed % 97, 0.74, 200), [1.0] * 1400, 0.9, WEEK
        )
        for seed in range(50)
    ]
    alone = [
        sequential.log10_e_value(
            drawn(seed, 0.93, 1200) + drawn(-seed % 97, 0.74, 200), [1.0] * 1400, 0.9
        )
        for seed in range(50)
    ]
    assert sum(value >= 3 for value in days) >= 45
    assert sum(value >= 3 for value in alone) < 10, (
        "one bet on the whole week has lost too much on the good days"
    )


def test_a_fall_of_twelve_points_is_found_within_200_labels_in_most_weeks() -> None:
    """docs/sampling.md tells this figure. Steps of 20 labels, up to the 200 of the last day."""
    steps = range(20, 201, 20)

    def until(seed: int) -> int:
        right = drawn(seed, 0.92, 1200) + drawn(1000 + seed, 0.80, 200)
        return next(
            (
                n
                for n in steps
                if sequential.log10_e_value(right[: 1200 + n], [1.0] * (1200 + n), 0.9, WEEK) >= 3
            ),
            999,
        )

    assert statistics.median(until(seed) for seed in range(200)) <= 200


def test_a_bet_that_begins_after_the_last_label_changes_the_share_and_nothing_else() -> None:
    right = drawn(3, 0.7, 100)
    whole, half = (
        sequential.log10_e_value(right, [1.0] * 100, 0.9, starts) for starts in ((0,), (0, 100))
    )
    assert half < whole < half + np.log10(2) + 1e-9


def richest(right: Sequence[bool], weights: Sequence[float], starts: Sequence[int]) -> float:
    """The largest mean wealth after any label of bets on less than 0.9, each by its own product."""
    most = 1.0
    for last in range(1, len(right) + 1):
        wealths = []
        for start in starts:
            for bet in (0.05, 0.1, 0.2, 0.4, 0.7):
                played = zip(right[start:last], weights[start:last], strict=True)
                wealths.append(math.prod(1 + bet * w * (0.9 - y) / 0.1 for y, w in played))
        most = max(most, statistics.fmean(wealths))
    return most


@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 1.0)), max_size=30), st.integers(0, 30))
def test_the_evidence_is_the_largest_wealth_after_any_label(
    labels: list[tuple[bool, float]], later: int
) -> None:
    right = [each[0] for each in labels]
    weights = [each[1] for each in labels]
    starts = (0, min(later, len(labels)))
    evidence = sequential.log10_e_value(right, weights, 0.9, starts)
    assert 10**evidence == pytest.approx(richest(right, weights, starts))


def test_no_label_is_no_evidence() -> None:
    assert sequential.log10_e_value([], [], 0.9, (0, 0, 0)) == 0.0
