"""What holds of any two annotators and any messages: agreement does not ask who is who, in which
order anybody spoke, nor what the intents are called.
"""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.labels import agreement
from schemas import present

CHANCES = st.integers(0, 9_999).map(random.Random)

INTENTS = present.INTENTS[:4]
LABEL = st.sampled_from(INTENTS)
BOTH = st.lists(st.tuples(LABEL, LABEL), max_size=40)
UNITS = st.lists(st.lists(LABEL, max_size=4), max_size=25)
# The same intents under other names, some of which a careless join would mistake for one.
RENAMED = dict(zip(INTENTS, ['faq"', "faq'", "fa,q", "\u202efaq\n"], strict=True))


def columns(labels: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [one for one, _ in labels], [other for _, other in labels]


# Cohen's kappa


@given(BOTH)
def test_kappa_does_not_ask_who_of_the_two_is_the_first(labels: list[tuple[str, str]]) -> None:
    first, second = columns(labels)

    assert agreement.cohen_kappa(first, second) == agreement.cohen_kappa(second, first)


@given(BOTH, CHANCES)
def test_neither_the_order_of_messages_nor_the_names_of_intents_change_kappa(
    labels: list[tuple[str, str]], chance: random.Random
) -> None:
    shuffled = chance.sample(labels, len(labels))
    renamed = [(RENAMED[one], RENAMED[other]) for one, other in shuffled]

    kappa = agreement.cohen_kappa(*columns(labels))

    assert agreement.cohen_kappa(*columns(shuffled)) == kappa
    assert agreement.cohen_kappa(*columns(renamed)) == kappa


@given(BOTH)
def test_kappa_lies_between_full_disagreement_and_full_agreement(
    labels: list[tuple[str, str]],
) -> None:
    kappa = agreement.cohen_kappa(*columns(labels))

    assert kappa is None or -1.0 <= kappa <= 1.0


@given(st.lists(LABEL, min_size=1))
def test_whoever_agrees_with_themselves_has_kappa_one_unless_there_is_but_one_intent(
    labels: list[str],
) -> None:
    kappa = agreement.cohen_kappa(labels, labels)

    assert kappa == (None if len(set(labels)) == 1 else 1.0)


def test_as_much_agreement_as_chance_gives_is_none_at_all() -> None:
    """Each says faq to half; they agree on half of the four: 0.5 = 0.5 x 0.5 + 0.5 x 0.5."""
    labels = [("faq", "faq"), ("faq", "chitchat"), ("chitchat", "faq"), ("chitchat", "chitchat")]

    assert agreement.cohen_kappa(*columns(labels)) == 0.0


@given(BOTH, st.integers(2, 5))
def test_the_same_messages_several_times_over_have_the_same_kappa(
    labels: list[tuple[str, str]], times: int
) -> None:
    once = agreement.cohen_kappa(*columns(labels))
    repeated = agreement.cohen_kappa(*columns(labels * times))

    assert repeated == (None if once is None else pytest.approx(once))


# Krippendorff's alpha


@given(UNITS, CHANCES)
def test_neither_order_nor_names_change_alpha(
    units: list[list[str]], chance: random.Random
) -> None:
    shuffled = [chance.sample(unit, len(unit)) for unit in chance.sample(units, len(units))]
    renamed = [[RENAMED[label] for label in unit] for unit in shuffled]

    before = agreement.krippendorff_alpha(units)
    after = agreement.krippendorff_alpha(renamed)

    assert after.n == before.n
    assert after.alpha == (None if before.alpha is None else pytest.approx(before.alpha))


@given(UNITS)
def test_alpha_is_at_most_one_and_lies_in_its_interval_where_it_has_one(
    units: list[list[str]],
) -> None:
    alpha = agreement.krippendorff_alpha(units)

    assert alpha.alpha is None or alpha.alpha <= 1.0
    assert (alpha.low is None) == (alpha.high is None)
    if alpha.low is not None and alpha.high is not None and alpha.alpha is not None:
        assert -1.0 <= alpha.low <= alpha.alpha <= alpha.high <= 1.0


@given(st.lists(LABEL, min_size=2))
def test_where_everybody_agrees_on_everything_alpha_is_one(intents: list[str]) -> None:
    alpha = agreement.krippendorff_alpha([[intent] * 3 for intent in intents])

    assert alpha.alpha == (None if len(set(intents)) == 1 else 1.0)
    assert (alpha.low, alpha.high) == (None, None)


def test_of_two_messages_one_agreed_on_and_one_not_alpha_is_nought() -> None:
    """faq faq | faq chitchat: 1 of 2 pairs disagrees, D_o = 0.5; three faq and one chitchat give
    6 of 12 ordered pairs by chance, D_e = 0.5.
    """
    alpha = agreement.krippendorff_alpha([["faq", "faq"], ["faq", "chitchat"]])

    assert (alpha.n, alpha.alpha) == (2, pytest.approx(0.0))


# Pairs and confusions


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["ana", "ben", "zoe"]), LABEL, max_size=3), max_size=20
    )
)
def test_a_pair_is_told_of_the_messages_both_have_labelled(units: list[dict[str, str]]) -> None:
    pairs = agreement.pairs(units)

    names = [pair.annotators for pair in pairs]
    assert names == sorted(set(names))
    for pair in pairs:
        one, other = pair.annotators
        shared = [unit for unit in units if one in unit and other in unit]
        equal = sum(unit[one] == unit[other] for unit in shared)
        assert (pair.n, pair.agreement) == (len(shared), equal / len(shared))
        assert 0.0 <= pair.low <= pair.agreement + 1e-12
        assert pair.agreement - 1e-12 <= pair.high <= 1.0


def test_one_annotator_alone_makes_no_pair() -> None:
    assert agreement.pairs([]) == agreement.pairs([{"ana": "faq"}, {}]) == ()


def test_annotators_are_ordered_by_name_whatever_it_holds() -> None:
    (pair,) = agreement.pairs([{"zoë\n": "faq", "<b>": "faq"}])

    assert pair.annotators == ("<b>", "zoë\n")


@given(UNITS)
def test_a_message_confuses_two_intents_once_however_many_said_so(units: list[list[str]]) -> None:
    confusions = agreement.confusions(units)

    expected = Counter(
        (one, other) for unit in units for one in set(unit) for other in set(unit) if one < other
    )
    assert confusions == dict(expected)
    assert list(confusions.values()) == sorted(confusions.values(), reverse=True)


def test_confusions_that_are_as_frequent_come_by_name() -> None:
    units = [
        ["faq", "promotion"],
        ["chitchat", "faq"],
        ["escalation", "faq"],
        ["faq", "escalation"],
    ]

    assert list(agreement.confusions(units)) == [
        ("escalation", "faq"),
        ("chitchat", "faq"),
        ("faq", "promotion"),
    ]
