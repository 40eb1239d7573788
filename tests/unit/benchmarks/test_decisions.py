"""The decision benchmark: a scenario follows from its seed, rivals do what their rule says, and an incident of every kind is played to its end."""

import dataclasses

import numpy as np
import pytest

from benchmarks.decisions import coverage, rivals, scenario, trial

SAME = rivals.Day(
    live=np.full(10, 200.0), reference=np.full(10, 800.0), low_confidence_rate=0.05, labels=400, right=370, confidence=0.91, confidences=(0.90, 0.91, 0.92)
)
MOVED = dataclasses.replace(SAME, live=np.array([900.0, *[122.0] * 9]), confidence=0.85)


@pytest.mark.parametrize("name", rivals.RIVALS)
def test_a_rival_alarms_at_a_large_move_and_not_at_none(name: str) -> None:
    assert not rivals.RIVALS[name](SAME)
    assert rivals.RIVALS[name](MOVED)


def test_bare_levels_take_the_plain_mean_of_the_labels() -> None:
    assert rivals.bare_levels(dataclasses.replace(SAME, right=350))


def test_a_scenario_follows_from_its_seed() -> None:
    small = dataclasses.replace(scenario.drawn(2), days=6, a_day=200, onset_day=5.0)
    first, again = scenario.history(small), scenario.history(small)
    assert first.logs == again.logs
    assert first.labels == again.labels
    assert {scenario.drawn(seed).kind for seed in range(7)} == set(scenario.KINDS)


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4])
def test_each_kind_of_incident_gets_its_answer(seed: int) -> None:
    drawn = dataclasses.replace(scenario.drawn(seed), days=13, onset_day=8.0, size=0.9)
    ours = trial.outcomes(drawn)[0]
    assert ours.who == trial.OURS
    assert ours.false_alarms == 0
    assert (ours.found, ours.named) == ((False, None) if drawn.kind == "none" else (True, True))


def test_the_interval_covers_and_the_naive_mean_is_far_off() -> None:
    found = coverage.figures(7, rounds=60)
    assert found.coverage > 0.85
    assert abs(found.bias) < 0.6
    assert found.naive_bias < -3
