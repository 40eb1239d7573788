"""Pure. Which rows make each batch of an epoch."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
# Batches sorted by length together: padding falls by two thirds and every batch is still random.
_POOL = 50


def drawn(
    lengths: Rows,
    size: int,
    rng: np.random.Generator,
) -> Iterator[Rows]:
    """Row numbers of each batch of one epoch: shuffled, with rows of like length together. Lengths
    have shape (n,).

    >>> [batch.tolist() for batch in drawn(np.array([3, 1, 2]), 2, np.random.default_rng(1))]
    [[1, 2], [0]]
    """
    shuffled = rng.permutation(len(lengths))
    batches: list[Rows] = []
    for pool in cut(shuffled, size * _POOL):
        by_length = np.argsort(lengths[pool], kind="stable")
        batches += cut(pool[by_length], size)

    # Shuffled as well: within a pool they go from short to long.
    for number in rng.permutation(len(batches)):
        yield batches[number]


def alike(labels: Rows, rng: np.random.Generator) -> Rows:
    """As many rows as there are, drawn with replacement, each intent as often as the others. Shape
    (n,) -> (n,).

    >>> rows = alike(np.array([0, 0, 0, 1]), np.random.default_rng(1))
    >>> len(rows), sorted(np.unique(rows).tolist())[-1]
    (4, 3)
    """
    counts = np.bincount(labels)
    chance = 1 / counts[labels]
    return rng.choice(len(labels), len(labels), p=chance / chance.sum())


def cut(rows: Rows, size: int) -> list[Rows]:
    """Parts of `size` in their order; the last may be shorter.

    >>> [part.tolist() for part in cut(np.arange(3), 2)]
    [[0, 1], [2]]
    """
    begins = range(0, len(rows), size)
    return [rows[begin : begin + size] for begin in begins]
