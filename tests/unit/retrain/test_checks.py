"""Figures beside those that decide: weighted, with a noise floor, and the same whatever the order
of rows.
"""

import dataclasses

import builders
import numpy as np
import pytest

from retrain.evaluation import checks, samples, wishes
from schemas import present


def drawn(n: int, *, too_sure: float = 0.0, seed: int = 3) -> samples.Sample:
    """n labelled messages, unsure ones asked five times as often; each is right with the chance of
    its confidence less `too_sure`.
    """
    rng = np.random.default_rng(seed)
    confidence = np.where(rng.random(n) < 0.3, 0.6, 0.95)
    right = rng.random(n) < confidence - too_sure
    return builders.sample(
        right, confidence=confidence, p=np.where(confidence == 0.6, 0.5, 0.1), wrong="escalation"
    )


def named(sample: samples.Sample) -> dict[str, checks.Figure]:
    return {figure.name: figure for figure in checks.figures(sample)}


def test_hajek_weighs_what_the_plain_mean_does_not() -> None:
    sample = drawn(4_000)
    hajek, naive = named(sample)["hajek_accuracy"], float((sample.predicted == sample.label).mean())
    truth = (0.7 * 10 * 0.95 + 0.3 * 2 * 0.6) / (0.7 * 10 + 0.3 * 2)
    assert hajek.low is not None
    assert hajek.high is not None
    assert hajek.low < truth < hajek.high
    assert naive < hajek.low


def test_a_calibrated_model_shows_the_noise_floor_and_an_overconfident_one_its_excess() -> None:
    calibrated, sure = (
        named(drawn(1_000))["live_ece"],
        named(drawn(1_000, too_sure=0.15))["live_ece"],
    )
    assert calibrated.noise_floor is not None
    assert calibrated.value < 2 * calibrated.noise_floor
    assert sure.value == pytest.approx(0.15, abs=0.04)
    assert named(drawn(100))["live_ece"].noise_floor > calibrated.noise_floor  # type: ignore[operator]


def test_the_worst_confusion_is_the_one_that_harms_most_not_the_most_frequent() -> None:
    rows = (
        [("product_discovery", "recommendation")] * 5
        + [("order_tracking", "product_discovery")] * 2
        + [("faq", "faq")] * 93
    )
    figures = named(
        samples.sample((builders.AT, predicted, 0.9, 0.5, meant) for meant, predicted in rows)
    )
    assert figures["misroute_severity"].value == pytest.approx((5 * 0.1 + 2 * 1.0) / 100)
    worst = figures["confusion_concentration"]
    assert (worst.intent, worst.value, worst.n) == ("order_tracking", pytest.approx(2 / 2.5), 7)
    right = builders.sample([True] * 5)
    assert "confusion_concentration" not in named(right)


def test_the_order_of_rows_changes_no_bit_and_without_labels_nothing_is_said() -> None:
    sample = drawn(500)
    assert checks.figures(sample) == checks.figures(
        sample.chosen(np.random.default_rng(1).permutation(500))
    )
    waiting = builders.sample([None])
    assert checks.figures(waiting) == checks.figures(samples.sample(())) == ()


def test_the_second_wish_counts_as_right_only_beside() -> None:
    sample = builders.sample([False] * 10, wrong="order_tracking")
    also = wishes.of([1 << present.INDEX["faq"]] * 4 + [0] * 6)
    both = named(dataclasses.replace(sample, also=also))
    assert (both["any_of_accuracy"].value, both["hajek_accuracy"].value) == (
        pytest.approx(0.4),
        0.0,
    )
