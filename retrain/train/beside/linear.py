"""Pure. A linear model, the least that a fine-tune has to be worth: of words and what lies in them,
or of an encoder's vectors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import threadpoolctl
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_union

from retrain.evaluation import calibration, confusion
from retrain.train import folds

_LEAST: Final = 1e-12  # of a probability: its logarithm is a number

Floats = npt.NDArray[np.float64]
Table = folds.Table


@dataclass(frozen=True, slots=True)
class Said:
    """Calibrated probabilities of n rows, and those of its own m rows out of fold: shapes (n, K),
    (m, K). None where the groups are too few for folds; then nothing is calibrated.
    """

    tested: Floats
    out_of_fold: Floats | None


def words(train: Sequence[str], tested: Sequence[str]) -> tuple[Table, Table] | None:
    """TF-IDF of normalised texts: words and pairs of them, and three to five letters in a word;
    weighed by the texts of `train`. None where nothing stands in two of these.
    """
    of_words = TfidfVectorizer(ngram_range=(1, 2), **_COUNTED)
    of_letters = TfidfVectorizer(ngram_range=(3, 5), analyzer="char_wb", **_COUNTED)
    grams = make_union(of_words, of_letters)
    try:
        learnt = grams.fit_transform(train)
    except ValueError:  # how scikit-learn says that no word is left
        return None
    return learnt.tocsr(), grams.transform(tested).tocsr()


_COUNTED: Final[dict[str, Any]] = {"min_df": 2, "sublinear_tf": True, "dtype": np.float32}


def said(
    table: Table,
    labels: confusion.Labels,
    groups: Sequence[str],
    tested: Table,
) -> Said | None:
    """What a logistic regression says that has learnt the m rows of `table`, every intent counting
    alike, as in the recipe's loss. None where they are of one intent.
    """
    if len(np.unique(labels)) < 2:
        return None
    apart = folds.out_of_fold(_model(), table, labels, groups)
    # More threads only wait for each other here: ten times the time on busy cores.
    with threadpoolctl.threadpool_limits(1):
        learnt = _model().fit(table, labels)
        told = folds.probabilities(learnt, tested)
    if apart is None:
        return Said(told, None)
    temperature = calibration.temperature(_logits(apart), labels)
    return Said(calibration.probabilities(_logits(told), temperature), apart)


def _model() -> LogisticRegression:
    return LogisticRegression(C=10, class_weight="balanced", tol=1e-3, max_iter=500)


def _logits(probabilities: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(probabilities, _LEAST)))
