"""One annotator who calls an intent by another name is set aside before his labels count; honest
ones, of whatever habits, are not, and a loss that all see sets nobody aside.
"""

import dataclasses

import annotating
import builders
import numpy as np
import pytest

from retrain.evaluation import samples
from retrain.labels import distrust, labelled, leaning, shifts
from schemas import policy, times

DAY = annotating.DAY
RECOMMENDATION, DISCOVERY = annotating.RECOMMENDATION, annotating.DISCOVERY
ESCALATION, CHITCHAT = annotating.ESCALATION, annotating.CHITCHAT
GAP = annotating.GAP
Week = annotating.Week
week = annotating.week


def test_one_of_three_who_flips_a_fifth_of_the_traffic_is_named_with_what_he_says() -> None:
    (source,) = week().flipping(2, RECOMMENDATION, DISCOVERY).aside

    assert (source.annotator, source.intent, source.named) == (
        "a2",
        "recommendation",
        "product_discovery",
    )
    assert source.times > 0.8 * source.n
    assert source.others_times < 0.1 * source.others
    assert source.gap == pytest.approx(-0.9, abs=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_a_day_of_it_after_honest_weeks_is_enough(seed: int) -> None:
    liar = week(seed=seed).flipping(2, RECOMMENDATION, DISCOVERY, days=1.25)

    assert liar.names == ["a2"]


def test_what_he_said_before_still_counts_and_nothing_since() -> None:
    liar = week().flipping(2, RECOMMENDATION, DISCOVERY, days=2)
    (source,) = liar.aside

    believed = distrust.believed(liar.asked, liar.votes, [source])

    since = times.micros(times.instant(str(source.since)))
    theirs = believed.annotator == 2
    assert theirs.any()
    assert (liar.asked.ts_us[believed.row[theirs]] < since).all()
    others = liar.votes.annotator != 2
    assert (believed.annotator != 2).sum() == others.sum()


def test_without_his_labels_accuracy_is_what_it_was() -> None:
    honest = week()
    liar = honest.flipping(2, RECOMMENDATION, DISCOVERY)

    def accuracy(one: Week) -> float:
        sample = labelled.labelled(one.asked, one.votes, policy.Labels())
        known = sample.chosen(sample.label != samples.UNLABELLED)
        return float((known.label == known.predicted).mean())

    assert accuracy(liar) == pytest.approx(accuracy(honest), abs=0.02)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_liar_of_few_labels_or_of_many_is_set_aside(share: float) -> None:
    rest = (1 - share) / 2
    liar = week(shares=(rest, rest, share)).flipping(2, RECOMMENDATION, DISCOVERY)

    assert liar.names == ["a2"]


def test_a_liar_in_a_rare_and_critical_intent_alone_is_set_aside() -> None:
    (source,) = week(a_day=500).flipping(2, ESCALATION, CHITCHAT).aside

    assert (source.annotator, source.intent) == ("a2", "escalation")


def test_a_liar_who_alone_works_at_night_is_found_by_what_others_say_of_the_same_messages() -> None:
    both = week(a_day=500)
    hour = both.asked.ts_us // 3_600_000_000 % 24
    night = hour[both.votes.row] < 6
    first = np.arange(len(both.votes)) < len(both.asked)
    who = np.where(night & first, 2, both.votes.row % 2)
    nights = dataclasses.replace(both, votes=dataclasses.replace(both.votes, annotator=who))

    assert nights.names == []
    assert nights.flipping(2, RECOMMENDATION, DISCOVERY).names == ["a2"]


def test_of_two_annotators_who_contradict_each_other_in_an_intent_neither_is_believed() -> None:
    two = week(shares=(0.5, 0.5))

    assert two.names == []
    assert sorted(two.flipping(1, RECOMMENDATION, DISCOVERY).names) == ["a0", "a1"]


def test_a_lone_annotator_cannot_be_told_by_agreement() -> None:
    assert week(shares=(1.0,)).flipping(0, RECOMMENDATION, DISCOVERY).aside == ()


def test_two_of_three_who_lie_alike_outvote_the_third() -> None:
    """Known: agreement alone cannot tell. Gold questions do."""
    liars = week().flipping(1, RECOMMENDATION, DISCOVERY).flipping(2, RECOMMENDATION, DISCOVERY)

    assert liars.names == ["a0"]


def test_a_loss_in_one_intent_that_all_annotators_see_sets_nobody_aside() -> None:
    lost = week()
    meant = lost.meant[lost.votes.row] == RECOMMENDATION
    hit = meant & (lost.votes.row % 10 < 4)

    assert lost.changed(hit, DISCOVERY).aside == ()
    assert week(recall=0.6).aside == ()


@pytest.mark.parametrize("seed", range(3))
def test_honest_annotators_are_believed_whatever_their_habits(seed: int) -> None:
    """2 % noise; with a leaning of eight points; who came yesterday; who sees little."""
    honest = week(a_day=500, seed=seed)
    assert honest.aside == ()

    every = np.arange(len(honest.votes)) % 12 == 0
    leaning_one = (honest.votes.annotator == 1) & (honest.votes.label == RECOMMENDATION)
    assert honest.changed(leaning_one & every, DISCOVERY).aside == ()

    new = (honest.votes.annotator == 2) & (honest.days_ago > 1)
    who = np.where(new, honest.votes.row % 2, honest.votes.annotator)
    votes_of_old = dataclasses.replace(honest.votes, annotator=who)
    assert dataclasses.replace(honest, votes=votes_of_old).aside == ()
    assert week(shares=(0.49, 0.49, 0.02), seed=seed).aside == ()


def test_who_stops_lying_is_believed_once_the_week_is_clean() -> None:
    liar = week(days=14)
    old = (liar.votes.annotator == 2) & (liar.days_ago > 7.5)
    lied = liar.changed(old & (liar.votes.label == RECOMMENDATION), DISCOVERY)
    recent = liar.asked.ts_us >= times.micros(builders.AT - 7 * DAY)
    first = int(np.flatnonzero(recent)[0])
    in_week = lied.votes.row >= first

    assert lied.names == ["a2"]
    this_week = lied.votes.chosen(in_week)
    moved = dataclasses.replace(this_week, row=this_week.row - first)
    assert distrust.aside(lied.asked.chosen(recent), moved, GAP) == ()


def test_the_evidence_worked_by_hand() -> None:
    """One shift, ten labels each of one intent: 1 and 9 agree. Half would, were both alike, and
    apart by 0.2 and no more 0.4 and 0.6: of each ten 9 ln(9/6) + ln(1/4) = 2.263 nats.
    """
    n = np.array([[[10]], [[10]]])
    right = np.array([[[1]], [[9]]])
    counts = shifts.Counts(n, right, np.array([0]))

    compared = shifts.compared(counts, np.array([0]))

    assert compared.gap.ravel() == pytest.approx([-0.8, 0.8])
    assert leaning.beyond(compared, leeway=0.2).ravel() == pytest.approx([4.526, 4.526], abs=0.001)
    assert leaning.beyond(compared, leeway=0.8).tolist() == [[[0.0]], [[0.0]]]


def test_a_doubt_lasts_no_longer_than_the_proven_stretch() -> None:
    begin, end = builders.AT - 7 * DAY, builders.AT
    whole = distrust.Aside("a2", 10, 0.0, -0.9, -9.0)
    late = dataclasses.replace(whole, since=times.rfc3339(builders.AT - DAY))

    assert distrust.doubt(whole, begin, end)[:3] == ("a2", begin, end)
    assert distrust.doubt(late, begin, end)[:3] == ("a2", builders.AT - DAY, end)
