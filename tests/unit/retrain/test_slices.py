"""Slices of messages: what is in them, and which of them a model serves worse than its confidences
say.
"""

from dataclasses import replace

import builders
import numpy as np
import pytest

from retrain.evaluation import checks, samples, slices, wishes
from schemas import slices as kinds


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("where is my order", {"latin"}),
        ("ナルトの全巻はありますか", {"japanese", "short", "jargon"}),
        ("Naruto みたいな漫画", {"mixed", "jargon"}),
        ("???", {"other", "short"}),
        ("is vol. 12 of the omnibus out", {"latin", "jargon"}),
        ("volition matters to me", {"latin"}),
        ("lol r u a bot", {"latin", "slang"}),
        ("do you ship to the U.S. at all", {"latin"}),
        ("a" * 121, {"latin", "long"}),
        # Patterns that try every place anew would take hours.
        ("w" * 1_000_000, {"latin", "long", "slang"}),
        ("「" * 1_000_000, {"other", "long"}),
    ],
)
def test_what_a_message_is_in(text: str, names: set[str]) -> None:
    assert {name for name in kinds.NAMES if kinds.of(text) & kinds.BITS[name]} == names


def drawn(
    n: int, seed: int, *, sure_and_wrong: float = 0.0, too_sure: float = 0.0
) -> samples.Sample:
    """n messages answered with 0.9: a third in Japanese, where `sure_and_wrong` more are wrong;
    everywhere `too_sure` more.
    """
    rng = np.random.default_rng(seed)
    japanese = rng.random(n) < 1 / 3
    right = rng.random(n) < 0.9 - too_sure - sure_and_wrong * japanese
    p = np.where(np.arange(n) % 3, 0.1, 0.4)
    return builders.sample(
        right,
        p=p,
        slices=np.where(
            japanese, kinds.of("日本語で長めの文章を書きます"), kinds.of("an order of mine")
        ).tolist(),
    )


def named(sample: samples.Sample) -> dict[str, checks.Figure]:
    return {figure.name: figure for figure in slices.figures(sample)}


def test_a_slice_that_is_wrong_and_sure_is_found_and_its_accuracy_told() -> None:
    figures = named(drawn(900, 1, sure_and_wrong=0.25))
    gap, accuracy = figures["gap_japanese"], figures["accuracy_japanese"]
    assert gap.value == pytest.approx(0.25, abs=0.1)
    assert gap.p_value is not None
    assert gap.p_value < 0.001
    assert accuracy.low is not None
    assert accuracy.high is not None
    assert accuracy.low < 0.65 < accuracy.high
    assert figures["gap_latin"].p_value == 1.0


def test_a_model_that_is_too_sure_everywhere_has_no_bad_slice() -> None:
    p = [named(drawn(600, seed, too_sure=0.15))["gap_japanese"].p_value for seed in range(60)]
    assert sum(value is not None and value < 0.05 for value in p) <= 6


def test_of_many_slices_without_a_difference_few_are_called() -> None:
    """The share of samples in which any slice is called at 0.05 stays near 0.05, although several
    are looked at.
    """
    called = 0
    for seed in range(200):
        sample = drawn(400, seed)
        anything = (
            np.random.default_rng(seed)
            .integers(0, 1 << len(kinds.NAMES), len(sample))
            .astype(np.uint16)
        )
        called += any(
            figure.p_value is not None and figure.p_value < 0.05
            for figure in slices.figures(replace(sample, slices=anything))
        )
    assert 1 <= called <= 24


def test_slices_with_few_labels_say_nothing_and_order_changes_no_bit() -> None:
    sample = drawn(500, 3)
    assert slices.figures(sample) == slices.figures(
        sample.chosen(np.random.default_rng(1).permutation(500))
    )
    assert slices.figures(sample.chosen(slice(0, 30))) == slices.figures(samples.sample(())) == ()


def test_two_wishes_are_a_slice_of_labelled_messages() -> None:
    sample = drawn(300, 4)
    assert "accuracy_two_wishes" not in named(sample)
    both = replace(sample, also=wishes.of([1] * 50 + [0] * 250))
    assert named(both)["accuracy_two_wishes"].n == 50
