"""Estimates from sampled labels are right where the naive mean is far off; hours whose labels are
still to come are left out.
"""

import datetime as dt

import numpy as np
import pytest

from retrain.evaluation import live, samples
from schemas import present

HOUR = dt.datetime(2026, 4, 20, 10, tzinfo=dt.UTC)
Row = tuple[dt.datetime, str, float, float, str | None]


def traffic(
    rng: np.random.Generator, n: int, hour: dt.datetime = HOUR
) -> tuple[list[Row], live.Hour, float]:
    """n answers, right with the probability of their confidence, unsure ones sampled ten times as
    often.
    """
    confidence = np.where(rng.random(n) < 0.1, 0.5, 0.96)
    right = rng.random(n) < confidence
    p = np.where(confidence < 0.6, 0.5, 0.05)
    chosen = rng.random(n) < p
    rows: list[Row] = [
        (hour, "faq", float(c), float(q), "faq" if r else "chitchat")
        for c, r, q, s in zip(confidence, right, p, chosen, strict=True)
        if s
    ]
    return rows, live.Hour(n, float(confidence.sum())), float(right.mean())


def test_the_estimate_is_unbiased_and_its_interval_covers_while_the_naive_mean_is_far_off() -> None:
    rng = np.random.default_rng(7)
    errors, naive, covered = [], [], 0
    for _ in range(400):
        sampled, hour, truth = traffic(rng, 3000)
        accuracy = live.figures(samples.sample(sampled), {HOUR: hour}).accuracy
        assert accuracy.estimate is not None
        assert accuracy.low is not None
        assert accuracy.high is not None
        assert accuracy.naive is not None
        errors.append(accuracy.estimate - truth)
        naive.append(accuracy.naive - truth)
        covered += accuracy.low <= truth <= accuracy.high
    assert abs(np.mean(errors)) < 0.003
    assert np.mean(naive) < -0.15
    assert covered / 400 > 0.93


def test_an_hour_without_its_labels_is_left_out_whole() -> None:
    rng = np.random.default_rng(1)
    done, hour, _ = traffic(rng, 2000)
    later = HOUR + dt.timedelta(hours=1)
    waiting = [(*row[:4], None) for row in traffic(rng, 2000, later)[0]]
    with_wait = live.figures(
        samples.sample([*done, *waiting]), {HOUR: hour, later: live.Hour(2000, 1000.0)}
    ).accuracy
    assert with_wait == live.figures(samples.sample(done), {HOUR: hour}).accuracy


def test_without_labels_nothing_is_said() -> None:
    figures = live.figures(samples.sample([]), {HOUR: live.Hour(100, 90.0)})
    assert [f.estimate for f in figures.every] == [None] * (2 + len(present.INTENTS))
    assert figures.accuracy.n_predictions == 100


def test_rare_recall_weighs_each_label_by_its_probability() -> None:
    rows = [(HOUR, "escalation", 0.9, 1.0, "escalation")] * 3 + [
        (HOUR, "faq", 0.9, 0.25, "escalation")
    ]
    rare = live.figures(samples.sample(rows), {HOUR: live.Hour(10, 9.0)}).rare_recall
    assert rare.estimate == pytest.approx(3 / 7)
    assert rare.n_labels == 4


def test_estimates_do_not_depend_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(3)
    rows, hour, _ = traffic(rng, 5000)
    shuffled = [rows[i] for i in rng.permutation(len(rows))]

    once = live.figures(samples.sample(rows), {HOUR: hour})
    again = live.figures(samples.sample(shuffled), {HOUR: hour})
    assert again.every == once.every
