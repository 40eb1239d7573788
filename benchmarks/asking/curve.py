"""Pure. A learning curve: the champion's head trained anew on its rows and on so many labels of
later language, and what it then gets right.
"""

from collections.abc import Mapping, Sequence, Set
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from benchmarks.asking import rules
from benchmarks.asking.rows import Cut, Ints, Rows
from retrain.evaluation import confusion
from schemas import present

Features = npt.NDArray[np.float32]
Scores = dict[str, float | None]

SIZES: Final = (100, 200, 400, 800, 1_600)
# Of the inverse of the penalty on weights over rows of unit length.
_FREEDOM: Final = 100.0
_ROUNDS: Final = 100


def curve(
    rows: Rows,
    features: Features,
    tokens: Sequence[Sequence[int]],
    cut: Cut,
    seed: int,
    sizes: Sequence[int] = SIZES,
) -> list[dict[str, Any]]:
    """One row an arm and size, and the champion itself as of no labels: what each gets right."""
    champion = _head(rows, features, cut.train)
    pool = _pool(rows, tokens, _probabilities(champion, features[cut.pool]), cut)
    measured = [{"arm": "champion", "labels": 0} | _scores(rows, champion, features, cut)]
    rng = np.random.default_rng(seed)
    lots = rng.random((3, len(cut.pool)))
    for arm, rule in rules.ARMS.items():
        for size in sizes:
            asked = cut.pool[rule(pool, lots, size)]
            head = _head(rows, features, np.concatenate([cut.train, asked]))
            scores = _scores(rows, head, features, cut)
            measured.append({"arm": arm, "labels": len(asked)} | scores)
    return measured


def _head(rows: Rows, features: Features, trained: Ints) -> LogisticRegression:
    """A multinomial logistic regression; every intent counts alike, as in the recipe's loss."""
    head = LogisticRegression(
        C=_FREEDOM,
        class_weight="balanced",
        max_iter=_ROUNDS,
        tol=1e-3,
    )
    return head.fit(features[trained], rows.intent[trained])


def _probabilities(
    head: LogisticRegression,
    features: Features,
) -> npt.NDArray[np.float64]:
    """Shape (n, K); an intent that was in no row has none."""
    probabilities = np.zeros((len(features), len(present.INTENTS)))
    probabilities[:, head.classes_] = head.predict_proba(features)
    return probabilities


def _pool(
    rows: Rows,
    tokens: Sequence[Sequence[int]],
    probabilities: npt.NDArray[np.float64],
    cut: Cut,
) -> rules.Pool:
    """What the champion, and nobody else yet, knows of the messages that may be asked about."""
    ordered = np.sort(probabilities, axis=1)
    known: set[int] = set()
    for row in cut.train.tolist():
        known.update(tokens[row])
    places = cut.pool.tolist()
    novelty = [novel(tokens[row], known) for row in places]
    return rules.Pool(
        texts=[rows.texts[row] for row in places],
        predicted=probabilities.argmax(1),
        confidence=np.minimum(ordered[:, -1], 1.0),
        margin=ordered[:, -1] - ordered[:, -2],
        novelty=np.array(novelty),
    )


def novel(tokens: Sequence[int], known: Set[int]) -> float:
    """The share of a message's tokens that are in no row the champion was trained on.

    >>> novel([1, 2, 3, 3], {1, 2})
    0.5
    """
    if not tokens:
        return 0.0
    return sum(token not in known for token in tokens) / len(tokens)


def _scores(
    rows: Rows,
    head: LogisticRegression,
    features: Features,
    cut: Cut,
) -> Scores:
    """On held-out messages of later language, and of the language of before."""
    measured: Scores = {}
    parts: Mapping[str, Ints] = {"later": cut.later, "home": cut.home}
    for name, part in parts.items():
        predicted = _probabilities(head, features[part]).argmax(1)
        scores = confusion.scores(rows.intent[part], predicted)
        measured[f"{name}_accuracy"] = scores.accuracy
        measured[f"{name}_macro_f1"] = scores.macro_f1
        measured[f"{name}_rare_recall"] = scores.rare_recall
    return measured
