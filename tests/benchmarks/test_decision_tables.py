"""What the decision benchmark makes of decisions: what was right, in time, for nothing; figures
with their intervals, and the tables a reader sees.
"""

import dataclasses
import datetime as dt
from typing import Any

import pytest

from benchmarks.decisions import __main__ as command
from benchmarks.decisions import champions, figures, scenario, tables, trial
from schemas import decisions

CHAMPION = champions.ALL[0]
LANGUAGE = scenario.Scenario("language", CHAMPION, 1, onset_hour=600, hours=673)
CALM = scenario.Scenario("none", CHAMPION, 1, onset_hour=600, hours=24 * 41)
HOUR = dt.timedelta(hours=1)


def decided(
    hours: float, kind: str = "hold", cause: str | None = None, hold: str | None = None
) -> Any:
    """A decision so many hours after the onset."""
    reason = decisions.HoldReason(hold or "HEALTHY") if kind == "hold" else None
    return decisions.Decision(
        id=f"{hours}",
        at=LANGUAGE.onset + hours * HOUR,
        model="v1",
        decision=decisions.Kind(kind),
        hold_reason=reason,
        cause=None if cause is None else decisions.Cause(cause),
        reasons=(),
        policy_sha256="",
        sha256="",
        clause=decisions.Clause.CALM,
    )


def retrain(hours: float, cause: str = "language") -> Any:
    return decided(hours, "retrain", cause)


# One scenario.


@pytest.mark.parametrize(
    ("act", "right"),
    [
        (retrain(1), True),
        (retrain(72), True),
        (retrain(72.1), False),  # too late
        (retrain(5, "unknown"), False),  # another cause
        (decided(5, "reweight", "mix"), False),
        (decided(5), False),
    ],
)
def test_right_is_the_wanted_act_for_the_wanted_cause_in_time(act: Any, right: bool) -> None:
    assert trial.outcome(LANGUAGE, [decided(-1), act]).right is right


def test_what_was_done_first_counts() -> None:
    seen = trial.outcome(LANGUAGE, [decided(3, "reweight", "mix"), retrain(4)])
    assert (seen.right, seen.first and seen.first.hours) == (False, 3)
    assert seen.named == 4


def test_an_act_by_the_onset_is_needless_and_one_after_it_answers() -> None:
    seen = trial.outcome(LANGUAGE, [retrain(-80), retrain(0), retrain(2)])
    assert [act.hours for act in seen.needless] == [-80, 0]
    assert seen.right


@pytest.mark.parametrize(
    ("days", "count"),
    [
        ([], 0),
        ([5], 1),
        ([5, 5], 1),
        ([5, 8], 1),  # three days later to the second is still the same
        ([5, 8.01], 2),
        ([5, 7, 9, 11], 2),  # counted from the first of an episode, not from the last: 5 and 9
    ],
)
def test_acts_within_three_days_of_the_first_are_one(days: list[float], count: int) -> None:
    taken = [retrain(24 * day) for day in days]
    assert len(trial.outcome(CALM, taken).needless) == count
    alarms = [act.at for act in taken]
    assert len(trial.watched("somebody", CALM, alarms).needless) == count


def test_acts_of_two_kinds_are_two() -> None:
    taken = [retrain(1), decided(1, "reweight", "mix")]
    assert [act.decision for act in trial.outcome(CALM, taken).needless] == ["retrain", "reweight"]


def test_a_moved_season_may_ask_for_a_new_reference_and_for_nothing_else() -> None:
    season = dataclasses.replace(CALM, kind="season")
    taken = [decided(1, "reweight", "mix"), retrain(2)]
    assert [act.decision for act in trial.outcome(season, taken).needless] == ["retrain"]


def test_it_is_blind_from_the_hold_that_says_so() -> None:
    holds = [decided(1), decided(5, hold="WATCHING"), decided(7, hold="TOO_FEW_LABELS")]
    assert trial.outcome(LANGUAGE, holds).blind == 7
    assert trial.outcome(LANGUAGE, holds[:2]).blind is None


def test_a_holds_word_changes_only_in_quiet_hours() -> None:
    holds = [decided(-3), decided(-2, hold="WATCHING"), decided(-1), decided(2, hold="WATCHING")]
    seen = trial.outcome(LANGUAGE, holds)
    assert (seen.changes, seen.quiet_days) == (2, 3 / 24)


def test_who_names_no_cause_is_never_right_and_may_act() -> None:
    at = [LANGUAGE.onset + hours * HOUR for hours in (-100, 0, 12)]
    seen = trial.watched("somebody", LANGUAGE, at)
    assert (len(seen.needless), seen.right) == (2, False)
    assert seen.first == trial.Act("alarm", None, 12)
    assert seen.quiet_days == 600 / 24 - scenario.REFERENCE_DAYS


# Figures.


def outcome(told: scenario.Scenario = LANGUAGE, *acts: Any, **more: Any) -> trial.Outcome:
    return dataclasses.replace(trial.outcome(told, list(acts)), **more)


def test_a_share_without_anything_says_nothing() -> None:
    assert figures.share(0, 0) == {"k": 0, "n": 0, "low": 0.0, "high": 1.0}


def test_delays_are_over_what_is_known() -> None:
    # The 90th percentile of 100, 200, 300 lies at 280.
    assert figures.delays([100, None, 300, 200]) == {"median": 200.0, "p90": 280.0}
    assert figures.delays([None]) == {"median": None, "p90": None}


def test_a_row_counts_by_kind_and_by_champion() -> None:
    timid = dataclasses.replace(LANGUAGE, champion=champions.ALL[-1])
    (row,) = figures.rows([outcome(LANGUAGE, retrain(10)), outcome(timid)])
    of = row["incidents"]
    assert (of["right"]["k"], of["right"]["n"]) == (1, 2)
    assert of["kinds"]["language"]["hours"] == {"median": 10.0, "p90": 10.0}
    assert row["champions"]["timid"]["incidents"]["right"]["k"] == 0
    assert "language timid seed 1" in row["champions"]["timid"]["incidents"]["wrong"][0]


def test_needless_acts_are_by_the_year_of_days_in_which_nothing_called_for_one() -> None:
    """Two of 182.5 days are a year; what an incident's scenario did before its onset counts too."""
    half = outcome(CALM, retrain(1), quiet_days=182.5, changes=73)
    before = outcome(LANGUAGE, retrain(-30), quiet_days=182.5, changes=0)
    (row,) = figures.rows([half, before])
    assert row["quiet"]["years"] == 1.0
    assert row["quiet"]["a_year"] == 2.0
    assert row["quiet"]["acts"] == {"retrain": 2}
    assert row["quiet"]["changes_a_day"] == 0.2
    assert row["quiet_kinds"]["none"]["a_year"] == 2.0


def test_without_a_quiet_day_there_is_no_rate() -> None:
    assert figures.quiet([])["a_year"] is None


# The tables.


def measured(*outcomes: trial.Outcome) -> dict[str, Any]:
    made = {"date": "2026-04-20T10:00:00Z", "machine": "a machine", "seeds": [1000, 1007]}
    ours = [one for one in outcomes if one.who == trial.OURS]
    return made | {"rows": figures.rows(ours), "beside": figures.beside(outcomes)}


def lines(text: str) -> list[str]:
    return text.rstrip("\n").split("\n")


def test_the_table_of_incidents_as_a_reader_sees_it() -> None:
    assert lines(tables.incidents(measured(outcome(LANGUAGE, retrain(10)), outcome(LANGUAGE)))) == [
        "Incidents, measured 2026-04-20 on a machine, seeds 1000 to 1007: "
        "right decision and cause, in time.",
        "",
        "| champion | language | all (95 %) | median, 90 % |",
        "|---|---|---|---|",
        "| seed: 92.5 % right, 5 % unsure | 1/2 | 1/2 (9 to 91 %) | 10, 10 h |",
        "| all | 1/2 | 1/2 (9 to 91 %) | 10, 10 h |",
        "| median, 90 % of the first act | 10, 10 h |  |  |",
    ]


def test_the_table_of_falls_says_how_often_labels_were_said_not_to_tell() -> None:
    fall = dataclasses.replace(LANGUAGE, kind="fall")
    blind = outcome(fall, decided(40, hold="TOO_FEW_LABELS"))
    late = outcome(fall, decided(49, hold="TOO_FEW_LABELS"), retrain(60))
    assert lines(tables.falls(measured(blind, late)))[-1] == "| all | 1/2, 60, 60 h; 1; 2/2 |"


def test_the_table_of_quiet_time_has_a_line_for_each_champion_and_each_kind() -> None:
    calm = outcome(CALM, retrain(1), quiet_days=365.0, changes=365)
    head, _, heads, _, *rows = lines(tables.quiet(measured(calm)))
    assert head.startswith("Nothing to act on, measured 2026-04-20")
    assert heads.startswith("|  | years | retrain | rollback | fix upstream | reweight |")
    assert rows == [
        "| seed: 92.5 % right, 5 % unsure | 1 | 1 | 0 | 0 | 0 | 1 | 1 |",
        "| none | 1 | 1 | 0 | 0 | 0 | 1 | 1 |",
        "| all | 1 | 1 | 0 | 0 | 0 | 1 | 1 |",
    ]


def test_others_are_told_by_what_they_found_whatever_they_call_it_and_by_needless_alarms() -> None:
    at = [LANGUAGE.onset + hours * HOUR for hours in (-30, 12)]
    theirs = trial.watched("psi_chi2", LANGUAGE, at)
    ours = outcome(LANGUAGE, decided(-1), retrain(10))
    *_, mine, other = lines(tables.incidents(measured(ours, theirs)))
    assert mine.startswith("| intentwatch | 1/1, 10, 10 h | 0 in ")
    assert other.startswith("| psi_chi2 | 1/1, 12, 12 h | 91.25 in 0.01 years |")


def test_an_incident_that_nobody_found_says_so_though_somebody_cried_before() -> None:
    early = trial.watched("adwin", LANGUAGE, [LANGUAGE.onset - 30 * HOUR])
    calm = trial.watched("adwin", CALM, [CALM.onset + HOUR])
    *_, other = lines(tables.incidents(measured(outcome(), outcome(CALM), early, calm)))
    assert other.startswith("| adwin | 0/1, never | 1 | ")


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
    text = tables.incidents(measured(outcome()) | {"live_accuracy": accuracy})
    assert "Live accuracy from 499 labels a week, 2000 weeks" in text
    assert "covers the truth in 94.8 %, bias +0.01 points, width 4.20 points" in text
    assert "The naive mean has a bias of -7.30" in text


def test_the_table_of_real_messages_says_how_good_the_classifier_is() -> None:
    accuracy = {"home": 0.923, "later": 0.61}
    text = tables.messages(measured(outcome(LANGUAGE, retrain(9))) | {"accuracy": accuracy})
    assert "right in 92.3 % of messages like those it was trained on and in 61.0 % of" in text
    assert "| 1/1, 9, 9 h |" in text


def test_every_part_of_the_benchmark_has_a_table() -> None:
    assert list(command.PARTS) == list(command.TABLES)


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "", "1000"])
def test_a_number_of_scenarios_is_one_at_least_and_leaves_the_reported_seeds_alone(
    text: str,
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - argparse makes the sentence
        command._some(text)

    assert command._some("1") == 1
