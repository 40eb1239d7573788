"""Pure. What a linear model says of rows whose group it has never seen."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import threadpoolctl
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from retrain.evaluation import confusion

FOLDS: Final = 5

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Table = Any  # features of n rows, sparse or not: shape (n, width)


def out_of_fold(
    model: LogisticRegression,
    table: Table,
    labels: confusion.Labels,
    groups: Sequence[str],
    learns: Flags | None = None,
) -> Floats | None:
    """Probabilities (n, K) of each row from a model that has seen no row of its group: `model`,
    fitted anew for each of FOLDS. None where there are fewer groups, or one has one intent to
    learn. `learns`: the rows it may learn from; all unless told.
    """
    if len(set(groups)) < FOLDS:
        return None
    told = np.zeros((len(labels), confusion.K))
    # More threads only wait for each other here: ten times the time on busy cores.
    with threadpoolctl.threadpool_limits(1):
        for train, rest in GroupKFold(FOLDS).split(table, labels, groups):
            known = train if learns is None else train[learns[train]]
            if len(np.unique(labels[known])) < 2:
                return None
            model.fit(table[known], labels[known])
            told[rest] = probabilities(model, table[rest])
    return told


def probabilities(model: LogisticRegression, table: Table) -> Floats:
    """Shape (n, K); an intent that was in no row has none."""
    told = np.zeros((table.shape[0], confusion.K))
    told[:, model.classes_] = model.predict_proba(table)
    return told
