"""The decision benchmark: a scenario follows from its seed, and rivals do what their rule says."""

import dataclasses
import datetime as dt

import numpy as np
import pytest

from benchmarks.decisions import coverage, messages, rivals, scenario, trial

SAME = rivals.Day(
    live=np.full(10, 200.0),
    reference=np.full(10, 800.0),
    low_confidence_rate=0.05,
    labels=400,
    right=370,
)
MOVED = dataclasses.replace(SAME, live=np.array([900.0, *[122.0] * 9]))


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


def _pool(truth: list[int], right: float, tokens: int) -> scenario.Answers:
    n = len(truth)
    wrong = np.arange(n) >= right * n
    return scenario.Answers(
        np.array(truth),
        np.where(wrong, (np.array(truth) + 1) % 10, truth),
        np.linspace(0.99, 0.5, n),
        np.full(n, tokens),
    )


def test_a_world_of_real_answers_changes_at_the_onset_only_and_as_its_kind_says() -> None:
    world = messages.World(
        home=_pool([0] * 500 + [1] * 500, 1.0, 12), later=_pool([2] * 1000, 0.0, 8)
    )
    after = np.arange(8000) >= 4000
    for kind in messages.KINDS:
        answers = world.draw(
            dataclasses.replace(scenario.drawn(0), kind=kind, size=0.5),
            np.random.default_rng(1),
            after,
        )
        assert set(answers.truth[~after]) == {0, 1}
        assert (answers.tokens[after] == 8).mean() == pytest.approx(
            0.5 if kind == "language" else 0, abs=0.05
        )
        assert (answers.truth == answers.predicted).mean() == pytest.approx(
            0.75 if kind == "language" else 1, abs=0.03
        )
    shares = []
    for seed in range(40):
        moved = world.draw(
            dataclasses.replace(scenario.drawn(1), kind="mix", size=1.0),
            np.random.default_rng(seed),
            after,
        )
        assert (moved.truth[~after] == 0).mean() == pytest.approx(0.5, abs=0.05)
        shares.append((moved.truth[after] == 0).mean())
    assert max(shares) == pytest.approx(3.5 / 4.5, abs=0.05)


def test_a_tool_is_shown_the_answers_the_labels_as_they_came_and_nothing_that_failed() -> None:
    # A pipeline that fails by errors.
    small = dataclasses.replace(scenario.drawn(10), days=6, a_day=200, onset_day=5.0)
    history = scenario.history(small)
    seen = trial.sight(history)
    assert len(seen["ts"]) == sum(log.error is None for log in history.logs) < len(history.logs)
    assert list(seen["told"]) == sorted(seen["told"])
    assert 0.8 < seen["right"].mean() < 1
    assert seen["until"] == 4 * 86_400


def test_an_alarm_is_false_before_the_onset_and_an_answer_after_it() -> None:
    drawn = dataclasses.replace(scenario.drawn(1), onset_day=8.0)
    days = [scenario.BEGIN + dt.timedelta(days=day) for day in (5, 9, 13)]
    outcome = trial.watched("somebody", drawn, days)
    assert (outcome.false_alarms, outcome.found, outcome.delay_hours) == (1, True, 24.0)
    quiet = trial.watched("somebody", dataclasses.replace(drawn, kind="none"), days)
    assert (quiet.false_alarms, quiet.found) == (3, False)


def test_the_interval_covers_and_the_naive_mean_is_far_off() -> None:
    figures = coverage.figures(7, rounds=60)
    assert figures.coverage > 0.85
    assert abs(figures.bias) < 0.6
    assert figures.naive_bias < -3
