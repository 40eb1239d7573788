"""Pure. From probabilities to an answer: the first two intents and whether to rerank."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from schemas import present, windows

# Unsure and undecided between two: reranking helps. Unsure alone does not send a message there, so
# fallbacks stay fewer than low confidences.
_NARROW = 0.15


@dataclass(frozen=True, slots=True)
class Answer:
    """What the classifier says of one message; confidence and margin in [0, 1]."""

    intent: str
    confidence: float
    second_intent: str
    margin: float
    fallback_rerank: bool


def answer(probabilities: npt.NDArray[np.float64]) -> Answer:
    """The answer of one message's calibrated probabilities, shape (K,). Raises FloatingPointError
    for numbers that are none: as an answer they would look like a sure one.

    >>> answer(np.array([0.4, 0.35, 0.25] + [0.0] * 7)).fallback_rerank
    True
    """
    if not np.isfinite(probabilities).all():
        raise FloatingPointError("the model's probabilities are no numbers")
    second, first = np.argsort(probabilities, kind="stable")[-2:]
    confidence = float(min(1.0, probabilities[first]))
    margin = float(max(0.0, confidence - probabilities[second]))
    return Answer(
        intent=present.INTENTS[first],
        confidence=confidence,
        second_intent=present.INTENTS[second],
        margin=margin,
        fallback_rerank=confidence < windows.LOW_CONFIDENCE and margin < _NARROW,
    )


class Asked(Protocol):
    """What is answered, as far as its answer names it."""

    @property
    def req_id(self) -> str:
        """Ours."""

    @property
    def caller_id(self) -> str | None:
        """The caller's own."""


def body(
    asked: Asked,
    model: str,
    answer: Answer,
    latency_ms: float,
) -> dict[str, Any]:
    """The answer as contract.md promises it."""
    return {
        "req_id": asked.req_id,
        "caller_id": asked.caller_id,
        "model": model,
        "intent": answer.intent,
        "confidence": answer.confidence,
        "second_intent": answer.second_intent,
        "margin": answer.margin,
        "fallback_rerank": answer.fallback_rerank,
        "also": [],
        "latency_ms": latency_ms,
    }
