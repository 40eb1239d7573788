"""Live accuracy and recall of samples one can count on one's fingers: what each label stands for,
which hours count, and what becomes of figures at the ends of their range.
"""

import datetime as dt
import math
import random

import builders
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.evaluation import live, samples, standardised
from schemas import events, present

CHANCES = st.integers(0, 9_999).map(random.Random)

AT = builders.AT
HOUR = dt.timedelta(hours=1)
RARE = present.RARE


def accuracy_of(
    right: list[bool], *, p: float | list[float], confidence: float = 0.9, n: int
) -> live.Estimate:
    """Of n answers with that mean confidence, these labelled."""
    sampled = builders.sample(right, confidence=confidence, p=p)
    return live.accuracy(sampled, n, confidence)


# Accuracy


def test_a_label_that_contradicts_its_confidence_moves_all_it_stands_for() -> None:
    """Two labels of p 0.1 stand for ten answers each. 0.9 + (10 x 0.1 - 10 x 0.9) / 20 = 0.5."""
    estimate = accuracy_of([True, False], p=0.1, n=20)

    assert estimate.estimate == pytest.approx(0.5)
    assert (estimate.naive, estimate.n_labels, estimate.n_predictions) == (0.5, 2, 20)
    assert estimate.n_effective == pytest.approx(2.0)


def test_labels_that_stand_for_unequal_many_are_fewer_than_they_look() -> None:
    """Weights 10 and 2: 12 x 12 / (100 + 4) = 1.38 labels of equal weight."""
    estimate = accuracy_of([True, True], p=[0.1, 0.5], n=100)

    assert estimate.n_effective == pytest.approx(144 / 104)


def test_where_every_answer_has_its_label_the_confidences_say_nothing_more() -> None:
    """p 1 and four of five right: 0.8 whatever the model thought of itself, with the variance of
    five draws, 0.8 x 0.2 / 5.
    """
    for confidence in (0.1, 0.5, 0.99):
        estimate = accuracy_of([True] * 4 + [False], p=1.0, confidence=confidence, n=5)

        assert estimate.estimate == pytest.approx(0.8)
        assert estimate.low == pytest.approx(0.8 - 1.96 * math.sqrt(0.16 / 5), abs=1e-4)
        assert estimate.high == 1.0


def test_labels_that_are_missing_at_random_let_each_other_one_stand_for_more() -> None:
    """Half of those asked answered, so p 0.2 stands for ten: 0.9 - 10 x 0.9 / 100 = 0.81."""
    asked = builders.sample([False, None], p=0.2)

    estimate = live.accuracy(live.weighted(asked), 100, 0.9)

    assert estimate.estimate == pytest.approx(0.81)


@pytest.mark.parametrize(("right", "end"), [(True, 1.0), (False, 0.0)])
def test_no_estimate_leaves_the_range_of_a_ratio(right: bool, end: float) -> None:
    """One label that stands for a thousand answers among ten would carry it far out."""
    estimate = accuracy_of([right], p=0.001, confidence=0.5, n=10)

    assert estimate.estimate == end
    assert estimate.low is not None
    assert estimate.high is not None
    assert 0.0 <= estimate.low <= end <= estimate.high <= 1.0


@pytest.mark.parametrize(("labels", "n"), [(0, 100), (3, 0), (0, 0)])
def test_without_a_label_or_without_an_answer_there_is_no_accuracy(labels: int, n: int) -> None:
    estimate = accuracy_of([True] * labels, p=0.5, n=n)

    assert (estimate.estimate, estimate.low, estimate.high) == (None, None, None)
    assert (estimate.n_effective, estimate.naive) == (None, None)
    assert (estimate.n_labels, estimate.n_predictions) == (labels, n)


@pytest.mark.parametrize("p", [0.0, -1.0, 1e-300])
def test_no_message_speaks_for_more_than_ten_thousand(p: float) -> None:
    rows = [(AT, "faq", 0.9, p, "faq")]

    assert samples.sample(rows).p.tolist() == [events.P_FLOOR] == [0.0001]


def test_an_intent_that_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(KeyError, match="horoscope"):
        samples.sample([(AT, "horoscope", 0.9, 0.5, None)])
    with pytest.raises(KeyError, match="horoscope"):
        samples.sample([(AT, "faq", 0.9, 0.5, "horoscope")])


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0.0, 1.0), st.floats(0.001, 1.0)), min_size=1),
    st.integers(1, 10_000),
)
def test_whatever_the_labels_the_estimate_lies_in_its_interval(
    labels: list[tuple[bool, float, float]], n: int
) -> None:
    right, confidence, p = zip(*labels, strict=True)
    sampled = builders.sample(right, confidence=confidence, p=p)

    estimate = live.accuracy(sampled, n, sum(confidence) / len(confidence))

    assert estimate.estimate is not None
    assert estimate.low is not None
    assert estimate.high is not None
    assert 0.0 <= estimate.low <= estimate.estimate <= estimate.high <= 1.0
    assert estimate.n_effective is not None
    assert 1.0 - 1e-9 <= estimate.n_effective <= len(labels) + 1e-9


# Recall


def test_recall_is_of_what_people_meant_whatever_was_answered() -> None:
    """Of faq: one answered so (p 0.5, for 2), one as chitchat (p 0.25, for 4): 2 / 6."""
    rows = [
        (AT, "faq", 0.9, 0.5, "faq"),
        (AT, "chitchat", 0.9, 0.25, "faq"),
        (AT, "faq", 0.9, 0.5, "chitchat"),
    ]

    recall = live.recall(samples.sample(rows), ("faq",), "recall", "faq", 100)

    assert recall.estimate == pytest.approx(1 / 3)
    assert (recall.n_labels, recall.naive, recall.intent) == (2, 0.5, "faq")
    assert recall.n_effective == pytest.approx(36 / 20)


def test_an_intent_that_nobody_meant_has_no_recall() -> None:
    recall = live.recall(builders.sample([True]), ("promotion",), "recall", "promotion", 100)

    assert (recall.estimate, recall.n_labels, recall.n_predictions) == (None, 0, 100)


def test_the_recall_of_several_is_that_of_them_as_one() -> None:
    """Three rare messages, two of them answered rightly; an intent named twice counts once."""
    rows = [(AT, intent, 0.9, 1.0, intent) for intent in RARE[:2]]
    rows += [(AT, "faq", 0.9, 1.0, RARE[0])]

    recall = live.recall(samples.sample(rows), (*RARE, *RARE), "rare_recall", None, 100)

    assert recall.estimate == pytest.approx(2 / 3)
    assert recall.n_labels == 3


# At another mix


def of_intent(intent: str, value: float, low: float, high: float, n: int = 50) -> live.Estimate:
    return live.Estimate("recall", intent, value, low, high, n, float(n), 900, value)


EASY = of_intent("faq", 0.9, 0.85, 0.93)
HARD = of_intent("promotion", 0.5, 0.4, 0.6, n=20)


def test_recalls_are_weighed_by_the_mix_one_gives_them() -> None:
    """0.8 x 0.9 + 0.2 x 0.5 = 0.82. Below: 0.8 x 0.05 = 0.04 and 0.2 x 0.1 = 0.02, together
    0.0447; above: 0.024 and 0.02, together 0.0312.
    """
    at_mix = standardised.accuracy([EASY, HARD], {"faq": 8, "promotion": 2})

    assert at_mix.estimate == pytest.approx(0.82)
    assert at_mix.low == pytest.approx(0.82 - math.hypot(0.04, 0.02))
    assert at_mix.high == pytest.approx(0.82 + math.hypot(0.024, 0.02))
    assert (at_mix.n_labels, at_mix.n_predictions, at_mix.metric) == (
        70,
        900,
        "mix_adjusted_accuracy",
    )


def test_a_mix_of_one_intent_is_its_recall() -> None:
    alone = standardised.accuracy([EASY, HARD], {"promotion": 3})

    assert (alone.estimate, alone.n_labels) == (0.5, 20)
    assert (alone.low, alone.high) == (pytest.approx(0.4), pytest.approx(0.6))


def test_ten_times_the_mix_is_the_same_mix() -> None:
    once = standardised.accuracy([EASY, HARD], {"faq": 8, "promotion": 2})
    ten_times = standardised.accuracy([EASY, HARD], {"faq": 80, "promotion": 20})

    assert once == ten_times


def test_without_a_mix_there_is_no_figure_and_still_the_size_of_the_window() -> None:
    nothing = standardised.accuracy([EASY, HARD], {})

    assert (nothing.estimate, nothing.n_labels, nothing.n_predictions) == (None, 0, 900)
    assert standardised.accuracy([], {"faq": 3}).estimate is None


# Which hours count


def asked(
    hour: int, labels: list[str | None]
) -> list[tuple[dt.datetime, str, float, float, str | None]]:
    return [(AT + hour * HOUR, "faq", 0.9, 0.5, label) for label in labels]


@pytest.mark.parametrize(
    ("labels", "counts"),
    [
        (["faq", None], True),
        (["faq", None, None], False),
        (["faq", "faq", None], True),
        ([None], False),
        ([], True),
    ],
)
def test_an_hour_counts_where_half_of_its_messages_have_their_label(
    labels: list[str | None], counts: bool
) -> None:
    hours = {AT: live.Hour(10, 9.0), AT + HOUR: live.Hour(100, 90.0)}
    rows = [*asked(0, ["faq"]), *asked(1, labels)]

    accuracy = live.figures(samples.sample(rows), hours).accuracy

    assert accuracy.n_predictions == (110 if counts else 10)


def test_messages_of_an_hour_that_nobody_counted_do_not_count_either() -> None:
    rows = [*asked(0, ["faq"]), *asked(1, ["chitchat", "chitchat"])]

    accuracy = live.figures(samples.sample(rows), {AT: live.Hour(10, 9.0)}).accuracy

    assert (accuracy.n_labels, accuracy.naive) == (1, 1.0)


def test_the_hours_of_another_zone_are_the_same_hours() -> None:
    """Tokyo's hours begin with those of UTC; the same instants give the same figures."""
    tokyo = dt.timezone(9 * HOUR)
    rows = asked(0, ["faq", "chitchat", None])
    there = [(at.astimezone(tokyo), *rest) for at, *rest in rows]
    hours = {AT: live.Hour(10, 9.0)}

    figures = live.figures(
        samples.sample(there),  # type: ignore[arg-type]
        {at.astimezone(tokyo): hour for at, hour in hours.items()},
    )

    assert figures.every == live.figures(samples.sample(rows), hours).every


def test_every_figure_of_nothing_is_nothing() -> None:
    figures = live.figures(samples.sample(()), {})

    assert {each.estimate for each in figures.every} == {None}
    assert {each.n_predictions for each in figures.every} == {0}
    assert [each.intent for each in figures.recalls] == [*present.INTENTS]


@given(CHANCES, st.integers(1, 40))
def test_the_order_of_hours_and_of_messages_changes_no_bit(chance: random.Random, n: int) -> None:
    rows = []
    for _ in range(n):
        label = chance.choice([None, *present.INTENTS])
        hour = chance.randrange(3)
        p = chance.uniform(0.01, 1)
        rows.append((AT + hour * HOUR, "faq", chance.random(), p, label))
    hours = [(AT + i * HOUR, live.Hour(1_000, 1_000 * chance.random())) for i in range(3)]

    figures = live.figures(samples.sample(rows), dict(hours))
    turned = live.figures(
        samples.sample(chance.sample(rows, n)),
        dict(chance.sample(hours, 3)),
    )

    assert turned.every == figures.every


# Choosing messages


def test_messages_are_chosen_by_mask_slice_or_place_with_all_that_is_known_of_them() -> None:
    sampled = builders.sample([True, False, None], confidence=[0.1, 0.2, 0.3], slices=[1, 2, 4])

    by_mask = sampled.chosen(np.array([False, True, False]))
    by_slice = sampled.chosen(slice(1, 2))
    by_place = sampled.chosen(np.array([1]))

    for chosen in (by_mask, by_slice, by_place):
        assert (chosen.confidence.tolist(), chosen.slices.tolist()) == ([0.2], [2])
        assert chosen.label.tolist() == [present.INDEX["chitchat"]]
        assert len(chosen.also) == 1


def test_a_stretch_that_ends_before_it_begins_holds_nothing() -> None:
    sampled = builders.sample([True, True])

    assert len(sampled.between(AT + HOUR, AT)) == 0
    assert len(sampled.between(AT, AT)) == 0
