"""Labels that take longer than a week: their figures are of the newest week whose labels are there,
and say how old it is.
"""

import dataclasses
import datetime as dt
import functools

import numpy as np
import pytest

from benchmarks.decisions import champions, scenario, trial
from retrain.decide import evaluate
from retrain.decide.history import scenes
from retrain.decide.view import View
from retrain.evaluation import samples
from retrain.labels import lateness, votes
from schemas import decisions, policy, runs, times

RULES = policy.Policy()
DAY = dt.timedelta(days=1)
DAYS, ONSET = 36, 15


@functools.cache
def drawn() -> scenes.History:
    """Five weeks of 600 messages a day; on day 15 twenty points of accuracy are lost."""
    told = scenario.Scenario(
        "sure_wrong",
        champions.ALL[0],
        seed=11,
        size=1.0,
        an_hour=25,
        people=scenario.People(budget=240),
        onset_hour=ONSET * 24,
        hours=DAYS * 24,
    )
    return trial.drawn(told).history


def history(hours_late: float) -> scenes.History:
    """These weeks, labelled so many hours late, or up to six more."""
    rng = np.random.default_rng(12)
    known = drawn()
    mine = known.archives["v1"]
    wait = int(hours_late * 3_600_000_000)
    asked_us = mine.asked.ts_us[mine.said.row]
    few = rng.integers(0, 6 * 3_600_000_000, len(asked_us))
    said = dataclasses.replace(mine.said, at_us=asked_us + wait + few)
    later = dataclasses.replace(mine, said=said)
    return dataclasses.replace(known, archives={"v1": later})


def view(known: scenes.History, day: int, reference: runs.Reference | None = None) -> View:
    """The view at the end of a day."""
    end = scenario.BEGIN + day * DAY
    return scenes.view(known, "v1", end, reference, RULES.labels)


@pytest.mark.parametrize(
    ("hours_late", "days"),
    [(0, 0), (24, 0), (48, 0), (72, 0), (120, 6), (168, 8), (240, 11), (336, 15)],
)
def test_figures_are_of_the_newest_week_whose_labels_are_there(
    hours_late: float, days: int
) -> None:
    here = view(history(hours_late), 30)

    assert here.age == days * DAY
    recent = here.recent("7d")
    assert times.from_micros(int(recent.ts_us.max())) < here.at - days * DAY
    accuracy = here.figures("7d").accuracy
    assert accuracy.n_labels > 400


def test_a_fall_is_found_once_its_labels_are_there_and_told_with_their_age() -> None:
    """Twenty points are lost on day 15, labels take ten days."""
    promised = scenes.learnt(history(0).archives["v1"], scenario.BEGIN + 14 * DAY, RULES.labels)
    late = history(240)
    taken = {}
    for day in range(22, 34):
        evaluation = evaluate.evaluate(view(late, day, promised), decisions.Past(), RULES)
        taken[day] = evaluation.decision

    retrains = [day for day, one in taken.items() if one.decision is decisions.Kind.RETRAIN]
    assert ONSET + 11 < min(retrains) <= ONSET + 11 + 4
    assert retrains == list(range(min(retrains), 34)), "as long as it lasts"
    (accuracy,) = [each for each in taken[33].reasons if each.signal == "live_accuracy"]
    assert accuracy.age_hours == 11 * 24
    assert accuracy.value is not None
    assert accuracy.value < 0.8


def test_a_label_famine_is_no_lateness() -> None:
    """From day 20 on one label in twenty is given, as quickly as ever."""
    known = history(6)
    mine = known.archives["v1"]
    day = (mine.said.at_us - times.micros(scenario.BEGIN)) / 86_400_000_000
    few = (day < 20) | (np.arange(len(mine.said)) % 20 == 0)
    starved = dataclasses.replace(mine, said=mine.said.chosen(few))
    known = dataclasses.replace(known, archives={"v1": starved})

    ages = [view(known, day).age for day in (21, 24, 28, 33)]
    assert ages == [lateness.IN_TIME] * 4


def test_on_the_first_days_of_a_model_nothing_is_late() -> None:
    late = history(240)
    assert [view(late, day).age for day in (1, 5, 9)] == [lateness.IN_TIME] * 3
    assert view(late, 1).figures("7d").accuracy.n_labels == 0


def test_without_labels_or_messages_nothing_is_late() -> None:
    nothing = votes.latest(votes.said([], []))
    assert lateness.age(np.array([], dtype=np.int64), nothing, scenario.BEGIN) == lateness.IN_TIME
    assert not lateness.may_be(samples.sample([]))
    assert lateness.may_be(samples.sample([(scenario.BEGIN, "faq", 0.9, 0.5, None)]))


def test_a_backlog_worked_off_beside_a_labelled_week_changes_nothing() -> None:
    """Whoever labels old messages today does not make today's figures old."""
    known = history(6)
    mine = known.archives["v1"]
    at = times.micros(scenario.BEGIN + 30 * DAY)
    asked = mine.asked.ts_us[mine.said.row]
    old = (asked > at - 21 * 86_400_000_000) & (asked < at - 10 * 86_400_000_000)
    now = np.where(old, at - 3_600_000_000, mine.said.at_us)
    backlog = dataclasses.replace(mine, said=dataclasses.replace(mine.said, at_us=now))
    known = dataclasses.replace(known, archives={"v1": backlog})

    assert view(known, 30).age == lateness.IN_TIME
