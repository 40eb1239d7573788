"""Gold questions: the verified label holds, who contradicts gold is set aside, and whom gold
confirms is not outvoted.
"""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence

import annotating
import builders
import numpy as np
import pytest

from retrain.evaluation import samples
from retrain.labels import distrust, gold, labelled, votes
from schemas import policy, present

HOUR = dt.timedelta(hours=1)
DAY = annotating.DAY
AT = builders.AT
RECOMMENDATION, DISCOVERY = annotating.RECOMMENDATION, annotating.DISCOVERY
FAQ = present.INDEX["faq"]
VERIFIED = AT - 27 * DAY


def answered(
    said: Mapping[str, Sequence[int]],
    verified: int = RECOMMENDATION,
) -> gold.Answers:
    """What each annotator called messages of one verified intent, one after the other."""
    names = tuple(sorted(said))
    given = [(turn, who, named) for who in names for turn, named in enumerate(said[who])]
    given.sort()
    return gold.Answers(
        names,
        np.array([names.index(who) for _, who, _ in given], dtype=np.int64),
        np.full(len(given), verified),
        np.array([named for _, _, named in given], dtype=np.int64),
    )


def right(n: int) -> list[int]:
    return [RECOMMENDATION] * n


def wrong(n: int) -> list[int]:
    return [DISCOVERY] * n


def liars(*who: int, week: annotating.Week | None = None) -> annotating.Week:
    week = week or annotating.week()
    for liar in who:
        week = week.flipping(liar, RECOMMENDATION, DISCOVERY)
    return week


def names(asides: Sequence[distrust.Aside]) -> list[str]:
    return [source.annotator for source in asides]


# who contradicts gold


def test_who_contradicts_gold_is_named_with_what_he_says() -> None:
    answers = answered({"a0": right(6), "a1": right(5), "a2": wrong(6)})

    (source,) = gold.aside(answers)

    assert (source.annotator, source.intent, source.named) == (
        "a2",
        "recommendation",
        "product_discovery",
    )
    assert (source.n, source.times, source.right, source.gap) == (6, 6, 0.0, -1.0)
    assert (source.others, source.others_times, source.gold) == (11, 0, True)
    assert source.said == (
        "calls recommendation product_discovery where gold is verified, 6 of 6; others 0 of 11"
    )


@pytest.mark.parametrize("n", range(6))
def test_fewer_answers_than_are_needed_prove_nothing(n: int) -> None:
    assert n < gold.needed(3)
    assert gold.aside(answered({"a0": right(6), "a1": right(6), "a2": wrong(n)})) == []


def test_the_evidence_worked_by_hand() -> None:
    """Six wrong of six: 6 ln(1 / 0.15) = 11.38 nats; ten right of twenty: 20 times
    0.5 ln(0.5 / 0.85) + 0.5 ln(0.5 / 0.15) = 0.3367, 6.73. Proof for three of ten intents is
    ln(3 * 10 * 1000) = 10.31, for one annotator alone ln(10 * 1000) = 9.21, five wrong ones.
    """
    n, hits = np.array([6, 20]), np.array([0, 10])

    assert gold.evidence(n, hits, 0.85) == pytest.approx([11.38, 6.73], abs=0.01)
    assert (gold.needed(3), gold.needed(1), gold.needed(0)) == (6, 5, 5)


def test_who_was_honest_for_weeks_and_lies_now_is_proven_as_fast() -> None:
    late = answered({"a0": right(6), "a1": right(6), "a2": right(40) + wrong(6)})

    assert names(gold.aside(late)) == ["a2"]


def test_who_has_stopped_is_believed_once_as_many_are_right() -> None:
    lied = {"a0": right(6), "a1": right(6)}

    assert names(gold.aside(answered(lied | {"a2": wrong(10) + right(1)}))) == ["a2"]
    assert gold.aside(answered(lied | {"a2": wrong(10) + right(10)})) == []


@pytest.mark.parametrize("seed", range(20))
def test_an_honest_annotator_who_errs_in_a_twentieth_is_believed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    said = {}
    for who in ("a0", "a1", "a2"):
        said[who] = np.where(rng.random(300) < 0.05, DISCOVERY, RECOMMENDATION).tolist()

    assert gold.aside(answered(said)) == []


def test_in_an_intent_that_he_flips_and_in_no_other() -> None:
    flips = answered({"a2": wrong(6)})
    honest = answered({"a2": [FAQ] * 30}, verified=FAQ)
    both = gold.Answers(
        ("a2",),
        np.concatenate([honest.annotator, flips.annotator]),
        np.concatenate([honest.verified, flips.verified]),
        np.concatenate([honest.named, flips.named]),
    )

    (source,) = gold.aside(both)

    assert (source.intent, source.n) == ("recommendation", 6)


def test_gold_that_nobody_has_answered_tells_nothing() -> None:
    week = liars(1, 2)

    assert gold.aside(gold.NO_ANSWERS) == []
    assert week.aside_with(answered({})) == week.aside
    assert week.aside_with(answered({"stranger": wrong(20)})) == week.aside


# gold beside what others say


@pytest.mark.parametrize("n", [6, 20])
def test_two_liars_of_three_are_set_aside_and_the_honest_one_is_believed(n: int) -> None:
    answers = answered({"a0": right(n), "a1": wrong(n), "a2": wrong(n)})

    assert names(liars(1, 2).aside) == ["a0"]
    assert names(liars(1, 2).aside_with(answers)) == ["a1", "a2"]


@pytest.mark.parametrize("seed", range(3))
def test_four_answers_take_the_side_of_the_honest_one_of_three(seed: int) -> None:
    """Fewer than prove a lie: that somebody lies the labels prove, gold only says who."""
    week = liars(1, 2, week=annotating.week(seed=seed))
    answers = answered({"a0": right(4), "a1": wrong(4), "a2": wrong(4)})

    assert sorted(names(week.aside_with(answers))) == ["a1", "a2"]


def test_liars_who_answer_no_gold_question_do_not_outvote_whom_it_confirms() -> None:
    asides = liars(1, 2).aside_with(answered({"a0": right(20)}))

    assert sorted(names(asides)) == ["a1", "a2"]


def test_one_liar_of_two_goes_alone() -> None:
    week = liars(1, week=annotating.week(shares=(0.5, 0.5)))
    answers = answered({"a0": right(4), "a1": wrong(4)})

    assert sorted(names(week.aside)) == ["a0", "a1"]
    assert names(week.aside_with(answers)) == ["a1"]
    assert names(week.aside_with(answered({"a0": right(1), "a1": wrong(1)}))) == names(week.aside)


def test_a_lone_annotator_is_told_by_gold() -> None:
    week = liars(0, week=annotating.week(shares=(1.0,)))

    assert week.aside == ()
    assert names(week.aside_with(answered({"a0": wrong(6)}))) == ["a0"]


def test_where_gold_confirms_both_sides_the_labels_decide_as_without_it() -> None:
    """One confirms whatever the classifier says; of what was verified before it was right."""
    week = annotating.week()
    lost = (week.meant == DISCOVERY) & (np.arange(len(week.meant)) % 2 == 0)
    predicted = np.where(lost, RECOMMENDATION, week.asked.predicted).astype(np.int16)
    worse = dataclasses.replace(week, asked=dataclasses.replace(week.asked, predicted=predicted))
    called = predicted[week.votes.row] == RECOMMENDATION
    lazy = worse.changed((week.votes.annotator == 2) & called, RECOMMENDATION)
    answers = answered({"a0": right(20), "a1": right(20), "a2": right(20)})

    assert names(lazy.aside) == ["a2"]
    assert lazy.aside_with(answers) == lazy.aside


def test_who_contradicts_everybody_in_all_is_believed_if_gold_confirms_him() -> None:
    week = annotating.week()
    bots = week.changed(week.votes.annotator > 0, present.INDEX["promotion"])
    answers = answered({"a0": right(20)})

    assert "a0" in names(bots.aside)
    assert sorted(names(bots.aside_with(answers))) == ["a1", "a2"]


def test_honest_annotators_and_gold_leave_a_week_as_it_was() -> None:
    answers = answered({"a0": right(20), "a1": right(19) + wrong(1), "a2": right(20)})

    assert annotating.week().aside_with(answers) == ()
    assert annotating.week(recall=0.6).aside_with(answers) == ()


def test_how_many_each_has_answered_and_rightly() -> None:
    answers = answered({"a0": right(3), "a1": right(1) + wrong(2), "a2": []})

    assert gold.tallies(answers) == [gold.Tally("a0", 3, 3, 6), gold.Tally("a1", 3, 1, 6)]
    assert gold.tallies(gold.NO_ANSWERS) == []


# what counts as an answer, and which label holds


def question(intent: str = "faq", at: dt.datetime = VERIFIED) -> gold.Question:
    return gold.Question(intent, at, "rin")


def entry(
    req_id: str,
    annotator: str,
    at: dt.datetime,
    intent: str | None = "faq",
) -> votes.Entry:
    return votes.Entry(req_id, annotator, at, f"{req_id}{annotator}{at}", intent)


def told(answers: gold.Answers) -> list[tuple[str, str]]:
    return [
        (answers.names[who], present.INTENTS[named])
        for who, named in zip(answers.annotator, answers.named, strict=True)
    ]


def test_the_newest_answer_counts_oldest_first_and_none_that_was_taken_back() -> None:
    entries = [
        entry("g1", "a1", AT - 2 * HOUR, "promotion"),
        entry("g2", "a1", AT - 5 * HOUR, "chitchat"),
        entry("g2", "a1", AT - 4 * HOUR, "faq"),
        entry("g1", "a2", AT - 3 * HOUR, "faq"),
        entry("g2", "a2", AT - 3 * HOUR, None)._replace(cannot_tell=True),
        entry("g1", "a3", AT - 3 * HOUR, "faq"),
        entry("g1", "a3", AT - 1 * HOUR, None),
    ]
    answers = gold.answers({"g1": question(), "g2": question()}, entries, AT)

    assert told(answers) == [("a1", "faq"), ("a2", "faq"), ("a1", "promotion")]
    assert answers.right.tolist() == [True, True, False]


def test_what_was_said_before_it_was_verified_says_nothing_of_the_annotator() -> None:
    """Nor the correction of it: it is what reviewers disputed."""
    before, after = VERIFIED - HOUR, VERIFIED + HOUR
    entries = [
        entry("g1", "a1", before, "promotion"),
        entry("g1", "a1", after, "faq"),
        entry("g1", "a2", VERIFIED),
        entry("g1", "a3", after),
    ]

    assert told(gold.answers({"g1": question()}, entries, AT)) == [("a3", "faq")]


def test_an_answer_counts_for_four_weeks() -> None:
    questions = {"g1": question(at=AT - 60 * DAY)}
    old, new = entry("g1", "a1", AT - gold.LOOK_BACK), entry("g1", "a2", AT - 27 * DAY)

    assert told(gold.answers(questions, [old, new], AT)) == [("a2", "faq")]


def test_a_question_that_nobody_has_answered_and_the_first_day() -> None:
    assert len(gold.answers({"g1": question()}, [], AT)) == 0
    assert len(gold.answers({}, [entry("g1", "a1", AT)], AT)) == 0
    first = gold.of({"g1": question(at=AT - HOUR)}, ["r1", "g1"], [], AT)
    assert (first.row.tolist(), first.label.tolist(), len(first.answers)) == ([1], [FAQ], 0)


def test_the_verified_label_holds_whatever_annotators_say() -> None:
    sent = AT - DAY
    req_ids = ["r1", "g1", "g2"]
    asked = samples.sample(((sent, "faq", 0.9, 0.5, None) for _ in req_ids), [0, 0, 0])
    said = [
        entry("r1", "a1", AT, "promotion"),
        entry("g1", "a1", AT, "promotion")._replace(also=("chitchat",)),
        entry("g1", "a2", AT, "promotion"),
    ]
    standing = votes.latest(votes.said(req_ids, said))
    verified = gold.of({"g1": question(), "g2": question()}, req_ids, said, AT)

    def held(known: gold.Gold) -> samples.Sample:
        return labelled.labelled(asked, standing, policy.Labels(), known)

    promotion = present.INDEX["promotion"]
    assert held(verified).label.tolist() == [promotion, FAQ, FAQ]
    assert held(verified).also.sum() == 0
    assert held(gold.NONE).label.tolist() == [promotion, promotion, samples.UNLABELLED]
    assert held(gold.NONE).also.sum() > 0


def test_a_question_that_is_taken_back_is_as_if_it_had_never_been() -> None:
    entries = [entry("g1", "a1", AT - HOUR, "promotion")]
    retired = gold.of({}, ["g1"], entries, AT)

    assert (len(retired.row), len(retired.answers)) == (0, 0)
