"""A broken source of labels is set aside, a drift and a hard day are not, and no source fills a
day.
"""

import datetime as dt
import random

import builders
import numpy as np
import pytest

from retrain.evaluation import samples
from retrain.labels import distrust, labelled, votes
from schemas import policy, present

BEGIN = builders.AT
HOUR = dt.timedelta(hours=1)
Said = votes.Entry


def asked_of(hours: int, each: int = 10) -> tuple[samples.Sample, list[str]]:
    """`each` messages an hour, all answered with faq."""
    n = hours * each
    return builders.sample([None] * n, step=HOUR / each), [f"r{i}" for i in range(n)]


def say(
    asked: samples.Sample,
    annotator: str,
    rows: range | list[int],
    right: float,
    seed: int = 1,
    after: dt.timedelta = HOUR,
) -> list[Said]:
    """Labels of some messages that agree with the answer in a share of them."""
    rng = random.Random(f"{annotator}{seed}")
    return [
        votes.Entry(
            f"r{i}",
            annotator,
            BEGIN + dt.timedelta(microseconds=int(asked.ts_us[i]) - int(asked.ts_us[0])) + after,
            f"{annotator}{i}",
            "faq" if rng.random() < right else "chitchat",
        )
        for i in rows
    ]


def now(names: list[str], said: list[Said]) -> votes.Votes:
    return votes.latest(votes.said(names, said))


def accuracy(
    asked: samples.Sample, names: list[str], said: list[Said], rules: policy.Labels
) -> tuple[float, int]:
    sample = labelled.labelled(asked, now(names, said), rules)
    known = sample.chosen(sample.label != samples.UNLABELLED)
    return float((known.predicted == known.label).mean()), len(known)


RULES = policy.Labels()


def test_a_flood_of_wrong_labels_over_those_of_people_changes_nothing() -> None:
    asked, names = asked_of(72)
    people = say(asked, "a0", range(0, 720, 2), 0.92) + say(asked, "a1", range(1, 720, 2), 0.92)
    bot = say(asked, "bot", range(720), 0.0, after=2 * HOUR)
    (source,) = distrust.aside(asked, now(names, people + bot), RULES.source_gap)
    assert (source.annotator, source.n, source.right) == ("bot", 720, 0.0)
    assert source.gap == pytest.approx(-0.92, abs=0.03)
    assert accuracy(asked, names, people + bot, RULES) == accuracy(asked, names, people, RULES)


def test_a_source_that_always_agrees_hides_no_drift() -> None:
    asked, names = asked_of(72)
    people = say(asked, "a0", range(0, 720, 2), 0.5) + say(asked, "a1", range(1, 720, 2), 0.5)
    script = say(asked, "yes", range(720), 1.0)
    assert [
        one.annotator
        for one in distrust.aside(asked, now(names, people + script), RULES.source_gap)
    ] == ["yes"]


def test_a_drift_that_all_see_sets_nobody_aside_though_one_labels_before_it_and_one_after() -> None:
    asked, names = asked_of(96)
    early, late = say(asked, "a0", range(480), 0.92), say(asked, "a1", range(480, 960), 0.4)
    assert distrust.aside(asked, now(names, early + late), RULES.source_gap) == ()
    assert accuracy(asked, names, early + late, RULES)[1] == 960


def test_people_who_differ_a_little_all_count() -> None:
    asked, names = asked_of(168)
    people = (
        say(asked, "a0", range(0, 1680, 3), 0.95)
        + say(asked, "a1", range(1, 1680, 3), 0.85)
        + say(asked, "a2", range(2, 1680, 3), 0.75)
    )
    assert distrust.aside(asked, now(names, people), RULES.source_gap) == ()


def test_of_two_that_contradict_each_other_the_later_one_goes() -> None:
    asked, names = asked_of(72)
    first, second = (
        say(asked, "z", range(0, 720, 2), 0.92),
        say(asked, "a", range(1, 720, 2), 0.1, after=5 * HOUR),
    )
    assert [
        one.annotator for one in distrust.aside(asked, now(names, second + first), RULES.source_gap)
    ] == ["a"]


def test_a_lone_source_is_believed() -> None:
    asked, names = asked_of(24)
    assert (
        distrust.aside(asked, now(names, say(asked, "a0", range(240), 0.3)), RULES.source_gap) == ()
    )
    assert (
        labelled.labelled(asked, now(names, []), RULES).label.tolist() == [samples.UNLABELLED] * 240
    )


def test_beyond_the_cap_of_a_day_an_older_label_of_somebody_else_holds() -> None:
    asked, names = asked_of(1, each=4)
    rules = policy.Labels(per_annotator_per_day=2)
    at = BEGIN + HOUR
    said = [votes.Entry(f"r{i}", "bot", at + i * HOUR, "", "chitchat") for i in range(4)] + [
        votes.Entry("r3", "a0", at, "", "faq")
    ]
    labels = labelled.labelled(asked, now(names, said), rules).label.tolist()
    assert labels == [
        present.INDEX["chitchat"],
        present.INDEX["chitchat"],
        samples.UNLABELLED,
        present.INDEX["faq"],
    ]
    next_day = [votes.Entry("r2", "bot", at + 24 * HOUR, "", "chitchat")]
    again = labelled.labelled(
        asked, now(names, [*said, *next_day][:2] + next_day), rules
    ).label.tolist()
    assert again == [present.INDEX["chitchat"]] * 3 + [samples.UNLABELLED]


def test_the_order_of_labels_does_not_matter_and_equally_new_ones_go_by_name() -> None:
    asked, names = asked_of(48)
    said = (
        say(asked, "a0", range(480), 0.9)
        + say(asked, "a1", range(0, 480, 2), 0.8)
        + say(asked, "bot", range(0, 480, 3), 0.0)
    )
    one, other = (
        labelled.labelled(asked, now(names, some), RULES).label
        for some in (said, random.Random(3).sample(said, len(said)))
    )
    assert np.array_equal(one, other)
    tie = [
        votes.Entry("r0", "b", BEGIN, "", "chitchat"),
        votes.Entry("r0", "a", BEGIN, "", "promotion"),
        votes.Entry("r1", "a", BEGIN, "", "faq"),
        votes.Entry("r1", "b", BEGIN + HOUR, "", "chitchat"),
    ]
    held = labelled.labelled(asked, now(names, tie), RULES).label[:2].tolist()
    assert [present.INTENTS[i] for i in held] == ["promotion", "chitchat"]
