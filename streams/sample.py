"""Pure. Whom to ask what a message meant: a probability sample to measure by, and an informative one to train on.

Deterministic by request id: the same request is chosen or not wherever and whenever it is asked. The gateway calls this, since only it has the
text; docs/sampling.md works the mathematics on numbers.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

from schemas import taxonomy

MEASURE_SHARE: Final = 0.7  # labels from the train queue say nothing unbiased about accuracy, so most of the budget measures
MEAN_WEIGHT: Final = 1.5  # what the strata weights average on the seed's mix; a wrong value moves the budget, never the estimate
_MEAN_UNCERTAINTY: Final = 0.1


@dataclass(frozen=True, slots=True)
class Choice:
    """A message to be labelled. `p`: its inclusion probability in that queue, in (0, 1]."""

    queue: Literal["measure", "train"]
    p: float


def uniform(req_id: str, purpose: str) -> float:
    """A number in [0, 1) that depends on the request id alone; independent between purposes."""
    return int.from_bytes(hashlib.sha256(f"{purpose}:{req_id}".encode()).digest()[:8], "big") / 2**64


def weight(intent: str, confidence: float) -> float:
    """How much more often than a plain message this one is asked about.

    Rare intents, since 500 uniform labels hold 15 escalations; low confidence, since that is where errors are. Factors
    stay within 9 of each other: a small p makes a large, noisy weight in the estimate.

    >>> weight("faq", 0.95), weight("escalation", 0.95), weight("escalation", 0.4)
    (1.0, 3.0, 9.0)
    """
    rare = 3.0 if intent in taxonomy.RARE else 1.0
    return rare * (3.0 if confidence < 0.6 else 1.5 if confidence < 0.8 else 1.0)


def inclusion(weight: float, mean: float, budget: float, volume: float, min_p: float) -> float:
    """budget / volume, scaled by weight over its mean, within [min_p, 1].

    >>> inclusion(1.5, 1.5, 350, 35_000, 0.002)
    0.01
    """
    return min(1.0, max(min_p, budget / max(volume, 1.0) * weight / mean))


def choice(req_id: str, intent: str, confidence: float, margin: float, *, volume_per_day: float, budget_per_day: float, min_p: float) -> Choice | None:
    """Measure, else train, else neither. Every request has p >= min_p in the measure queue, which keeps the estimate unbiased."""
    p = inclusion(weight(intent, confidence), MEAN_WEIGHT, budget_per_day * MEASURE_SHARE, volume_per_day, min_p)
    if uniform(req_id, "measure") < p:
        return Choice("measure", p)
    uncertainty = max(1 - confidence, 0.5 - margin, 0.0)
    p = inclusion(uncertainty, _MEAN_UNCERTAINTY, budget_per_day * (1 - MEASURE_SHARE), volume_per_day, min_p)
    return Choice("train", p) if uniform(req_id, "train") < p else None
