"""Traffic drawn as counts: what it draws agrees with itself and with what was asked for."""

import numpy as np
import pytest

from benchmarks.decisions import delays, traffic
from retrain.decide.history import scenes
from retrain.evaluation import live
from schemas import policy, windows
from streams.stats import proportion


def drawn(a_day: int, days: int = 10, seed: int = 3) -> tuple[scenes.History, traffic.World]:
    rng = np.random.default_rng(seed)
    world = traffic.still(rng)
    return traffic.history(traffic.Plan(days, a_day), world, world, rng), world


@pytest.mark.parametrize("a_day", [500, 50_000])
def test_every_count_of_a_tally_is_of_the_same_messages(a_day: int) -> None:
    history, _ = drawn(a_day)
    mine = history.archives["v1"]
    total = mine.tally(mine.rows(traffic.BEGIN, traffic.BEGIN + 10 * windows.HORIZONS["1d"]))
    assert total.n == pytest.approx(10 * a_day, rel=0.1)
    assert (
        total.answered
        == total.intent_count.sum()
        == total.script_count.sum()
        == total.confidence_bins.sum()
    )
    assert total.latency_bins.sum() == total.n
    assert total.confidence_bins[:60].sum() == total.intent_low.sum()
    assert (total.intent_fallback <= total.intent_low).all()
    assert sum(hour.n for hour in mine.answers) == total.answered


def test_the_estimate_from_its_labels_is_what_the_world_says() -> None:
    history, world = drawn(20_000, days=7)
    mine, end = history.archives["v1"], traffic.BEGIN + windows.HORIZONS["7d"]
    later = end + windows.HORIZONS["7d"]
    sampled = mine.sampled(traffic.BEGIN, end, as_of=later, rules=policy.Labels())
    accuracy = live.figures(sampled, mine.hours(mine.rows(traffic.BEGIN, end))).accuracy
    truth = float(world.mix @ world.recall) * (1 - 0.02 * 0.9)  # one label in fifty names anything
    assert accuracy.estimate is not None
    assert accuracy.high is not None
    # 99.9 %.
    assert abs(accuracy.estimate - truth) < 3.3 / proportion.Z95 * (
        accuracy.high - accuracy.estimate
    )
    assert accuracy.n_labels == pytest.approx(7 * 350 * 0.95, rel=0.2)


@pytest.mark.parametrize("kl", delays.KLS)
def test_a_tilted_mix_lies_as_far_off_as_it_was_told(kl: float) -> None:
    moved = traffic.tilted(traffic.MIX, kl, np.random.default_rng(4))
    assert float(np.sum(moved * np.log(moved / traffic.MIX))) == pytest.approx(kl, rel=1e-6)
    assert moved.sum() == pytest.approx(1)
