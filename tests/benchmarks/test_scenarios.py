"""What a scenario is: it follows from its seed, and says what should be decided, and by when."""

import argparse
import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.decisions import __main__ as command
from benchmarks.decisions import champions, processes, scenario, shops, trial
from schemas import decisions, present, taxonomy

CHAMPION = champions.ALL[0]
EVERY = scenario.EVERY


@pytest.mark.parametrize("kind", EVERY)
def test_a_scenario_follows_from_its_seed(kind: str) -> None:
    first = scenario.drawn(kind, CHAMPION, 4)
    assert first == scenario.drawn(kind, CHAMPION, 4)
    assert first != scenario.drawn(kind, CHAMPION, 5)
    assert first.kind == kind
    assert first.onset_hour < first.hours


def test_two_plays_of_a_scenario_are_the_same_counts_and_labels() -> None:
    told = dataclasses.replace(scenario.drawn("language", CHAMPION, 2), intents=10, an_hour=20.0)
    one, again = trial.drawn(told), trial.drawn(told)
    assert np.array_equal(one.counts, again.counts)
    mine, theirs = (each.history.archives["v1"].said for each in (one, again))
    assert np.array_equal(mine.at_us, theirs.at_us)
    assert np.array_equal(mine.label, theirs.label)


def test_rules_are_tuned_on_other_seeds_than_are_reported() -> None:
    parser = command._arguments()
    tuning = parser.parse_args(["--tuning", "--scenarios", "999"])
    reported = parser.parse_args([])
    last_of_tuning = command._first(tuning) + tuning.scenarios - 1
    assert last_of_tuning < scenario.REPORTED <= command._first(reported)


def test_no_number_of_scenarios_reaches_from_the_tuning_seeds_into_the_reported_ones() -> None:
    with pytest.raises(SystemExit):
        command._arguments().parse_args(["--scenarios", "1000"])


def arguments(*given: str) -> argparse.Namespace:
    return command._arguments().parse_args(given)


def test_quick_is_a_seed_each_for_three_champions_in_half_the_days_and_alone() -> None:
    quick, full = arguments("--quick"), arguments()
    assert [len(command._champions(each)) for each in (quick, full)] == [3, 6]
    assert [command._days(each) for each in (quick, full)] == [14, 28]
    assert [command._alone(each) for each in (quick, full)] == [True, False]
    assert len(command._seeds("incidents", quick)) == len(command._seeds("quiet", quick)) == 1


def test_years_are_so_many_quiet_ones_of_each_champion_at_least() -> None:
    """Eleven kinds of four weeks are 0.84 years, so two years take three seeds of each."""
    assert list(command._seeds("quiet", arguments("--years", "2"))) == [1000, 1001, 1002]
    assert len(command._seeds("incidents", arguments("--scenarios", "5"))) == 5


def test_named_champions_and_kinds_must_be_known() -> None:
    given = arguments("--champions", "weak,timid", "--kinds", "sale")
    assert [each.name for each in command._champions(given)] == ["weak", "timid"]
    for unknown in (("--champions", "strongest"), ("--kinds", "sale,war")):
        with pytest.raises(SystemExit):
            arguments(*unknown)


@pytest.mark.parametrize("kind", EVERY)
def test_only_what_calls_for_an_act_has_an_answer_and_it_can_be_given(kind: str) -> None:
    wanted = scenario.drawn(kind, CHAMPION, 1).wanted
    assert (wanted is None) is (kind in scenario.QUIET)
    if wanted:
        assert wanted.decision in list(decisions.Kind)
        assert wanted.cause in list(decisions.Cause)


def test_late_labels_and_few_messages_give_time() -> None:
    usual = scenario.Scenario("language", CHAMPION, 1)
    late = dataclasses.replace(usual, people=scenario.People(delay_days=2.4))
    assert usual.wanted == scenario.Wanted("retrain", "language", 72)
    assert late.wanted == scenario.Wanted("retrain", "language", 72 + 72)
    failing = scenario.Scenario("errors", CHAMPION, 1, an_hour=5.0)
    assert failing.wanted == scenario.Wanted("fix_upstream", "pipeline", 24 + 80)


def test_a_fall_is_always_of_ten_points_with_the_usual_labels_but_for_what_hides_it() -> None:
    for kind in scenario.FALLS:
        told = scenario.drawn(kind, CHAMPION, 7)
        assert told.size == 1.0
        assert told.people.delay_days == scenario.People().delay_days
    assert scenario.drawn("fall_left_out", CHAMPION, 7).people.left_out == 0.6


def test_champions_are_of_80_to_97_percent_and_unsure_in_2_to_20() -> None:
    assert {min(c.accuracy for c in champions.ALL), max(c.accuracy for c in champions.ALL)} == {
        0.80,
        0.97,
    }
    assert {min(c.unsure for c in champions.ALL), max(c.unsure for c in champions.ALL)} == {
        0.02,
        0.20,
    }


# Shops.


@pytest.mark.parametrize("size", [3, 77])
def test_a_shops_file_is_a_taxonomy_with_rare_and_critical_intents(size: int) -> None:
    shop = taxonomy.parse(shops.taxonomy(size))
    assert len(shop.intents) == size
    assert any(intent.rare and intent.critical for intent in shop.intents)
    assert shops.mix(size).sum() == pytest.approx(1)


def test_each_shop_has_processes_of_its_own_and_this_one_stays_as_it_was(tmp_path: Path) -> None:
    onset = 21 * 24 + 5
    broken = scenario.Scenario(
        "tokenizer", CHAMPION, 1, size=1.0, onset_hour=onset, hours=onset + 7
    )
    told = [dataclasses.replace(broken, intents=size) for size in (10, 3)]
    environment = dict(os.environ)
    outcomes = list(processes.each(trial.played, told, tmp_path, "two shops"))
    assert [(one.scenario.intents, one.right) for one in outcomes] == [(10, True), (3, True)]
    assert os.environ.get(present.VARIABLE) == environment.get(present.VARIABLE)
