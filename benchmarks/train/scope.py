"""Pure. How well a score tells messages of no known intent from others: the higher, the more likely
it is of one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

Floats = npt.NDArray[np.float64]
_KEPT = 95  # percent of the known messages: the rate at which `let_in` is read


@dataclass(frozen=True, slots=True)
class Told:
    """`auroc`: how often a known message has the higher score of a pair, ties as half. `let_in`:
    the share of strangers that pass where 95 % of the known do (FPR at 95 % TPR).
    """

    auroc: float
    let_in: float


def energy(logits: Floats) -> Floats:
    """The logarithm of the sum of exponentials (Liu et al. 2020, at temperature 1): (n, K) -> (n,).

    >>> energy(np.log(np.array([[1.0, 3.0]]))).round(6).tolist()
    [1.386294]
    """
    return np.asarray(special.logsumexp(logits, axis=1))


def max_logit(logits: Floats) -> Floats:
    """The largest of a message (Hendrycks et al. 2019): (n, K) -> (n,)."""
    return np.asarray(logits.max(1))


def confidence(logits: Floats) -> Floats:
    """The largest probability of a message: (n, K) -> (n,)."""
    return np.asarray(special.softmax(logits, axis=1).max(1))


def told(known: Floats, strangers: Floats) -> Told:
    """From the scores of messages with and without an intent: shapes (n,), (m,). Raises ValueError
    where there is none of either.

    >>> told(np.array([3.0, 2.0, 1.0]), np.array([2.0, 0.0]))
    Told(auroc=0.75, let_in=0.5)
    """
    if not len(known) or not len(strangers):
        raise ValueError("a rate needs messages of both kinds")
    ranks = stats.rankdata(np.concatenate([known, strangers]))
    above = ranks[: len(known)].sum() - len(known) * (len(known) + 1) / 2
    limit = np.sort(known)[len(known) * (100 - _KEPT) // 100]
    passed = float((strangers >= limit).mean())
    return Told(float(above / (len(known) * len(strangers))), passed)
