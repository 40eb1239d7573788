"""The load test tells late from slow: what a neighbour took of the core is not the model's, what
the model took is.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from retrain.train import gate, loadtest
from schemas import policy, runs

RULES = policy.Gates()


class Model:
    """Answers after `late` seconds of the wall clock, `worked` of them on the CPU, message after
    message.
    """

    def __init__(self, took: Iterator[tuple[float, float]]) -> None:
        self.took, self.wall, self.cpu = took, 0.0, 0.0

    def classify(self, texts: list[str]) -> Any:
        late, worked = next(self.took)
        self.wall, self.cpu = self.wall + late, self.cpu + worked
        if texts == ["bad"]:
            raise ValueError(texts)


def measured(*took: tuple[float, float], **more: Any) -> loadtest.LoadTest:
    model = Model(itertools.cycle(took))
    return loadtest.run(model, ["hello"], clock=lambda: model.wall, work=lambda: model.cpu, **more)  # type: ignore[arg-type]


def verdict(load: loadtest.LoadTest) -> runs.Gate:
    serving = gate.Serving(
        load.p95_ms, load.error_rate, load.n, None, None, 0, load.work_p95_ms, load.core_share
    )
    return next(each for each in gate._serving(serving, RULES) if each.gate == "p95_latency_ms")


def test_on_a_core_of_its_own_the_wall_clock_decides() -> None:
    load = measured((0.004, 0.004))
    assert (load.n, load.p95_ms, load.work_p95_ms, load.core_share) == (
        1000,
        *[pytest.approx(4)] * 2,
        pytest.approx(1),
    )
    assert (verdict(load).verdict, verdict(load).value, verdict(load).note) == (
        runs.GateVerdict.PASS,
        pytest.approx(4),
        "",
    )


def test_a_slow_model_fails_on_a_free_machine_and_beside_a_neighbour() -> None:
    alone, beside = verdict(measured((0.040, 0.040))), verdict(measured((0.090, 0.040)))
    assert (alone.verdict, alone.value, alone.note) == (
        runs.GateVerdict.FAIL,
        pytest.approx(40),
        "",
    )
    assert (beside.verdict, beside.value) == (runs.GateVerdict.FAIL, pytest.approx(40))
    assert "wall-clock p95 was 90.0 ms" in beside.note


def test_a_neighbour_who_takes_the_core_now_and_then_does_not_decide() -> None:
    """One answer in ten waits: the share of all time hardly shows it, the slowest answers do."""
    load = measured(*[(0.004, 0.004)] * 9, (0.024, 0.004))
    assert load.core_share == pytest.approx(4 / 24)
    speed = verdict(load)
    assert (speed.verdict, speed.value) == (runs.GateVerdict.PASS, pytest.approx(4))
    assert speed.note == (
        "the machine was busy: 83 % of the slowest answers' time went to others; "
        "judged by CPU time; wall-clock p95 was 24.0 ms"
    )


def test_a_late_model_that_had_its_core_is_judged_by_the_wall_clock() -> None:
    # Under a tenth went to others: that makes nobody late.
    speed = verdict(measured((0.0160, 0.0145)))
    assert (speed.verdict, speed.value, speed.note) == (
        runs.GateVerdict.FAIL,
        pytest.approx(16),
        "",
    )


def test_a_load_test_ends_after_its_seconds() -> None:
    assert measured((1.0, 1.0), seconds=3.5).n == 4


def test_answers_that_fail_are_counted() -> None:
    model = Model(itertools.cycle([(0.001, 0.001)]))
    texts = ["hello"] * 10 + ["bad"] * 10  # the first ten warm up
    load = loadtest.run(model, texts, requests=20, clock=lambda: model.wall, work=lambda: model.cpu)  # type: ignore[arg-type]
    assert (load.n, load.error_rate) == (20, 0.5)
