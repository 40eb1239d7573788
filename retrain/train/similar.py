"""Pure. Messages that are nearly one another: the same letters in nearly the same words."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer

from schemas import normalise

ALIKE: Final = 0.8  # cosine, from which on two messages are near duplicates
_BLOCK: Final = 1_000  # rows compared at once: all pairs of 20,000 would not fit into memory


def near(texts: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which rows have a near duplicate of another text: TF-IDF of character 3- to 5-grams within
    words, cosine of ALIKE or more. Shape (n,). Equal texts are no near ones.
    """
    distinct = sorted(set(texts))
    alike = np.zeros(len(distinct), dtype=bool)
    try:
        table = _grams().fit_transform(distinct)
    except ValueError:  # not one of them has three letters
        return np.zeros(len(texts), dtype=bool)

    for begin in range(0, len(distinct), _BLOCK):
        cosines = (table[begin : begin + _BLOCK] @ table.T).tocoo()
        close = cosines.data >= ALIKE
        row, other = cosines.row[close] + begin, cosines.col[close]
        alike[row[row != other]] = True
    by_text = dict(zip(distinct, alike.tolist(), strict=True))
    return np.array([by_text[text] for text in texts], dtype=bool)


def near_any(texts: Sequence[str], others: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which rows are nearly one of `others`, or equal to it, as `near` tells. Shape (n,).

    >>> near_any(["Where is my parcel?", "hello"], ["where is my parcel"]).tolist()
    [True, False]
    """
    known = [normalise.text(text) for text in others]
    asked = [normalise.text(text) for text in texts]
    grams = _grams()
    try:
        grams.fit([*known, *asked])
    except ValueError:  # not one of them has three letters
        return np.isin(asked, known)
    table = grams.transform(known).T
    close = np.zeros(len(asked), dtype=bool)
    for begin in range(0, len(asked), _BLOCK):
        cosines = grams.transform(asked[begin : begin + _BLOCK]) @ table
        close[begin : begin + _BLOCK] = cosines.max(axis=1).toarray().ravel() >= ALIKE
    return close


def _grams() -> TfidfVectorizer:
    return TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), dtype=np.float32)


def contradicting(inputs: Sequence[str], intents: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which rows are one input to the model with another one that means something else. Shape (n,).

    >>> contradicting(["a", "a", "b", "b"], ["faq", "chitchat", "faq", "faq"]).tolist()
    [True, True, False, False]
    """
    meant: dict[str, set[str]] = defaultdict(set)
    for one, intent in zip(inputs, intents, strict=True):
        meant[one].add(intent)
    return np.array([len(meant[one]) > 1 for one in inputs], dtype=bool)
