"""A walk through history: each decision is taken knowing those before it, of each model apart."""

import datetime as dt
from collections.abc import Iterable

import builders
import numpy as np
import pytest

from retrain.decide import baselines, replay
from retrain.decide.view import View
from retrain.evaluation import live, samples
from schemas import decisions, events, policy, runs, windows

BEGIN = builders.AT
HOUR = dt.timedelta(hours=1)
Kind, Hold, Cause = decisions.Kind, decisions.HoldReason, decisions.Cause
RULES = policy.Policy()
# So good that half of the answers right is a collapse.
PROMISED = builders.reference(1_000, accuracy=0.95)


def scene(
    hours: float,
    *,
    model: str = "v1",
    errors: int = 0,
    right: float | None = None,
    reference: runs.Reference | None = None,
    promoted: float | None = None,
) -> replay.Scene:
    """The hour of 2,000 logs that ends so many hours after the beginning; with labels, 400 of the
    day before, of which the share `right` agrees.
    """
    at = BEGIN + hours * HOUR
    answers = np.zeros(10, dtype=np.int64)
    answers[3] = 2_000 - errors
    tally = builders.tally(answers, errors=errors, latency_ms=5.0)
    window = builders.window(tally, "1h", end=at, model=model)
    sampled = samples.sample(())
    answered: dict[dt.datetime, live.Hour] = {}
    if right is not None:
        sampled, answered = _labelled(at, right)
    view = View(model, at, {"1h": window}, reference, sampled, answered)
    promoted_at = None if promoted is None else BEGIN + promoted * HOUR
    return replay.Scene(view, decisions.Past(promoted_at=promoted_at), messages=2_000)


def _labelled(at: dt.datetime, right: float) -> tuple[samples.Sample, dict[dt.datetime, live.Hour]]:
    rows = []
    for i in range(400):
        agrees = i % 100 < 100 * right
        when = at - (i + 1) * 24 * HOUR / 401
        rows.append((when, "faq", 0.9, 0.5, "faq" if agrees else "chitchat"))
    first = windows.floor(at, HOUR)
    return samples.sample(rows), {first - back * HOUR: live.Hour(34, 30.6) for back in range(26)}


def walked(
    scenes: Iterable[replay.Scene], rules: policy.Policy = RULES
) -> list[decisions.Decision]:
    return [decision for _, decision in replay.walk(scenes, rules)]


def outcomes(taken: Iterable[decisions.Decision]) -> list[str]:
    return [str(each.hold_reason or each.decision) for each in taken]


def test_a_history_without_a_scene_has_no_decision() -> None:
    assert walked([]) == []


def test_a_retrain_of_the_replay_starts_the_cool_down_of_the_replay() -> None:
    """72 hours: at the 71st it still cools down, at the 72nd it may retrain again."""
    collapsed = [scene(h, right=0.5, reference=PROMISED) for h in (48, 49, 119, 120, 121)]

    taken = walked(collapsed)

    assert outcomes(taken) == [
        "retrain",
        "COOLING_DOWN",
        "COOLING_DOWN",
        "retrain",
        "COOLING_DOWN",
    ]
    assert {each.cause for each in taken} == {Cause.LANGUAGE}


def test_the_cool_down_is_the_policys() -> None:
    hasty = policy.parse("[trigger]\ncool_down_hours = 1")
    collapsed = [scene(h, right=0.5, reference=PROMISED) for h in (48, 48.5, 49)]

    assert outcomes(walked(collapsed, hasty)) == ["retrain", "COOLING_DOWN", "retrain"]


def test_what_was_decided_in_truth_is_not_what_the_replay_decided() -> None:
    """A scene tells of retrains that another policy took: this one has taken none."""
    here = scene(48, right=0.5, reference=PROMISED)
    other = decisions.Past(last_retrain=here.view.at - HOUR, last_fix=here.view.at - HOUR)

    (taken,) = walked([replay.Scene(here.view, other)])

    assert taken.decision is Kind.RETRAIN


def test_labels_from_before_something_was_broken_do_not_count_any_more() -> None:
    """Two hours of errors (two of three are a breach), then none: of the bad labels of the day
    before the repair nothing is left.
    """
    broken = [scene(h, errors=400, right=0.5, reference=PROMISED) for h in (48, 49)]
    after = scene(50, right=0.5, reference=PROMISED)

    taken = walked([*broken, after])

    assert taken[1].decision is Kind.FIX_UPSTREAM
    assert taken[2].decision is Kind.HOLD
    accuracy = {reason.signal: reason for reason in taken[2].reasons}["live_accuracy"]
    assert accuracy.n < 100


def test_a_verdict_is_remembered_from_one_scene_to_the_next() -> None:
    """One hour of errors is watched; the second in a row is a breach."""
    twice = walked([scene(1, errors=400), scene(2, errors=400)])
    once = walked([scene(1), scene(2, errors=400)])

    assert outcomes(twice) == ["WATCHING", "fix_upstream"]
    assert outcomes(once)[-1] == "WATCHING"


# A second model


def test_a_model_that_fails_from_its_first_hours_where_the_last_did_not_is_rolled_back() -> None:
    before = [scene(h) for h in (1, 2)]
    since = [scene(h, model="v2", errors=400, promoted=2) for h in (3, 4)]

    taken = walked([*before, *since])

    assert (taken[-1].decision, taken[-1].cause) == (Kind.ROLLBACK, Cause.BAD_RELEASE)


def test_where_the_last_one_failed_too_it_is_no_fault_of_the_release() -> None:
    before = [scene(h, errors=400) for h in (1, 2)]
    since = [scene(h, model="v2", errors=400, promoted=2) for h in (3, 4)]

    assert walked([*before, *since])[-1].decision is Kind.FIX_UPSTREAM


def test_a_new_model_is_not_blamed_for_hours_of_the_one_before() -> None:
    taken = walked([scene(1, errors=400), scene(2, model="v2", errors=400, promoted=1)])

    assert outcomes(taken) == ["WATCHING", "WATCHING"]


def test_two_models_side_by_side_keep_what_is_remembered_of_each() -> None:
    scenes = []
    for hour in (1, 2, 3):
        scenes += [scene(hour), scene(hour, model="v2", errors=400, promoted=0)]

    by_model: dict[str, list[str]] = {"v1": [], "v2": []}
    for decision in walked(scenes):
        by_model[decision.model].append(decision.decision)

    assert by_model == {"v1": ["hold"] * 3, "v2": ["hold", "rollback", "rollback"]}


def test_every_decision_names_the_policy_it_was_given() -> None:
    other = policy.parse("[costs]\nlabel = 0.5")

    (mine,), (yours,) = walked([scene(1)]), walked([scene(1)], other)

    assert (mine.policy_sha256, yours.policy_sha256) == (RULES.sha256, other.sha256)
    assert mine.sha256 != yours.sha256


def test_a_walk_is_lazy_one_decision_a_scene() -> None:
    asked = []

    def scenes() -> Iterable[replay.Scene]:
        for hour in (1, 2, 3):
            asked.append(hour)
            yield scene(hour)

    walk = replay.walk(scenes(), RULES)
    next(walk)

    assert asked == [1]


def test_a_walk_leaves_the_scenes_as_they_were() -> None:
    scenes = [scene(1, errors=400), scene(2, errors=400)]

    pairs = list(replay.walk(scenes, RULES))

    assert all(before is after for before, (after, _) in zip(scenes, pairs, strict=True))
    assert [each.view.history for each in scenes] == [{}, {}]


# What a policy has to beat


def every_hour(n: int) -> replay.Taken:
    return list(replay.walk([scene(hour) for hour in range(n)], RULES))


def retrains(taken: replay.Taken) -> list[float]:
    """How many hours after the beginning."""
    acted = [each.at for _, each in taken if each.decision is Kind.RETRAIN]
    return [(at - BEGIN) / HOUR for at in acted]


@pytest.mark.parametrize(
    ("step", "hours"),
    [(1, [1, 2, 3, 4, 5]), (2, [2, 4]), (5, [5]), (6, []), (0.5, [1, 2, 3, 4, 5]), (1.5, [2, 4])],
)
def test_a_baseline_retrains_at_the_first_moment_a_step_after_the_last(
    step: float, hours: list[float]
) -> None:
    assert retrains(baselines.every(every_hour(6), step * HOUR)) == hours


def test_a_baseline_without_a_cool_down_retrains_at_every_moment_but_the_first() -> None:
    assert retrains(baselines.every(every_hour(4), dt.timedelta())) == [1, 2, 3]


def test_two_models_that_answer_at_the_same_hour_are_one_moment() -> None:
    scenes = [scene(0), scene(1), scene(1, model="v2", promoted=0), scene(2)]
    taken = list(replay.walk(scenes, RULES))

    assert retrains(baselines.every(taken, dt.timedelta())) == [1, 2]


def test_a_baseline_has_no_reasons_of_its_own_and_changes_nothing_that_was_taken() -> None:
    taken = every_hour(3)
    before = [decision for _, decision in taken]

    instead = baselines.every(taken, HOUR)

    assert {(each.hold_reason, each.cause) for _, each in instead} == {(None, None)}
    assert [decision for _, decision in taken] == before


def test_of_no_moment_every_baseline_scores_nothing_and_misses_everything() -> None:
    incident = events.Incident("i1", "language", BEGIN)

    scores = baselines.scores([], [incident], RULES)

    assert baselines.every([], HOUR) == []
    assert [(each.policy, each.retrains, each.misses) for each in scores] == [
        ("always", 0, 1),
        ("never", 0, 1),
        ("weekly", 0, 1),
    ]
