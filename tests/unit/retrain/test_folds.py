"""A linear model out of fold: no row is answered by one that has seen its group."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from retrain.evaluation import confusion
from retrain.train import folds

GROUPS = [f"g{place % 10}" for place in range(40)]
LABELS = np.arange(40) // 20
TABLE = np.stack([LABELS, 1 - LABELS], axis=1) + 0.0


def test_every_row_has_probabilities_of_all_intents() -> None:
    told = folds.out_of_fold(LogisticRegression(), TABLE, LABELS, GROUPS)

    assert told is not None
    assert told.shape == (40, confusion.K)
    assert np.allclose(told.sum(axis=1), 1.0)
    assert (told.argmax(axis=1) == LABELS).all()
    assert not told[:, 2:].any(), "what was in no row has no probability"


def test_too_few_groups_or_one_intent_to_learn_say_nothing() -> None:
    one = ["one"] * 40
    first = LABELS == 0

    assert folds.out_of_fold(LogisticRegression(), TABLE, LABELS, one) is None
    assert folds.out_of_fold(LogisticRegression(), TABLE, LABELS, GROUPS, first) is None


def test_a_row_that_teaches_nothing_changes_no_answer() -> None:
    learns = np.arange(40) % 4 > 0
    other = np.where(learns, LABELS, 1 - LABELS)

    told = folds.out_of_fold(LogisticRegression(), TABLE, LABELS, GROUPS, learns)
    again = folds.out_of_fold(LogisticRegression(), TABLE, other, GROUPS, learns)

    assert told is not None
    assert again is not None
    assert np.array_equal(told, again)
