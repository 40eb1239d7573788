"""One message answered by one model, and the serving log that says so."""

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from retrain.train.compile import session
from schemas import slices, times
from services.gateway import routing
from streams import sample


@dataclass(frozen=True, slots=True)
class Message:
    """What a client asks about, when, and under which id."""

    text: str
    conversation: str | None
    req_id: str
    ts: dt.datetime


@dataclass(frozen=True, slots=True)
class Served:
    """A model's answer to it. `tokens`: the message's, by this model's tokenizer."""

    message: Message
    model: session.Session
    role: Literal["champion", "shadow"]
    answer: routing.Answer
    tokens: Sequence[int]
    latency_ms: float


def served(message: Message, model: session.Session, role: Literal["champion", "shadow"]) -> Served:
    """Let the model answer, and take the time."""
    begun = time.perf_counter()
    probabilities, tokens = model.classify([message.text])
    answer = routing.answer(probabilities[0])
    latency_ms = (time.perf_counter() - begun) * 1000
    return Served(message, model, role, answer, tokens[0], latency_ms)


def log(one: Served, chosen: sample.Choice | None) -> dict[str, Any]:
    """The serving log as contract.md promises it; the text leaves only with a message that was
    chosen to be labelled.
    """
    message = one.message
    answer = one.answer
    asked = None
    if chosen:
        asked = {"queue": chosen.queue, "p": chosen.p, "text": message.text}
    return {
        "v": 1,
        "ts": times.rfc3339(message.ts),
        "model": one.model.model,
        "role": one.role,
        "req_id": message.req_id,
        "conversation": message.conversation,
        "latency_ms": round(one.latency_ms, 3),
        "intent": answer.intent,
        "confidence": answer.confidence,
        "second_intent": answer.second_intent,
        "margin": answer.margin,
        "fallback_rerank": answer.fallback_rerank,
        "tokens": len(one.tokens),
        "chars": len(message.text),
        "script": slices.script(message.text),
        "error": None,
        "tokenizer_hash": one.model.tokenizer_hash,
        "sample": asked,
    }
