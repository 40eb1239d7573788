"""No message has a say beyond fifty times the mean, whoever logged its probability."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.evaluation import live, samples

AT = dt.datetime(2026, 4, 20, 10, tzinfo=dt.UTC)


def week(ps: list[float], right: list[bool], n: int) -> float:
    """Live accuracy of `n` answers, of which so many are labelled, with these probabilities."""
    rows = [
        (AT, "faq", 0.9, p, "faq" if good else "chitchat")
        for p, good in zip(ps, right, strict=True)
    ]
    hour = {AT.replace(minute=0): live.Hour(n, 0.9 * n)}
    estimate = live.figures(samples.sample(rows), hour).accuracy.estimate
    assert estimate is not None
    return estimate


def test_one_wrong_answer_that_says_it_counts_for_ten_thousand_counts_for_fifty() -> None:
    """Of 10,000 answers 1,000 are labelled and 95 % right; the mean weight is 10, the cap 500."""
    right = [place % 20 != 0 for place in range(999)]
    honest = week([0.1] * 1000, [*right, True], 10_000)
    forged = week([0.1] * 999 + [0.0001], [*right, False], 10_000)

    assert honest == pytest.approx(0.95, abs=0.001)
    assert forged == pytest.approx(honest - 0.9 * 500 / 10_000, abs=0.003)


def test_weights_of_our_own_sampler_are_as_they_were() -> None:
    """Fifteen times between the likeliest and the least likely, in equal parts."""
    rows = [(AT, "faq", 0.9, p, "faq") for p in (0.01, 0.15)] * 50
    labelled = samples.sample(rows)

    assert live.capped(labelled, 5300).p.tolist() == labelled.p.tolist()


def test_no_label_and_no_answer_are_no_error() -> None:
    assert len(live.capped(samples.sample([]), 0)) == 0


@given(
    st.lists(st.floats(0.0001, 1), min_size=1, max_size=50),
    st.integers(1, 10**6),
)
def test_a_weight_never_grows_and_is_at_most_fifty_times_the_mean_or_one(
    ps: list[float], n: int
) -> None:
    labelled = samples.sample((AT, "faq", 0.9, p, "faq") for p in ps)
    weights = 1 / live.capped(labelled, n).p

    assert np.all(weights <= 1 / labelled.p + 1e-9)
    assert np.all(weights <= max(1.0, 50 * n / len(ps)) * (1 + 1e-9))
