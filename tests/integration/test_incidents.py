"""An incident of every kind, from its first log to the decision that answers it, and a month
without any: the benchmark's scenarios against the whole rule.
"""

import dataclasses

import numpy as np
import pytest

from benchmarks.decisions import delays, scenario, traffic, trial, years
from schemas import present


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4])
def test_each_kind_of_incident_gets_its_answer(seed: int) -> None:
    drawn = dataclasses.replace(scenario.drawn(seed), days=13, onset_day=8.0, size=0.9)
    ours = trial.outcomes(drawn, scenario.history(drawn))[0]
    assert ours.who == trial.OURS
    assert ours.false_alarms == 0
    assert (ours.found, ours.named) == ((False, None) if drawn.kind == "none" else (True, True))


def test_nothing_is_done_in_a_quiet_month_and_others_are_heard_beside() -> None:
    alarms = years.alarms(200, 1, 28)
    assert (alarms[trial.OURS], alarms["hours"]) == (0, 28 * 24)
    row = years._row(200, [alarms])
    assert row["ours_interval"][1] > 1  # a month says little of a year, and the interval says so
    assert "| 200 |" in years.table([row])


def test_a_large_change_is_found_and_none_where_there_is_none() -> None:
    rng = np.random.default_rng(5)
    before = traffic.still(rng)
    far = traffic.World(traffic.tilted(before.mix, 0.19, rng), before.recall)
    assert delays.moved(far, before, rng)["breach"] == 1
    assert delays.worse(before, before, rng)["retrain"] is None
    collapsed = delays.worse(traffic.without(before, 12), before, rng)
    assert collapsed["retrain"] is not None
    assert collapsed["breach"] is not None
    assert 0 < collapsed["breach"] <= collapsed["retrain"]
    one = traffic.without(before, 10, delays.RARE)
    assert np.flatnonzero(one.recall != before.recall).tolist() == [present.INDEX[delays.RARE]]
