"""Pure. Whom to ask what a message meant: a probability sample to measure by, and an informative
one to train on.

Deterministic by secret and request id: the same request under the same circumstances is chosen or
not wherever it is asked, and nobody without the secret can make a request that is chosen, or one
that is not. The gateway calls this, since only it has the text; docs/sampling.md works the
mathematics on numbers.
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Final, Literal

from schemas import present

# Labels from the train queue say nothing unbiased about accuracy, so most of the budget measures.
MEASURE_SHARE: Final = 0.7
# What the weights average on the seed's mix; a wrong value moves the budget, never the estimate.
MEAN_WEIGHT: Final = 1.6
_MEAN_INTEREST: Final = 0.1  # of what the train queue looks at, in language that the model knows
_SURE: Final = 0.2  # the standard deviation at confidence 0.96
# How much more often what may be of an intent is asked about while labels of it are missing.
_MISSING: Final = 2.0


@dataclass(frozen=True, slots=True)
class Choice:
    """A message to be labelled. `p`: its inclusion probability in that queue, in (0, 1]."""

    queue: Literal["measure", "train"]
    p: float


def uniform(req_id: str, purpose: str, secret: bytes = b"") -> float:
    """A number in [0, 1) that depends on secret and request id alone; independent between purposes.
    The digest never leaves the process, so that a secret before the message is key enough.
    """
    digest = hashlib.sha256(secret + f"{purpose}:{req_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def weight(intent: str, confidence: float, *, missing: bool = False) -> float:
    """How much more often than a plain message this one is asked about; `missing`: a figure waits
    for labels of an intent that it may be of.

    Rare intents, since 500 uniform labels hold 15 escalations; low confidence, since that is where
    errors are: as the standard deviation of "right or wrong", sqrt(c (1 - c)), which makes the
    estimate as sure as so many labels can (Neyman 1934), but sure answers all alike. Factors stay
    within 7.5 of each other, and 15 where labels are missing: a small p makes a large, noisy weight
    in the estimate.

    >>> weight("faq", 0.99), weight("faq", 0.5)
    (1.0, 2.5)
    >>> weight("escalation", 0.99), weight("escalation", 0.5)
    (3.0, 7.5)
    >>> weight("escalation", 0.99, missing=True)
    6.0
    """
    rare = 3.0 if intent in present.RARE else 1.0
    if missing:
        rare *= _MISSING
    deviation = math.sqrt(confidence * (1 - confidence))
    return rare * max(1.0, deviation / _SURE)


def interest(
    confidence: float,
    margin: float,
    novelty: float,
    *,
    disputed: bool = False,
) -> float:
    """How much more a message teaches than another, in [0, 1]: unsure answers, close seconds,
    messages of tokens that training never saw (`novelty`, their share; half is as new as can be),
    and those that the candidate in the shadow answers otherwise (`disputed`: one of the two is
    wrong).

    >>> interest(0.75, 0.625, 0.0), interest(0.75, 0.625, 0.0, disputed=True)
    (0.25, 0.5)
    """
    return max(1 - confidence, 0.5 - margin, min(novelty, 0.5), 0.5 * disputed)


def inclusion(
    weight: float,
    mean: float,
    budget: float,
    volume: float,
    min_p: float,
) -> float:
    """budget / volume, scaled by weight over its mean, within [min_p, 1].

    >>> inclusion(1.6, 1.6, 350, 35_000, 0.002)
    0.01
    """
    return min(1.0, max(min_p, budget / max(volume, 1.0) * weight / mean))


def choice(
    req_id: str,
    intent: str,
    confidence: float,
    margin: float,
    novelty: float,
    *,
    volume_per_day: float,
    budget_per_day: float,
    min_p: float,
    disputed: bool = False,
    missing: bool = False,
    secret: bytes = b"",
) -> Choice | None:
    """Measure, else train, else neither. Every request has p >= min_p in the measure queue, which
    keeps the estimate unbiased; the train queue asks about what teaches most. `missing`: a figure
    waits for labels of an intent that the message may be of.
    """
    budget = budget_per_day * MEASURE_SHARE
    weighed = weight(intent, confidence, missing=missing)
    p = inclusion(weighed, MEAN_WEIGHT, budget, volume_per_day, min_p)
    if uniform(req_id, "measure", secret) < p:
        return Choice("measure", p)

    budget = budget_per_day * (1 - MEASURE_SHARE)
    interesting = interest(confidence, margin, novelty, disputed=disputed)
    p = inclusion(interesting, _MEAN_INTEREST, budget, volume_per_day, min_p)
    if uniform(req_id, "train", secret) < p:
        return Choice("train", p)
    return None
