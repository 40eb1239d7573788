"""An epoch takes every row once, in batches of like length; rates warm up, then fall to nothing."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.train.fit import batches, rates

# Batches.


def epoch(texts: list[str], size: int, seed: int = 1) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    lengths = np.array([len(text) for text in texts])
    return [batch.tolist() for batch in batches.drawn(lengths, size, rng)]


@given(st.lists(st.text(max_size=12), min_size=1, max_size=80), st.integers(1, 20))
def test_every_row_is_in_one_batch_of_an_epoch(texts: list[str], size: int) -> None:
    drawn = epoch(texts, size)

    assert sorted(row for batch in drawn for row in batch) == list(range(len(texts)))


@given(st.integers(1, 200), st.integers(1, 40))
def test_an_epoch_has_as_many_steps_as_its_rate_schedule_counts(n: int, size: int) -> None:
    """fit/loop.py counts ceil(n / size) steps an epoch before any batch is drawn."""
    drawn = epoch(["word"] * n, size)

    assert len(drawn) == math.ceil(n / size)
    assert max(len(batch) for batch in drawn) == min(n, size)


def test_rows_of_like_length_stand_together() -> None:
    """Two batches of four out of four short and four long messages: none is mixed."""
    texts = ["x" * (i % 2 * 90 + 1) for i in range(8)]

    for batch in epoch(texts, 4):
        assert len({len(texts[row]) for row in batch}) == 1


def test_batches_do_not_go_from_short_to_long() -> None:
    texts = ["x" * i for i in range(120)]

    lengths = [len(texts[batch[0]]) for batch in epoch(texts, 1)]

    rising = sum(b > a for a, b in itertools.pairwise(lengths))
    assert 30 < rising < 90


def test_only_fifty_batches_are_sorted_together_so_that_every_epoch_has_others() -> None:
    """200 rows of 200 lengths in pairs: all sorted at once, each row would have the same partner
    for ever.
    """
    texts = ["x" * i for i in range(200)]

    partners = [{frozenset(batch) for batch in epoch(texts, 2, seed)} for seed in (1, 2)]

    assert len(partners[0] & partners[1]) < 80


def test_a_generator_that_goes_on_draws_another_epoch_and_a_new_one_the_same() -> None:
    texts = [f"{'x' * (i % 7)}{i}" for i in range(60)]
    lengths = np.array([len(text) for text in texts])
    rng = np.random.default_rng(3)

    first, second = ([b.tolist() for b in batches.drawn(lengths, 8, rng)] for _ in range(2))

    assert first != second
    assert epoch(texts, 8, seed=3) == first


def test_a_single_row_is_a_batch() -> None:
    assert epoch(["hello"], 32) == [[0]]


def test_cutting_keeps_order_and_every_row() -> None:
    rows = np.array([5, 3, 9, 1])

    assert [part.tolist() for part in batches.cut(rows, 3)] == [[5, 3, 9], [1]]
    assert [part.tolist() for part in batches.cut(rows, 4)] == [[5, 3, 9, 1]]
    assert [part.tolist() for part in batches.cut(rows, 99)] == [[5, 3, 9, 1]]
    assert batches.cut(rows[:0], 3) == []


# The factor of the peak rate at each step.


def test_ten_steps_with_two_of_warmup() -> None:
    """Up in two steps, then down by an eighth a step."""
    factors = [rates.schedule(step, 10, 0.2) for step in range(1, 11)]

    assert factors == [0.5, 1.0, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8, 0.0]


@given(total=st.integers(1, 5_000), warmup=st.floats(0, 1))
def test_a_factor_lies_between_nothing_and_the_peak_and_ends_at_nothing_or_the_peak(
    total: int, warmup: float
) -> None:
    factors = [rates.schedule(step, total, warmup) for step in range(1, total + 1)]

    assert all(0 <= factor <= 1 for factor in factors)
    assert factors[-1] in (0.0, 1.0)


@given(total=st.integers(2, 2_000), warmup=st.floats(0, 0.99))
def test_a_rate_rises_to_one_peak_and_falls_from_it(total: int, warmup: float) -> None:
    factors = [rates.schedule(step, total, warmup) for step in range(1, total + 1)]

    peak = factors.index(max(factors))
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)


def test_without_warmup_the_first_step_is_at_the_peak() -> None:
    assert rates.schedule(1, 100, 0.0) == 1.0


@pytest.mark.parametrize("warmup", [0.0, 0.1, 1.0])
def test_a_fine_tune_of_one_step_divides_by_nothing(warmup: float) -> None:
    assert rates.schedule(1, 1, warmup) == 0.0


# Rates by layer.


def test_the_top_layer_has_the_base_rate_and_each_below_it_a_share_of_the_next() -> None:
    assert [rates.layer_rate(8.0, 0.5, layer, 3) for layer in (0, 1, 2, 3)] == [1.0, 2.0, 4.0, 8.0]


def test_peaks_are_one_more_than_the_layers_for_the_embeddings_and_one_for_the_head() -> None:
    assert rates.peaks(1e-4, 0.8, 6, 5.0)[-2:] == [1e-4, 5e-4]
    assert len(rates.peaks(1e-4, 0.8, 6, 5.0)) == 8


def test_without_decay_all_layers_learn_alike() -> None:
    assert rates.peaks(2.0, 1.0, 2, 1.0) == [2.0, 2.0, 2.0, 2.0]


# Weights by intent.


def test_an_intent_with_half_the_rows_has_twice_the_weight() -> None:
    assert rates.class_weights({"a": 10, "b": 20}, ["a", "b"]) == pytest.approx([4 / 3, 2 / 3])


def test_an_intent_without_rows_cannot_be_trained_and_weighs_nothing() -> None:
    weights = rates.class_weights({"a": 5, "b": 0}, ["a", "b", "never named"])

    assert weights == [3.0, 0.0, 0.0]


def test_one_intent_alone_weighs_one() -> None:
    assert rates.class_weights({"a": 7}, ["a"]) == [1.0]


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=200))
def test_weights_have_a_mean_of_one_and_every_intent_the_same_sway(counts: list[int]) -> None:
    """Rows times weight is the same for all: a frequent intent does not outvote a rare one."""
    order = [f"wish_{i}" for i in range(len(counts))]

    weights = rates.class_weights(dict(zip(order, counts, strict=True)), order)

    assert math.fsum(weights) / len(weights) == pytest.approx(1)
    sway = [n * weight for n, weight in zip(counts, weights, strict=True)]
    assert sway == pytest.approx([sway[0]] * len(sway))


@given(st.lists(st.integers(1, 100), min_size=2, max_size=10), st.randoms())
def test_the_order_of_intents_carries_their_weights_along(
    counts: list[int], random: object
) -> None:
    by_name = {f"wish_{i}": n for i, n in enumerate(counts)}
    forwards = list(by_name)
    backwards = forwards[::-1]

    weights = rates.class_weights(by_name, backwards)

    assert weights[::-1] == pytest.approx(rates.class_weights(by_name, forwards))


def test_oversampling_draws_every_intent_as_often_and_as_many_rows_as_there_are() -> None:
    labels = np.repeat([0, 3, 7], [900, 90, 10])
    drawn = batches.alike(labels, np.random.default_rng(4))

    shares = np.bincount(labels[drawn], minlength=10) / len(drawn)
    assert len(drawn) == 1_000
    assert shares[[0, 3, 7]] == pytest.approx([1 / 3] * 3, abs=0.05)
    assert shares.sum() == pytest.approx(1.0)
