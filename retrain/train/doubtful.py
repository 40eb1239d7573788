"""Pure. Labels that a second opinion doubts: a linear model that never saw a row's group says what
it means, and confident learning (Northcutt et al. 2021) reads off where it is sure of another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from retrain.train import folds
from schemas import present

_CLOSE: Final = 0.1  # of two intents: so near to each other nobody could tell
_LEAST: Final = 50  # rows under which there is no second opinion
# Of the largest slope, which is a mean over rows: ten times as much ends before anything is learnt
# from some 8,000 rows.
_TOLERANCE: Final = 1e-3

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two intents, the share of their n rows that the second opinion takes for the other one."""

    intents: tuple[str, str]
    share: float
    n: int


def opinion(
    texts: Sequence[str],
    labels: Labels,
    groups: Sequence[str],
    learns: Flags | None = None,
) -> Floats | None:
    """Out-of-fold probabilities of every intent, shape (n, K), rows of a group in one fold; None
    where there is too little to learn from. `learns`: the rows it may learn from; all unless told.
    """
    if len(texts) < _LEAST or len(set(groups)) < folds.FOLDS or len(set(labels.tolist())) < 2:
        return None
    grams = TfidfVectorizer(
        analyzer="char_wb",
        ngram_range=(3, 5),
        min_df=2,
        sublinear_tf=True,
        dtype=np.float32,
    )
    table = grams.fit_transform(texts)
    linear = LogisticRegression(C=10, tol=_TOLERANCE, max_iter=60)
    return folds.out_of_fold(linear, table, labels, groups, learns)


def suspected(opinion: Floats, labels: Labels) -> Flags:
    """Which labels are likely wrong: another intent is at least as sure as it is of its own rows on
    average. Shape (n,).

    >>> sure = np.array([[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.1, 0.9], [0.9, 0.1]])
    >>> suspected(sure, np.array([0, 0, 1, 1, 1])).tolist()
    [False, False, False, False, True]
    """
    usual = np.ones(opinion.shape[1])
    for intent in np.unique(labels):
        usual[intent] = opinion[labels == intent, intent].mean()
    surely = np.where(opinion >= usual, opinion, 0.0)
    named = surely.argmax(1)
    return np.asarray((surely.max(1) > 0) & (named != labels))


def ambiguous(opinion: Floats) -> Flags:
    """Which rows two intents are nearly equally likely of. Shape (n,)."""
    ordered = np.sort(opinion, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2] < _CLOSE)


def closest(opinion: Floats, labels: Labels) -> Pair | None:
    """The two intents that are most often taken for each other; None where none are."""
    size = len(present.INTENTS)
    table = np.bincount(labels * size + opinion.argmax(1), minlength=size * size)
    counts = table.reshape(size, size)
    rows = counts.sum(1)
    both = np.maximum(rows[:, None] + rows[None, :], 1)
    known = (rows[:, None] > 0) & (rows[None, :] > 0)
    shares = np.where(known, np.triu(counts + counts.T, 1) / both, 0.0)
    if not shares.any():
        return None
    one, other = np.unravel_index(shares.argmax(), shares.shape)
    names = present.INTENTS[int(one)], present.INTENTS[int(other)]
    return Pair(names, float(shares[one, other]), int(both[one, other]))
