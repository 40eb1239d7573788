"""What a policy's decisions were worth against incidents that are known: each case small enough to
match by hand.
"""

import datetime as dt
from collections.abc import Sequence

import builders
import pytest

from retrain.decide import replay
from retrain.decide.view import View
from retrain.evaluation import samples
from schemas import decisions, events, policy

HOUR = dt.timedelta(hours=1)
RULES = policy.parse("[costs]\nlabel = 0.10\ntraining_hour = 5.0\n")
Kind, Hold = decisions.Kind, decisions.HoldReason


def taken(
    *kinds: tuple[int, decisions.Kind] | tuple[int, decisions.Kind, decisions.HoldReason],
) -> list[tuple[replay.Scene, decisions.Decision]]:
    """A decision an hour from AT on, a hundred messages and ten labels each; those named, the
    others calm holds.
    """
    acts = {act[0]: act[1:] for act in kinds}
    decided = []
    for hour in range(24):
        at = builders.AT + hour * HOUR
        kind, *hold = acts.get(hour, (Kind.HOLD,))
        scene = replay.Scene(
            View(builders.MODEL, at, {}, None, samples.sample(()), {}),
            decisions.Past(),
            messages=100 * hour,
            labels=10 * hour,
        )
        decided.append(
            (scene, builders.decision(kind, hold=hold[0] if hold else None, id=f"d{hour}", at=at))
        )
    return decided


def incident(
    kind: str, begin: float, end: float | None = None, name: str = "i1"
) -> events.Incident:
    return events.Incident(
        name, kind, builders.AT + begin * HOUR, None if end is None else builders.AT + end * HOUR
    )


def scored(
    acts: Sequence[tuple[replay.Scene, decisions.Decision]], *incidents: events.Incident
) -> replay.Score:
    return replay.score("mine", acts, incidents, RULES)


def test_a_right_answer_is_a_hit_with_its_delay_in_hours_and_messages() -> None:
    score = scored(taken((9, Kind.RETRAIN)), incident("language", 6.5))
    assert (score.policy, score.hits, score.misses, score.false_alarms) == ("mine", 1, 0, 0)
    assert (score.delay_hours, score.delay_messages) == (2.5, 300.0)
    assert (score.retrains, score.labels_used) == (1, 230)
    assert score.cost == pytest.approx(230 * 0.10 + 1 * 5.0)


def test_the_first_right_answer_counts_and_later_ones_are_no_false_alarms() -> None:
    score = scored(taken((9, Kind.RETRAIN), (20, Kind.RETRAIN)), incident("language", 6))
    assert (score.hits, score.false_alarms, score.delay_hours, score.retrains) == (1, 0, 3.0, 2)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("language", Kind.RETRAIN),
        ("mix", Kind.REWEIGHT),
        ("pipeline", Kind.FIX_UPSTREAM),
        ("bad_release", Kind.ROLLBACK),
    ],
)
def test_each_kind_of_incident_has_its_own_answer_and_any_other_act_is_a_false_alarm(
    kind: str, answer: decisions.Kind
) -> None:
    for act in (Kind.RETRAIN, Kind.REWEIGHT, Kind.FIX_UPSTREAM, Kind.ROLLBACK):
        score = scored(taken((9, act)), incident(kind, 6))
        assert (score.hits, score.misses, score.false_alarms) == (
            (1, 0, 0) if act is answer else (0, 1, 1)
        ), act


def test_a_moved_mix_may_also_be_held_by_its_name() -> None:
    held = scored(taken((9, Kind.HOLD, Hold.MIX_ONLY)), incident("mix", 6))
    assert (held.hits, held.misses, held.false_alarms, held.delay_hours) == (1, 0, 0, 3.0)
    other = scored(taken((9, Kind.HOLD, Hold.WATCHING)), incident("mix", 6))
    assert (other.hits, other.misses) == (0, 1)
    language = scored(taken((9, Kind.HOLD, Hold.MIX_ONLY)), incident("language", 6))
    assert (language.hits, language.misses) == (0, 1)


@pytest.mark.parametrize(("hour", "right"), [(5, False), (6, True), (12, True), (13, False)])
def test_an_answer_lies_within_the_incident_its_ends_included(hour: int, right: bool) -> None:
    score = scored(taken((hour, Kind.RETRAIN)), incident("language", 6, 12))
    assert (score.hits, score.misses, score.false_alarms) == ((1, 0, 0) if right else (0, 1, 1))


def test_an_incident_nobody_answered_is_missed_and_has_no_delay() -> None:
    score = scored(taken(), incident("language", 6))
    assert (
        score.hits,
        score.misses,
        score.false_alarms,
        score.delay_hours,
        score.delay_messages,
    ) == (0, 1, 0, None, None)
    assert score.cost == pytest.approx(23.0), "labels cost also where nothing is done"


def test_in_a_calm_stretch_nothing_is_hit_or_missed_and_an_act_is_a_false_alarm() -> None:
    score = scored(taken((9, Kind.RETRAIN)), incident("none", 6, 12))
    assert (score.hits, score.misses, score.false_alarms) == (0, 0, 1)


def test_delays_are_means_over_the_incidents_that_were_found() -> None:
    acts = taken((4, Kind.RETRAIN), (15, Kind.FIX_UPSTREAM))
    score = scored(
        acts,
        incident("language", 3),
        incident("pipeline", 10, name="i2"),
        incident("bad_release", 12, 13, name="i3"),
    )
    assert (score.hits, score.misses, score.false_alarms) == (2, 1, 0)
    assert (score.delay_hours, score.delay_messages) == ((1 + 5) / 2, (100 + 500) / 2)


def test_without_a_decision_there_is_nothing_to_score_and_every_incident_is_missed() -> None:
    score = scored([], incident("language", 6))
    assert (score.hits, score.misses, score.labels_used, score.retrains, score.cost) == (
        0,
        1,
        0,
        0,
        0.0,
    )


def test_a_bare_scene_keeps_what_a_score_needs_and_lets_go_of_the_rest() -> None:
    scene, _ = taken()[3]
    whole = builders.sample([True, False])
    full = replay.Scene(
        View(builders.MODEL, scene.view.at, {"1h": builders.window()}, None, whole, {}),
        scene.past,
        300,
        30,
    )
    bare = replay.bare(full)
    assert (bare.view.at, bare.view.model, bare.messages, bare.labels) == (
        scene.view.at,
        builders.MODEL,
        300,
        30,
    )
    assert (bare.view.windows, len(bare.view.sampled), bare.view.hours) == ({}, 0, {})
