"""What a reference lets one expect of a model today: at another mix, of some of its intents, and
what a window of its own traffic makes of it.
"""

import random
from typing import Any

import builders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.evaluation import reference, samples
from schemas import present, runs, windows

CHANCES = st.integers(0, 9_999).map(random.Random)

# Half faq, which it answers well, half chitchat, which it does not: accuracy 0.8.
HALVES = runs.Reference(
    model=builders.MODEL,
    n=1_000,
    intent_counts={"faq": 500, "chitchat": 500},
    accuracy=0.8,
    accuracy_n=400,
    recall={"faq": 0.9, "chitchat": 0.7},
)


def asked(**by_intent: int) -> samples.Sample:
    """So many answers of these intents, each standing for two."""
    rows = []
    for intent, count in by_intent.items():
        rows += [(builders.AT, intent, 0.9, 0.5, None)] * count
    return samples.sample(rows)


def replaced(**fields: Any) -> runs.Reference:
    as_before = {name: getattr(HALVES, name) for name in HALVES.__slots__}
    return runs.Reference(**(as_before | fields))


# Accuracy at today's mix


def test_a_mix_of_hard_messages_alone_leaves_their_recall() -> None:
    """0.8 + (0 - 0.5) x 0.9 + (1 - 0.5) x 0.7 = 0.7."""
    assert reference.accuracy(HALVES, asked(chitchat=10)) == pytest.approx(0.7)


def test_a_mix_of_easy_messages_is_not_held_to_more_than_before() -> None:
    assert reference.accuracy(HALVES, asked(faq=10)) == 0.8


def test_the_mix_of_before_expects_what_was_before() -> None:
    assert reference.accuracy(HALVES, asked(faq=7, chitchat=7)) == pytest.approx(0.8)


def test_a_message_that_was_asked_for_half_as_often_stands_for_twice_as_many() -> None:
    """One faq for 2, one chitchat for 4: shares 1/3 and 2/3. 0.8 - 0.9 / 6 + 0.7 / 6 = 0.7667."""
    both = samples.sample(
        [
            (builders.AT, "faq", 0.9, 0.5, None),
            (builders.AT, "chitchat", 0.9, 0.25, None),
        ]
    )

    assert reference.accuracy(HALVES, both) == pytest.approx(0.8 - 0.2 / 6)


def test_an_intent_without_a_known_recall_is_taken_to_be_as_good_as_all() -> None:
    """0.8 - 0.5 x 0.9 - 0.5 x 0.7 + 1 x 0.8 = 0.8."""
    assert reference.accuracy(HALVES, asked(promotion=10)) == pytest.approx(0.8)


def test_the_mix_is_that_of_the_answers_not_of_what_people_say_they_meant() -> None:
    meant = [(builders.AT, "faq", 0.9, 0.5, "chitchat")] * 5

    assert reference.accuracy(HALVES, samples.sample(meant)) == 0.8


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"accuracy": None}, None),
        ({"intent_counts": {}}, 0.8),
        ({"intent_counts": {"faq": 0, "chitchat": 0}}, 0.8),
        ({"recall": None}, 0.8),
        ({"recall": {}}, 0.8),
    ],
)
def test_what_a_reference_does_not_say_is_not_expected(
    changes: dict[str, Any], expected: float | None
) -> None:
    wanted = reference.accuracy(replaced(**changes), asked(chitchat=10))

    assert wanted == (None if expected is None else pytest.approx(expected))


def test_without_a_sampled_message_the_accuracy_of_before_is_expected() -> None:
    assert reference.accuracy(HALVES, samples.sample(())) == 0.8


@given(st.lists(st.sampled_from(present.INTENTS), min_size=1, max_size=30), CHANCES)
def test_no_mix_raises_what_is_expected_and_no_order_changes_a_bit_of_it(
    intents: list[str], chance: random.Random
) -> None:
    rows = [(builders.AT, name, 0.9, 0.1 + 0.8 * chance.random(), None) for name in sorted(intents)]
    shuffled = chance.sample(rows, len(rows))

    expected = reference.accuracy(HALVES, samples.sample(rows))

    assert expected is not None
    assert 0.0 <= expected <= 0.8
    assert reference.accuracy(HALVES, samples.sample(shuffled)) == expected


# How many labels stand behind it


def test_of_some_intents_about_their_share_of_the_labels() -> None:
    assert reference.labels(HALVES) == 400
    assert reference.labels(HALVES, ("faq",)) == 200
    assert reference.labels(HALVES, ("faq", "chitchat")) == 400


def test_an_intent_that_was_hardly_ever_named_rests_on_one_label_at_least() -> None:
    assert reference.labels(HALVES, ("promotion",)) == 1
    assert reference.labels(HALVES, ()) == 1


@pytest.mark.parametrize(
    ("before", "intents"),
    [
        (None, ("faq",)),
        (replaced(accuracy_n=None), ("faq",)),
        (replaced(accuracy_n=None), present.INTENTS),
        (replaced(intent_counts={}), ("faq",)),
    ],
)
def test_where_nobody_says_on_how_many_labels_it_rests_nobody_guesses(
    before: runs.Reference | None, intents: tuple[str, ...]
) -> None:
    assert reference.labels(before, intents) is None


def test_of_all_intents_no_mix_is_needed() -> None:
    assert reference.labels(replaced(intent_counts={})) == 400


# The mean of some recalls


def test_recalls_are_averaged_by_the_counts_one_gives_them() -> None:
    recall = {"faq": 0.9, "chitchat": 0.6}

    assert reference.mean_recall(recall, {"faq": 1, "chitchat": 1}) == pytest.approx(0.75)
    assert reference.mean_recall(recall, {"faq": 2, "chitchat": 1}) == pytest.approx(0.8)
    assert reference.mean_recall(recall, {"faq": 5, "chitchat": 0}) == 0.9


@pytest.mark.parametrize(
    ("recall", "counts"),
    [({}, {"faq": 3}), ({"faq": 0.9}, {}), ({"faq": 0.9}, {"chitchat": 3}), ({}, {})],
)
def test_the_mean_of_no_known_recall_is_none(
    recall: dict[str, float], counts: dict[str, int]
) -> None:
    assert reference.mean_recall(recall, counts) is None


def test_an_intent_without_a_recall_does_not_count_as_none_right() -> None:
    assert reference.mean_recall({"faq": 0.9}, {"faq": 1, "chitchat": 99}) == pytest.approx(0.9)


# What a window of its own traffic shows


def day() -> windows.Tally:
    """100 answers an intent, ten of each unsure, and 50 errors; the answers' confidences add up to
    900, their tokens to 20,000.
    """
    return builders.tally(
        low=10,
        errors=50,
        latency_ms=8.0,
        confidence_sum_micro=900 * windows.MICRO,
        tokens_sum=20_000,
    )


def test_what_is_seen_of_a_day_is_about_its_answers_errors_left_out() -> None:
    seen = reference.seen(day(), HALVES)

    assert seen.n == 1_000
    assert seen.intent_counts == dict.fromkeys(present.INTENTS, 100)
    assert (seen.mean_confidence, seen.low_confidence_rate) == (0.9, 0.1)
    assert seen.mean_tokens == 20.0
    assert seen.p95_latency_ms == pytest.approx(8.0, rel=0.01)


def test_what_labels_said_before_is_not_seen_anew() -> None:
    seen = reference.seen(day(), HALVES)

    assert (seen.model, seen.accuracy, seen.accuracy_n) == (builders.MODEL, 0.8, 400)
    assert seen.recall == {"faq": 0.9, "chitchat": 0.7}


def test_a_tokenizer_is_learnt_once_and_kept() -> None:
    its_own = builders.tally(tokenizer_n=1_000, tokenizer_sum=7_000, tokenizer_square_sum=49_000)

    assert reference.seen(its_own, HALVES).tokenizer == 7
    assert reference.seen(its_own, replaced(tokenizer=5)).tokenizer == 5
    assert reference.seen(day(), HALVES).tokenizer is None
