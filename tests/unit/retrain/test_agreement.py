"""Agreement of annotators: against published figures and against the definitions worked the long
way.
"""

import itertools
import random
from collections import Counter

import pytest

from retrain.labels import agreement

INTENTS = ("faq", "chitchat", "promotion")


def drawn(seed: int, n: int = 60) -> list[list[str]]:
    """One to four labels a message, alike more often than not."""
    chance = random.Random(seed)
    units = []
    for _ in range(n):
        truth = chance.choice(INTENTS)
        units.append(
            [
                truth if chance.random() < 0.7 else chance.choice(INTENTS)
                for _ in range(chance.randint(1, 4))
            ]
        )
    return units


def long_way(units: list[list[str]]) -> float:
    """Krippendorff 2011 by its coincidence matrix: every ordered pair of labels of a message, each
    message weighing 1 / (m - 1).
    """
    coincidence: Counter[tuple[str, str]] = Counter()
    for unit in units:
        for one, other in itertools.permutations(unit, 2):
            coincidence[one, other] += 1 / (len(unit) - 1)  # type: ignore[assignment]
    margins = {
        intent: sum(v for (a, _), v in coincidence.items() if a == intent) for intent in INTENTS
    }
    n = sum(margins.values())
    observed = sum(v for (a, b), v in coincidence.items() if a != b) / n
    expected = sum(margins[a] * margins[b] for a, b in itertools.permutations(INTENTS, 2)) / (
        n * (n - 1)
    )
    return 1 - observed / expected


@pytest.mark.parametrize("seed", range(5))
def test_alpha_is_one_less_observed_over_expected_disagreement(seed: int) -> None:
    units = drawn(seed)
    alpha = agreement.krippendorff_alpha(units)
    assert alpha.n == sum(len(unit) > 1 for unit in units)
    assert alpha.alpha == pytest.approx(long_way(units))
    assert alpha.alpha is not None
    assert alpha.low is not None
    assert alpha.high is not None
    assert alpha.low < alpha.alpha < alpha.high


def test_single_labels_and_their_order_say_nothing() -> None:
    units = drawn(7)
    alone = agreement.krippendorff_alpha([unit for unit in units if len(unit) > 1])
    turned = agreement.krippendorff_alpha([list(reversed(unit)) for unit in reversed(units)])
    assert (alone.n, turned.alpha) == (turned.n, pytest.approx(alone.alpha))


def test_alphas_interval_covers_the_truth_about_19_times_in_20() -> None:
    """Two annotators who are right with 0.7, else draw: both right or alike by chance, so alpha is
    0.49 in the long run.
    """
    hits = 0
    for seed in range(200):
        chance = random.Random(seed)
        truths = [chance.choice(INTENTS) for _ in range(150)]
        units = [
            [truth if chance.random() < 0.7 else chance.choice(INTENTS) for _ in range(2)]
            for truth in truths
        ]
        alpha = agreement.krippendorff_alpha(units)
        hits += alpha.low is not None and alpha.high is not None and alpha.low <= 0.49 <= alpha.high
    assert 180 <= hits <= 199


@pytest.mark.parametrize("units", [[], [["faq"]], [["faq", "faq"], ["faq", "faq", "faq"]]])
def test_without_two_intents_there_is_no_alpha(units: list[list[str]]) -> None:
    assert agreement.krippendorff_alpha(units).alpha is None


def test_full_agreement_is_one_without_an_interval() -> None:
    alpha = agreement.krippendorff_alpha([["faq", "faq"], ["chitchat", "chitchat"]] * 20)
    assert (alpha.alpha, alpha.low, alpha.high) == (1.0, None, None)


def test_kappa_ends() -> None:
    assert agreement.cohen_kappa(["faq", "chitchat"], ["faq", "chitchat"]) == 1.0
    assert agreement.cohen_kappa(["faq", "chitchat"], ["chitchat", "faq"]) == -1.0
    assert agreement.cohen_kappa(["faq"] * 3, ["faq"] * 3) is None
    assert agreement.cohen_kappa([], []) is None
    with pytest.raises(ValueError, match="shorter"):
        agreement.cohen_kappa(["faq", "faq"], ["faq"])


def test_every_two_annotators_are_compared_on_what_they_share() -> None:
    units = [{"c": "faq", "a": "faq", "b": "chitchat"}, {"a": "faq", "c": "faq"}, {"b": "faq"}]
    shared = {pair.annotators: (pair.n, pair.agreement) for pair in agreement.pairs(units)}
    assert shared == {("a", "b"): (1, 0.0), ("a", "c"): (2, 1.0), ("b", "c"): (1, 0.0)}
