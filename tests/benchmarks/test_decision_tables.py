"""What the decision benchmark makes of outcomes: who is right and how late, alarms a year with
their interval, and the tables a reader sees.
"""

import dataclasses
import datetime as dt
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.decisions import __main__ as command
from benchmarks.decisions import delays, rivals, scenario, traffic, trial, years
from schemas import present

BEGIN = scenario.BEGIN
DAY = dt.timedelta(days=1)


def outcome(kind: str = "language", **more: Any) -> trial.Outcome:
    """Found a day after the onset, its cause named, in a scenario of 18 days."""
    well: dict[str, Any] = {
        "who": "somebody",
        "days": 18.0,
        "false_alarms": 0,
        "found": True,
        "delay_hours": 24.0,
        "named": True,
    }
    return trial.Outcome(kind=kind, **(well | more))


def quiet(kind: str = "none", false_alarms: int = 0, days: float = 18.0) -> trial.Outcome:
    return outcome(
        kind, false_alarms=false_alarms, days=days, found=False, delay_hours=None, named=None
    )


# Episodes: what wakes a person once.


def acts(*days: float) -> list[dt.datetime]:
    return [BEGIN + day * DAY for day in days]


@pytest.mark.parametrize(
    ("days", "count"),
    [
        ([], 0),
        ([5], 1),
        ([5, 5], 1),
        ([5, 8], 1),  # three days later to the second is still the same
        ([5, 8.01], 2),
        ([5, 7, 9, 11], 2),  # counted from the first of an episode, not from the last: 5 and 9
        ([11, 5], 2),
    ],
)
def test_acts_within_three_days_of_the_first_are_one(days: list[float], count: int) -> None:
    assert trial.episodes(acts(*days)) == count


@given(st.lists(st.integers(0, 60), max_size=20), st.randoms())
def test_episodes_do_not_depend_on_order_and_are_no_more_than_acts(
    days: list[int], random: Any
) -> None:
    given_ = acts(*days)

    count = trial.episodes(random.sample(given_, len(given_)))

    assert count == trial.episodes(given_)
    assert (count > 0) is bool(days)
    assert count <= len(set(days))


# Alarms of somebody who names no cause.

LANGUAGE = dataclasses.replace(scenario.drawn(2), kind="language", onset_day=8.0)


def test_an_alarm_at_the_onset_itself_is_false_and_the_next_one_finds_it() -> None:
    seen = trial.watched("somebody", LANGUAGE, acts(8, 8.5))

    assert (seen.false_alarms, seen.found, seen.delay_hours, seen.named) == (1, True, 12.0, None)


def test_who_never_alarms_finds_nothing_and_is_never_wrong() -> None:
    seen = trial.watched("somebody", LANGUAGE, [])

    assert (seen.false_alarms, seen.found, seen.delay_hours) == (0, False, None)


@pytest.mark.parametrize("kind", scenario.QUIET)
def test_where_nothing_called_for_an_act_every_alarm_is_false(kind: str) -> None:
    calm = dataclasses.replace(LANGUAGE, kind=kind)

    seen = trial.watched("somebody", calm, acts(9, 13, 17))

    assert (seen.false_alarms, seen.found) == (3, False)


# One contestant's row.


def test_a_row_counts_what_was_found_of_each_kind_and_the_median_delay() -> None:
    row = command.row(
        "somebody",
        [
            outcome("language", delay_hours=10.0),
            outcome("language", delay_hours=40.0),
            outcome("language", delay_hours=12.0),
            outcome("language", found=False, delay_hours=None, named=None),
            outcome("mix", found=False, delay_hours=None, named=None),
        ],
    )

    assert row["kinds"]["language"] == {"n": 4, "found": 3, "median_delay_hours": 12.0}
    assert row["kinds"]["mix"] == {"n": 1, "found": 0, "median_delay_hours": None}
    assert row["kinds"]["pipeline"] == {"n": 0, "found": 0, "median_delay_hours": None}


def test_false_alarms_are_by_the_year_of_quiet_scenarios_alone() -> None:
    """Two of 182.5 days are a year; the alarm before an incident's onset is not among them."""
    row = command.row(
        "somebody",
        [
            quiet("none", false_alarms=2, days=182.5),
            quiet("label_flood", false_alarms=1, days=182.5),
            outcome("language", false_alarms=5),
        ],
    )

    assert row["quiet_years"] == 1.0
    assert row["false_alarms_a_year"] == 3.0
    assert row["false_alarms"] == {"none": 2, "label_famine": 0, "label_flood": 1}


def test_causes_are_counted_over_those_that_were_named() -> None:
    named = [outcome(named=True), outcome(named=False), outcome(named=None)]

    assert command.row("somebody", named)["cause_named"] == [1, 2]
    assert command.row("somebody", [outcome(named=None)])["cause_named"] is None


def test_without_a_quiet_scenario_there_is_no_rate_of_false_alarms() -> None:
    row = command.row("somebody", [outcome()])

    assert (row["quiet_years"], row["false_alarms_a_year"]) == (0.0, None)


def test_without_any_scenario_a_row_is_empty_and_whole() -> None:
    row = command.row("somebody", [])

    assert {kind["n"] for kind in row["kinds"].values()} == {0}
    assert list(row["kinds"]) == list(scenario.INCIDENTS)


# The tables.

MADE = {"date": "2026-04-20T10:00:00Z", "machine": "a machine", "seeds": [1000, 1209]}


def lines(text: str) -> list[str]:
    return text.rstrip("\n").split("\n")


def test_the_table_of_incidents_as_a_reader_sees_it() -> None:
    mine = [outcome("language"), quiet("none", 1, days=365.0)]
    other = [dataclasses.replace(each, named=None, found=False) for each in mine]
    rows = [command.row("intentwatch", mine), command.row("psi_chi2", other)]

    assert command._cells(rows) == [
        "| who | language | false alarms: nothing, famine, flood | right cause |",
        "|---|---|---|---|",
        "| intentwatch | 1/1, 24 h | 1, 0, 0 in 1 years | 1/1 |",
        "| psi_chi2 | 0/1 | 1, 0, 0 in 1 years | none named |",
    ]


def test_the_sentence_on_live_accuracy_has_every_figure_with_its_unit() -> None:
    accuracy = {
        "labels": 498.6,
        "rounds": 2000,
        "coverage": 0.9485,
        "bias": 0.014,
        "width": 4.2,
        "naive_bias": -7.3,
        "uniform_width": 5.1,
        "least_width": 3.9,
    }
    rows = [command.row("intentwatch", [outcome()])]

    text = command.table(MADE | {"rows": rows, "live_accuracy": accuracy})

    assert lines(text)[0] == ("Incidents, measured 2026-04-20 on a machine, seeds 1000 to 1209.")
    assert "Live accuracy from 499 labels a week, 2000 weeks" in text
    assert "covers the truth in 94.8 %, bias +0.01 points, width 4.20 points" in text
    assert "The naive mean has a bias of -7.30" in text


def test_the_table_of_real_messages_says_how_good_the_classifier_is() -> None:
    rows = [command.row("intentwatch", [outcome()])]

    text = command.real_table(MADE | {"rows": rows, "accuracy": {"home": 0.923, "later": 0.61}})

    assert "right in 92.3 % of messages like those it was trained on and in 61.0 % of" in text


def test_every_part_of_the_benchmark_has_a_table() -> None:
    assert list(command.PARTS) == list(command.TABLES)


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", ""])
def test_a_number_of_scenarios_is_one_at_least(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - argparse makes the sentence
        command._some(text)

    assert command._some("1") == 1


# Quiet years.


def year(ours: int = 0, hours: int = 8760, watching: int = 0, **rivals_: int) -> dict[str, int]:
    kinds = {"retrain": ours, "rollback": 0, "fix_upstream": 0, "reweight": 0}
    return {trial.OURS: ours, "hours": hours, "watching": watching} | kinds | rivals_


def test_years_without_an_alarm_still_have_an_upper_end() -> None:
    """Nothing in four years: Poisson's exact 95 % goes up to 3.689 / 4 = 0.922 a year."""
    row = years._row(1_000, [year()] * 4)

    assert (row["years"], row["acts"], row["a_year"][trial.OURS]) == (4, 0, 0.0)
    assert row["ours_interval"] == [0.0, 0.922]


def test_three_acts_in_two_years_are_one_and_a_half_a_year_with_poissons_interval() -> None:
    """Garwood's interval of 3 is 0.619 to 8.767; halved 0.309 to 4.384."""
    row = years._row(1_000, [year(1), year(2)])

    assert row["a_year"][trial.OURS] == 1.5
    assert row["ours_interval"] == [0.309, 4.384]
    assert row["ours_by_kind"]["retrain"] == 3


def test_a_rival_is_counted_by_the_year_too_and_one_that_was_silent_is_zero() -> None:
    rival, silent = list(rivals.RIVALS)[:2]

    row = years._row(100, [year(**{rival: 5}), year(**{rival: 2})])

    assert (row["a_year"][rival], row["a_year"][silent]) == (3.5, 0.0)


def test_watching_is_a_share_of_the_hours() -> None:
    row = years._row(100, [year(hours=1000, watching=10), year(hours=1000, watching=50)])

    assert row["watching"] == 0.03


def test_the_table_of_quiet_years() -> None:
    rows = [years._row(100_000, [year(1), year(0)])]

    head, _, line = lines(years.table(rows))

    assert head.split(" | ")[-len(rivals.RIVALS) :][0] == next(iter(rivals.RIVALS))
    assert line.startswith("| 100,000 | 2 | 0.5 (0.013 to 2.786) | 1, 0, 0; 0 | 0 | ")
    assert head.count("|") == line.count("|")


# How soon.


def delayed(*delays_: int | None) -> list[dict[str, int | None]]:
    return [{"breach": each} for each in delays_]


def test_delays_are_over_the_rounds_in_which_it_was_found() -> None:
    row = delays._row("points", 5.0, delayed(100, None, 300, 200))

    assert (row["rounds"], row["unit"]) == (4, "labels")
    # The 90th percentile of 100, 200, 300 lies at 280.
    assert row["stages"]["breach"] == {"found": 3, "median": 200, "p90": pytest.approx(280)}


def test_what_was_never_found_has_no_delay() -> None:
    row = delays._row("kl", 0.0, delayed(None, None))

    assert row["unit"] == "windows of 1,000"
    assert row["stages"]["breach"] == {"found": 0, "median": None, "p90": None}


def test_the_table_of_delays_leaves_blank_what_was_never_found() -> None:
    rows = [
        delays._row("kl", 0.028, delayed(2, 4)),
        delays._row("points", 2.3, delayed(None)),
        delays._row("rare", 10.0, delayed(1)),
    ]

    table = lines(delays.table(rows))

    assert table[2:] == [
        "| mix moved by KL 0.028 | windows of 1,000 | breach | 2/2 | 3 | 3.8 |",
        "| accuracy less 2.3 points | labels | breach | 0/1 |  |  |",
        "| checkout_help loses 10 points of recall | labels | breach | 1/1 | 1 | 1 |",
    ]


# Scenarios.


@functools.cache
def played(kind: str, seed: int = 4, **more: Any) -> scenario.History:
    """Six short days of a kind at its worst, whose onset is at noon of the fourth."""
    base = scenario.Scenario(kind, seed, size=1.0, onset_day=3.5, days=6, a_day=80)
    return scenario.history(dataclasses.replace(base, **more))


def after(history: scenario.History) -> list[bool]:
    return [log.ts >= BEGIN + 3.5 * DAY for log in history.logs]


def test_logs_come_in_order_of_time_within_their_days() -> None:
    stamps = [log.ts for log in played("none").logs]

    assert stamps == sorted(stamps)
    assert len(stamps) == 480
    assert stamps[0] >= BEGIN
    assert stamps[-1] < BEGIN + 6 * DAY


@pytest.mark.parametrize("kind", scenario.KINDS)
def test_only_what_calls_for_an_act_is_an_incident(kind: str) -> None:
    incidents = played(kind).incidents

    if kind in scenario.QUIET:
        assert incidents == []
    else:
        (incident,) = incidents
        assert (incident.kind, incident.started) == (kind, BEGIN + 3.5 * DAY)


def test_a_bad_release_is_another_model_from_the_onset_on() -> None:
    history = played("bad_release")

    for log, late in zip(history.logs, after(history), strict=True):
        assert log.model == ("v2" if late else "v1")


@pytest.mark.parametrize(("seed", "by_error"), [(4, True), (5, False)])
def test_half_of_the_broken_pipelines_fail_and_half_tell_it_in_the_tokenizer_alone(
    seed: int, by_error: bool
) -> None:
    history = played("pipeline", seed)
    broken = [log.error is not None or log.tokenizer_hash == "c0ffee" for log in history.logs]

    assert any(log.error is not None for log in history.logs) is by_error
    assert not any(b and not late for b, late in zip(broken, after(history), strict=True))


def test_labels_are_of_messages_that_were_asked_about_and_come_in_order() -> None:
    history = played("none")
    asked = {log.req_id: log.ts for log in history.logs if log.sample is not None}

    assert {label.req_id for label in history.labels} == set(asked)
    assert all(label.labelled_at >= asked[label.req_id] for label in history.labels)
    times = [label.labelled_at for label in history.labels]
    assert times == sorted(times)


def late_labels(history: scenario.History, annotator: str | None = None) -> int:
    """Labels of messages from after the onset."""
    late = {log.req_id for log in history.logs if log.ts >= BEGIN + 3.5 * DAY}
    mine = [label for label in history.labels if annotator in (None, label.annotator)]
    return sum(label.req_id in late for label in mine)


def test_a_famine_leaves_hardly_any_label_and_a_flood_brings_a_script() -> None:
    calm = late_labels(played("none"))

    assert calm > 50
    assert late_labels(played("label_famine")) < calm / 5
    assert late_labels(played("none"), "bot") == 0
    assert late_labels(played("label_flood"), "bot") > calm / 5


def test_a_script_labels_before_people_or_after_them() -> None:
    def first(seed: int) -> list[str]:
        """Who labelled first, of each message that the script labelled."""
        by_message: dict[str, list[str]] = {}
        for label in played("label_flood", seed).labels:
            by_message.setdefault(label.req_id, []).append(label.annotator)
        return [said[0] for said in by_message.values() if "bot" in said]

    before = first(4)
    assert before.count("bot") > 0.9 * len(before)
    assert "bot" not in first(5)


def test_a_worse_language_is_answered_worse_and_less_surely() -> None:
    history = played("language", a_day=1_000)
    late = np.array(after(history))
    sure = np.array([log.confidence or 0.0 for log in history.logs])

    assert history.right[~late].mean() - history.right[late].mean() > 0.2
    assert sure[~late].mean() - sure[late].mean() > 0.05


# Traffic as counts.


def test_cells_are_chances_of_all_there_is() -> None:
    world = traffic.still(np.random.default_rng(1))

    cells = world.cells()

    assert cells.shape == (10 * 10 * 25,)
    assert cells.sum() == pytest.approx(1)
    assert (cells >= 0).all()


def test_the_cells_of_an_intent_add_up_to_its_share_and_its_recall() -> None:
    world = traffic.World(traffic.MIX, np.full(10, 0.9))
    cells = world.cells().reshape(10, 10, 25)

    by_intent = cells.sum(axis=(1, 2))
    right = np.array([cells[i, i].sum() for i in range(10)])

    assert by_intent == pytest.approx(traffic.MIX)
    assert right / by_intent == pytest.approx(np.full(10, 0.9))


def test_a_world_loses_recall_of_one_intent_or_of_all() -> None:
    world = traffic.World(traffic.MIX, np.full(10, 0.9))
    faq = present.INDEX["faq"]

    one = traffic.without(world, 10.0, "faq").recall
    every = traffic.without(world, 10.0).recall

    assert one[faq] == pytest.approx(0.8)
    assert np.delete(one, faq) == pytest.approx(np.full(9, 0.9))
    assert every == pytest.approx(np.full(10, 0.8))
    assert traffic.without(world, 0.0).recall == pytest.approx(world.recall)


def test_a_mix_tilted_by_nothing_stays() -> None:
    moved = traffic.tilted(traffic.MIX, 0.0, np.random.default_rng(1))

    assert moved == pytest.approx(traffic.MIX)


# Rivals.


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
