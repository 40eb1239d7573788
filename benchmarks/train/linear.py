"""The linear rival: TF-IDF of words and of letters, and a logistic regression."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import threadpoolctl
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from retrain.evaluation import calibration
from retrain.train.fit import rows
from schemas import present

_TINY = 1e-9
Floats = npt.NDArray[np.float64]


class Linear:
    """Fitted on training rows; its temperature on validation rows, as ours is."""

    def __init__(self, train: rows.Rows, val: rows.Rows) -> None:
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        letters = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True
        )
        linear = LogisticRegression(C=10, class_weight="balanced", max_iter=300)
        self._model: Any = make_pipeline(make_union(words, letters), linear)
        # More threads only wait for each other here.
        with threadpoolctl.threadpool_limits(1):
            self._model.fit(train.texts, train.labels)
            told = self._log(val.texts)
        self._temperature = calibration.temperature(told, val.labels)

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Of normalised texts, shape (n, K)."""
        return calibration.probabilities(self._log(texts), self._temperature)

    def _log(self, texts: Sequence[str]) -> Floats:
        told = np.zeros((len(texts), len(present.INTENTS)))
        told[:, self._model.classes_] = self._model.predict_proba(list(texts))
        return np.log(told + _TINY)
