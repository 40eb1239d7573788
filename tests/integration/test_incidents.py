"""Incidents, from its first hour to the decision that answers it: the benchmark's
scenarios against the whole rule.
"""

import dataclasses

import pytest

from benchmarks.decisions import champions, scenario, trial


@pytest.mark.parametrize("kind", ["language", "rare_intent", "errors", "tokenizer"])
def test_each_kind_of_incident_gets_its_answer(kind: str) -> None:
    told = scenario.Scenario(kind, champions.ALL[0], 1, onset_hour=26 * 24 + 8, hours=40 * 24)
    ours = trial.played(told)
    assert (ours.needless, ours.right) == ((), True), ours


def test_nothing_is_done_in_two_quiet_weeks() -> None:
    calm = scenario.Scenario("none", champions.ALL[0], 1, hours=35 * 24)
    ours = trial.played(dataclasses.replace(calm, held_out=False))
    assert (ours.needless, ours.quiet_days) == ((), 14)
