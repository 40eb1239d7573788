"""Messages that annotators pass over whatever the model's confidence, intent and script: more than
in the days before, and whether a loss may hide behind them.
"""

import dataclasses

import numpy as np
import pytest
from silence import AT, DAY, HOUR, USUAL, days, known

from retrain.decide import evaluate, unanswered
from retrain.decide.view import View
from retrain.evaluation import samples
from schemas import decisions, policy, times, verdicts

RULES = policy.Policy()
Level, Hold = verdicts.Level, decisions.HoldReason


def told(view: View) -> verdicts.Verdict:
    return unanswered.more_than_usual(view, RULES)


def decided(view: View) -> tuple[dict[str, verdicts.Verdict], decisions.Decision]:
    evaluation = evaluate.evaluate(view, decisions.Past(), RULES)
    return {verdict.signal.signal: verdict for verdict in evaluation.fresh}, evaluation.decision


@pytest.mark.parametrize("seed", range(4))
def test_wrong_answers_passed_over_evenly_make_accuracy_blind(seed: int) -> None:
    """Ten points are lost; of those who were labelled five."""
    verdict, taken = decided(known(days(0.78, 0.6, seed=seed), *USUAL))

    silent = verdict["unanswered_share"]
    assert (silent.verdict, silent.in_breach, silent.since) == (Level.BREACH, True, AT)
    assert silent.signal.reference == pytest.approx(0.108, abs=0.001)
    assert silent.limit == pytest.approx(0.128, abs=0.001)
    assert (taken.hold_reason, taken.clause) == (
        Hold.LABELS_BIASED,
        decisions.Clause.LABELS_BIASED,
    )
    (reason,) = [each for each in taken.reasons if each.decided]
    assert (reason.signal, reason.reference) == ("unanswered_share", silent.signal.reference)
    assert verdict["live_accuracy"].verdict is Level.BLIND


@pytest.mark.parametrize("seed", range(6))
def test_what_was_always_passed_over_hides_nothing_new(seed: int) -> None:
    verdict, taken = decided(known(days(0.9, 0.6, seed=seed), *USUAL))
    assert verdict["unanswered_share"].verdict is Level.OK
    assert taken.hold_reason is Hold.HEALTHY


def test_a_third_missing_is_usual_where_it_was_before_and_blind_where_it_is_new() -> None:
    view = days(0.9, 0.0, at_random=0.33)
    accuracies = [0.9, 0.91, 0.9, 0.89, 0.9]
    assert told(known(view, [0.33, 0.32, 0.34, 0.33, 0.31], accuracies)).verdict is Level.OK
    assert told(known(view, [0.05, 0.06, 0.05, 0.05, 0.05], accuracies)).in_breach


def test_days_that_differ_among_themselves_prove_nothing() -> None:
    uneven = [0.05, 0.30, 0.06, 0.07, 0.28, 0.05]
    assert told(known(days(0.78, 0.6), uneven, USUAL[1])).verdict is Level.OK


@pytest.mark.parametrize("other", [{"in_breach": False, "hours": 3}, {"in_breach": True}])
def test_other_hours_of_the_day_and_days_in_breach_are_not_usual(
    other: dict[str, bool | int],
) -> None:
    view = known(days(0.78, 0.6), *USUAL, **other)  # type: ignore[arg-type]
    assert unanswered.usual(view.history, AT) is None
    assert told(view).verdict is Level.BLIND


@pytest.mark.parametrize("first_days", [0, 1, 3])
def test_a_models_first_days_know_no_usual_share(first_days: int) -> None:
    view = known(days(0.78, 0.6), USUAL[0][:first_days], USUAL[1][:first_days])
    verdict = told(view)
    assert (verdict.verdict, verdict.in_breach) == (Level.BLIND, False)
    assert (verdict.signal.reference, verdict.limit) == (None, RULES.signals.unanswered_share.enter)


def test_missing_labels_do_not_become_usual_and_the_breach_ends_when_they_come() -> None:
    after = known(days(0.78, 0.6), [0.18] * 6, [0.9] * 6, in_breach=True)
    still = told(after)
    assert (still.in_breach, still.signal.reference) == (True, 0.1)
    assert still.since == AT - 2 * DAY

    back = dataclasses.replace(days(0.78, 0.0), history=after.history)
    assert not told(back).in_breach


def test_labels_that_were_set_aside_are_not_missing() -> None:
    """Whose they are is named; how many would be missing with his nobody can say."""
    liar = decisions.Aside("a2", 118, 0.4, -0.6, -10.5, intent="recommendation")
    third = known(days(0.9, 0.0, at_random=0.33), *USUAL)
    assert told(third).in_breach

    verdict, taken = decided(dataclasses.replace(third, aside=(liar,)))

    silent = verdict["unanswered_share"]
    assert (silent.verdict, silent.in_breach, silent.signal.n) == (Level.BLIND, False, 0)
    assert verdict["live_accuracy"].verdict is Level.OK
    assert (taken.hold_reason, taken.aside) == (Hold.HEALTHY, (liar,))


def test_what_nobody_can_tell_has_no_label() -> None:
    as_missing = told(known(days(0.78, 0.6), *USUAL))
    as_told = told(known(days(0.78, 0.6, instead=samples.CANNOT_TELL), *USUAL))
    assert as_told.signal.value == as_missing.signal.value
    assert as_told.in_breach


def test_hours_whose_labels_are_still_to_come_do_not_count() -> None:
    view = days(0.9, 0.6)
    late = view.sampled.ts_us >= times.micros(AT - 10 * HOUR)
    label = np.where(late, samples.UNLABELLED, view.sampled.label).astype(np.int16)
    sampled = dataclasses.replace(view.sampled, label=label)
    verdict = told(known(dataclasses.replace(view, sampled=sampled), *USUAL))
    assert verdict.signal.n == 38 * 15
    assert verdict.verdict is Level.OK


def test_without_a_message_there_is_no_share() -> None:
    view = dataclasses.replace(days(0.9, 0.6), sampled=samples.sample([]))
    verdict = told(known(view, *USUAL))
    assert (verdict.signal.value, verdict.signal.n, verdict.verdict) == (None, 0, Level.BLIND)


@pytest.mark.parametrize(("days_long", "stands"), [(6, True), (7, False)])
def test_after_a_week_what_is_missing_is_what_the_week_has(days_long: int, stands: bool) -> None:
    """A third of the annotators has left: labels are compared with labels again."""
    view = known(days(0.9, 0.0, at_random=0.33), [0.33] * 6, [0.9] * 6, in_breach=True)
    shares = list(view.history["unanswered_share"])
    shares[-1] = dataclasses.replace(shares[-1], since=AT - days_long * DAY)
    history = {**view.history, "unanswered_share": shares}
    assert told(dataclasses.replace(view, history=history)).in_breach is stands
