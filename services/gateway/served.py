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
    found: routing.Answer
    tokens: Sequence[int]
    latency_ms: float


def served(message: Message, model: session.Session, role: Literal["champion", "shadow"]) -> Served:
    """Let the model answer, and take the time."""
    begun = time.perf_counter()
    probabilities, tokens = model.classify([message.text])
    found = routing.answer(probabilities[0])
    return Served(message, model, role, found, tokens[0], (time.perf_counter() - begun) * 1000)


def log(one: Served, chosen: sample.Choice | None) -> dict[str, Any]:
    """The serving log as contract.md promises it; the text leaves only with a message that was
    chosen to be labelled.
    """
    message, found = one.message, one.found
    answered = {
        name: getattr(found, name)
        for name in ("intent", "confidence", "second_intent", "margin", "fallback_rerank")
    }
    return {
        "v": 1, "ts": times.rfc3339(message.ts), "model": one.model.model, "role": one.role, "req_id": message.req_id, "conversation": message.conversation,
        "latency_ms": round(one.latency_ms, 3), **answered, "tokens": len(one.tokens), "chars": len(message.text), "script": slices.script(message.text),
        "error": None, "tokenizer_hash": one.model.tokenizer_hash,
        "sample": {"queue": chosen.queue, "p": chosen.p, "text": message.text} if chosen else None,
    }  # fmt: skip
