"""The decision benchmark: rivals do what their rule says, real answers become chances, and the
estimate of live accuracy covers the truth.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from benchmarks.decisions import champions, coverage, messages, rivals, scenario, shops, worlds

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


def day(live: Sequence[float], **more: Any) -> rivals.Day:
    same: dict[str, Any] = {"low_confidence_rate": 0.05, "labels": 100, "right": 95}
    return rivals.Day(np.array(live), np.full(10, 800.0), **(same | more))


@pytest.mark.parametrize(
    ("more", "alarms"),
    [
        ({}, False),
        ({"right": 90}, False),  # 90 % is not under 90 %
        ({"right": 89}, True),
        ({"labels": 0, "right": 0}, False),  # nothing known is nothing wrong
        ({"low_confidence_rate": 0.08}, False),
        ({"low_confidence_rate": 0.081}, True),
    ],
)
def test_bare_levels_alarm_beyond_each_level_and_not_at_it(
    more: dict[str, Any], alarms: bool
) -> None:
    assert rivals.bare_levels(day([200.0] * 10, **more)) is alarms


@pytest.mark.parametrize("rule", rivals.RIVALS.values(), ids=rivals.RIVALS.keys())
def test_an_intent_nobody_names_that_day_breaks_no_rule(rule: Any) -> None:
    assert rule(day([0.0, 2000.0, *[0.0] * 8])) is True
    assert rule(day([200.0] * 10)) is False


@pytest.mark.parametrize("rule", rivals.RIVALS.values(), ids=rivals.RIVALS.keys())
def test_a_day_without_an_answer_breaks_no_rule(rule: Any) -> None:
    assert rule(day([0.0] * 10)) is False


# Real messages.


def pool(meant: Sequence[int], right: float, tokens: int) -> messages.Answers:
    n = len(meant)
    wrong = np.arange(n) >= right * n
    return messages.Answers(
        np.array(meant),
        np.where(wrong, (np.array(meant) + 1) % 10, meant),
        np.linspace(0.99, 0.5, n),
        np.full(n, tokens),
    )


def test_real_answers_become_chances_that_say_the_same_of_them() -> None:
    chances = pool([0] * 500 + [1] * 500, 0.75, 12).chances()

    # All of intent 0 and half of intent 1 are right; an intent nobody means is answered as all are.
    assert chances.recall[:3] == pytest.approx([1.0, 0.5, 0.75])
    assert chances.given.sum(axis=(1, 2)) == pytest.approx(np.ones(10))
    assert chances.tokens == 12
    low = chances.given[1][:, champions.CONFIDENCE < 0.6].sum()
    assert low == pytest.approx(0.1 / 0.245, abs=0.01)  # 0.6 to 0.5 of 0.745 to 0.5


def test_certain_answers_have_a_step_of_confidence_too() -> None:
    one = messages.Answers(np.array([0]), np.array([0]), np.array([1.0]), np.array([5]))
    assert one.chances().given[0, 0, -1] == 1
    assert one.accuracy == 1


def test_a_world_of_real_answers_changes_in_language_alone() -> None:
    home, later = pool([0] * 900, 1.0, 12).chances(), pool([0] * 900, 0.0, 8).chances()
    both = worlds.Real(home, later)
    for kind in messages.KINDS:
        told = dataclasses.replace(messages.drawn(kind, 1, 28), size=1 / 6)
        world = both.world(told, np.random.default_rng(1))
        half = kind == "language"
        assert world.before.recall[0] == 1
        assert world.after.recall[0] == pytest.approx(0.5 if half else 1.0)
        assert world.after.tokens == pytest.approx(10 if half else 12)


def test_real_messages_have_ten_intents_and_no_second_model() -> None:
    assert {
        messages.drawn(kind, seed, 28).intents for kind in messages.KINDS for seed in (1, 2)
    } == {shops.OURS}
    assert "bad_release" not in messages.KINDS
    assert set(scenario.QUIET) < set(messages.KINDS)


def test_the_interval_covers_and_the_naive_mean_is_far_off() -> None:
    figures = coverage.figures(7, rounds=60)
    assert figures.coverage > 0.85
    assert abs(figures.bias) < 0.6
    assert figures.naive_bias < -3
