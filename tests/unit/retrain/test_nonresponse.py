"""Labels that are missing because of what they would say: which strata are left out, how wrong that
can make live accuracy, and what a decision says of it.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable

import builders
import numpy as np
import pytest

from retrain.decide import evaluate
from retrain.decide.view import View
from retrain.evaluation import live, nonresponse, samples, wishes
from schemas import decisions, policy, present, slices, times, verdicts

AT = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
WEEK = 168
RULES = policy.Policy()
# A reference without labels of its intents: accuracy alone is at stake.
REFERENCE = builders.reference(10_000, accuracy=0.925, accuracy_n=2_000)
Level, Hold = verdicts.Level, decisions.HoldReason
Missing = Callable[[samples.Sample, np.random.Generator], np.ndarray]


def week(missing: Missing, accuracy: float = 0.925, an_hour: int = 20, seed: int = 3) -> View:
    """A week of `an_hour` sampled messages, half of all, labelled but for those `missing`. Wrong
    answers are less sure than right ones.
    """
    rng = np.random.default_rng(seed)
    n = WEEK * an_hour
    right = rng.random(n) < accuracy
    confidence = np.where(right, rng.beta(16, 1.5, n), rng.beta(5, 3, n))
    predicted = rng.integers(0, 10, n).astype(np.int16)
    script = rng.choice([1, 2], n, p=[0.95, 0.05]).astype(np.uint16)
    asked = samples.Sample(
        ts_us=times.micros(AT - WEEK * HOUR) + np.arange(n) * (3_600_000_000 // an_hour),
        predicted=predicted,
        label=np.where(right, predicted, (predicted + 1) % 10).astype(np.int16),
        confidence=confidence,
        p=np.full(n, 0.5),
        also=wishes.none(n),
        slices=script,
    )
    gone = missing(asked, rng)
    silent = np.where(gone, samples.UNLABELLED, asked.label).astype(np.int16)
    sampled = dataclasses.replace(asked, label=silent)
    mean = float(confidence.mean())
    hours = {AT - (i + 1) * HOUR: live.Hour(2 * an_hour, 2 * an_hour * mean) for i in range(WEEK)}
    counts = np.bincount(predicted, minlength=10) * 2
    window = builders.window(counts, "1d", end=AT)
    mix = dict(zip(present.INTENTS, counts.tolist(), strict=True))
    reference = dataclasses.replace(REFERENCE, intent_counts=mix, n=sum(mix.values()))
    return View(builders.MODEL, AT, {"1d": window}, reference, sampled, hours)


def wrong(share: float) -> Missing:
    """So many of the messages that were answered wrongly, beside one in twenty at random."""

    def missing(asked: samples.Sample, rng: np.random.Generator) -> np.ndarray:
        draw = rng.random(len(asked))
        hard = (asked.predicted != asked.label) & (draw < share)
        return np.asarray(hard | (rng.random(len(asked)) < 0.05))

    return missing


def at_random(share: float) -> Missing:
    return lambda asked, rng: rng.random(len(asked)) < share


def in_japanese(asked: samples.Sample, _: np.random.Generator) -> np.ndarray:
    return np.asarray(asked.slices == slices.BITS["japanese"])


def of_an_intent(asked: samples.Sample, _: np.random.Generator) -> np.ndarray:
    return np.asarray(asked.predicted == present.INDEX["faq"])


def one_of_three_takes_only_easy_ones(
    asked: samples.Sample, rng: np.random.Generator
) -> np.ndarray:
    mine = rng.integers(0, 3, len(asked)) == 0
    return np.asarray(mine & (asked.confidence < 0.75))


def bounds(here: View) -> nonresponse.Bounds | None:
    return here.bounds(here.covered(WEEK * HOUR))


def judged(here: View) -> tuple[dict[str, verdicts.Verdict], decisions.Decision]:
    evaluation = evaluate.evaluate(here, decisions.Past(), RULES)
    return {verdict.signal.signal: verdict for verdict in evaluation.fresh}, evaluation.decision


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("seed", range(6))
def test_labels_missing_at_random_speak_for_all(share: float, seed: int) -> None:
    here = week(at_random(share), seed=seed)
    verdict, taken = judged(here)

    assert bounds(here) is None
    assert verdict["live_accuracy"].verdict is Level.OK
    assert verdict["worst_case_accuracy"].signal.value == verdict["live_accuracy"].signal.value
    assert taken.hold_reason is Hold.HEALTHY


@pytest.mark.parametrize("share", [0.4, 0.5, 0.6])
def test_a_fall_that_annotators_hide_is_within_the_bounds_and_said(share: float) -> None:
    """Ten points are lost, and of the wrong answers so many have no label."""
    here = week(wrong(share), accuracy=0.825)
    verdict, taken = judged(here)
    told = verdict["worst_case_accuracy"]

    assert told.signal.value == pytest.approx(0.825, abs=0.02), (
        "nearly all that is missing is wrong"
    )
    assert told.in_breach
    assert told.strata[0] in ("confidence 0 to 0.6", "confidence 0.6 to 0.75")
    assert (taken.decision, taken.hold_reason) == (decisions.Kind.HOLD, Hold.LABELS_BIASED)
    assert taken.clause is decisions.Clause.LABELS_BIASED
    (reason,) = [each for each in taken.reasons if each.signal == "worst_case_accuracy"]
    assert reason.strata == told.strata


def test_the_interval_spans_all_wrong_to_all_right_and_accuracy_is_blind_not_ok() -> None:
    here = week(wrong(0.6), accuracy=0.85)
    within = bounds(here)
    assert within is not None
    accuracy = judged(here)[0]["live_accuracy"]

    assert (accuracy.verdict, accuracy.in_breach) == (Level.BLIND, False)
    assert accuracy.strata == within.strata
    assert (accuracy.signal.low, accuracy.signal.high) == (within.worst.low, within.best.high)
    assert within.best.estimate is not None
    assert within.worst.estimate is not None
    open_ = within.best.estimate - within.worst.estimate
    assert open_ == pytest.approx(within.share, abs=0.005)


@pytest.mark.parametrize("seed", range(4))
def test_a_quiet_week_stays_quiet_though_hard_messages_are_left_out(seed: int) -> None:
    """At worst accuracy is what it truly is, and that is as good as ever."""
    verdict, taken = judged(week(wrong(0.6), seed=seed))

    assert verdict["worst_case_accuracy"].strata
    assert not verdict["worst_case_accuracy"].in_breach
    assert taken.hold_reason is Hold.HEALTHY


@pytest.mark.parametrize(("missing", "stratum"), [(in_japanese, "japanese"), (of_an_intent, "faq")])
def test_a_script_or_an_intent_that_nobody_labels_is_named(missing: Missing, stratum: str) -> None:
    here = week(missing)
    within = bounds(here)
    assert within is not None

    assert within.strata == (stratum,)
    gone = missing(here.sampled, np.random.default_rng(0)).mean()
    assert within.share == pytest.approx(float(gone), abs=0.002)
    assert judged(here)[1].hold_reason is Hold.LABELS_BIASED


def test_an_annotator_who_takes_only_easy_messages_is_seen_and_hides_little() -> None:
    """A third of what is under 0.75 is missing: the others' labels of it are there."""
    here = week(one_of_three_takes_only_easy_ones)
    within = bounds(here)
    assert within is not None

    assert set(within.strata) == {"confidence 0 to 0.6", "confidence 0.6 to 0.75"}
    accuracy = judged(here)[0]["live_accuracy"].signal
    assert accuracy.value == pytest.approx(0.925, abs=0.012)


def test_what_nobody_can_tell_is_answered_and_bounded_like_what_is_missing() -> None:
    here = week(wrong(0.6), accuracy=0.825)
    silent = here.sampled.label == samples.UNLABELLED
    unclear = np.where(silent, samples.CANNOT_TELL, here.sampled.label).astype(np.int16)
    answered = dataclasses.replace(here.sampled, label=unclear)
    told = dataclasses.replace(here, sampled=answered)

    assert judged(told)[1].hold_reason is Hold.LABELS_BIASED
    assert bounds(told) == bounds(here)
    rates = list(nonresponse.rates(answered))
    assert {rate.share for rate in rates} == {1.0}
    by_script = [rate for rate in rates if rate.by == "script"]
    assert sum(rate.cannot_tell for rate in by_script) == int(silent.sum())
    starved = judged(told)[0]["label_starved"].signal
    assert starved.value == 0.0


def test_what_was_always_left_out_bounds_nothing() -> None:
    """The reference's own labels lacked as many: only what is beyond them can have changed."""
    here = week(in_japanese)
    known = dataclasses.replace(here.reference, left_out=0.06)  # type: ignore[type-var]
    same = dataclasses.replace(here, reference=known)

    assert bounds(same) is None
    assert judged(same)[1].hold_reason is Hold.HEALTHY


def test_hard_messages_that_are_only_labelled_later_are_no_hold() -> None:
    """In the last day those under 0.75 have no label yet."""

    def late(asked: samples.Sample, _: np.random.Generator) -> np.ndarray:
        of_today = asked.ts_us >= times.micros(AT - 24 * HOUR)
        return of_today & (asked.confidence < 0.75)

    assert judged(week(late))[1].hold_reason is Hold.HEALTHY


def test_without_labels_or_messages_nothing_is_left_out() -> None:
    nobody = week(at_random(1.0))
    assert bounds(nobody) is None
    assert judged(nobody)[1].hold_reason is Hold.TOO_FEW_LABELS
    assert list(nonresponse.rates(samples.sample([]))) == []
    assert nonresponse.share(live.covered(samples.sample([]), {})) == 0.0


def test_a_first_day_of_few_labels_claims_nothing() -> None:
    """Twelve messages an hour for ten hours: what is left out may be chance, and proves nothing."""
    here = week(wrong(0.6), an_hour=12)
    begun = AT - 10 * HOUR
    hours = {hour: answers for hour, answers in here.hours.items() if hour >= begun}
    first = dataclasses.replace(here, sampled=here.sampled.between(begun, AT), hours=hours)
    assert judged(first)[1].hold_reason in (Hold.HEALTHY, Hold.TOO_FEW_LABELS)


def test_once_in_breach_it_holds_until_the_worst_case_is_well_again() -> None:
    before = judged(week(wrong(0.6), accuracy=0.825))[0]["worst_case_accuracy"]
    history = {"worst_case_accuracy": [before]}

    still = dataclasses.replace(week(wrong(0.6), accuracy=0.905), history=history)
    assert judged(still)[1].hold_reason is Hold.LABELS_BIASED
    back = dataclasses.replace(week(at_random(0.05)), history=history)
    assert judged(back)[1].hold_reason is Hold.HEALTHY
