"""One message answered by one model, and the serving log that says so; or why nobody answered."""

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from retrain.train.compile import session
from schemas import events, slices
from services.gateway import routing
from services.gateway.fates import Fate
from streams import sample

_ENCODER: Final = msgspec.json.Encoder()
_LONGEST_MS: Final = 600_000.0  # that a log may tell


@dataclass(frozen=True, slots=True)
class Message:
    """What a client asks about, when, and under which id of ours and of its own."""

    text: str
    conversation: str | None
    req_id: str
    ts: dt.datetime
    caller_id: str | None = None


@dataclass(frozen=True, slots=True)
class Worked:
    """What a model made of a text: the answer, the text's tokens, and between which seconds of the
    monotonic clock.
    """

    answer: routing.Answer
    tokens: Sequence[int]
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Served:
    """A model's answer to a message. `tokens`: the message's, by this model's tokenizer.
    latency_ms: from the request's first byte to the answer handed over, and of it queue_ms before
    the model's turn; of a candidate, for whom nobody waits, its own time.
    """

    message: Message
    model: session.Session
    role: Literal["champion", "shadow"]
    answer: routing.Answer
    tokens: Sequence[int]
    latency_ms: float
    queue_ms: float = 0.0


def worked(text: str, model: session.Session) -> Worked:
    """Let the model answer."""
    began = time.perf_counter()
    probabilities, tokens = model.classify([text])
    answer = routing.answer(probabilities[0])
    return Worked(answer, tokens[0], began, time.perf_counter())


def served(message: Message, model: session.Session, role: Literal["champion", "shadow"]) -> Served:
    """Let the model answer, and take its time alone."""
    own = worked(message.text, model)
    latency_ms = (own.ended - own.began) * 1000
    return Served(message, model, role, own.answer, own.tokens, latency_ms)


def log(one: Served, chosen: sample.Choice | None) -> bytes:
    """The serving log as contract.md promises it; the text leaves only with a message that was
    chosen to be labelled.
    """
    message = one.message
    answer = one.answer
    asked = events.Sample(chosen.queue, chosen.p, message.text) if chosen else None
    line = events.ServingLog(
        v=1,
        ts=message.ts,
        model=one.model.model,
        role=one.role,
        req_id=message.req_id,
        conversation=message.conversation,
        latency_ms=_bounded(one.latency_ms),
        intent=answer.intent,
        confidence=answer.confidence,
        second_intent=answer.second_intent,
        margin=answer.margin,
        fallback_rerank=answer.fallback_rerank,
        tokens=len(one.tokens),
        chars=len(message.text),
        script=_script(message.text),
        tokenizer_hash=one.model.tokenizer_hash,
        sample=asked,
        queue_ms=_bounded(one.queue_ms),
        caller_id=message.caller_id,
    )
    return _ENCODER.encode(line)


def lost(message: Message, model: str, fate: Fate, latency_ms: float, queue_ms: float) -> bytes:
    """The serving log of a message that has no answer; nothing of its text is in it."""
    line = events.ServingLog(
        v=1,
        ts=message.ts,
        model=model,
        req_id=message.req_id,
        conversation=message.conversation,
        latency_ms=_bounded(latency_ms),
        error=fate,
        queue_ms=_bounded(queue_ms),
        caller_id=message.caller_id,
    )
    return _ENCODER.encode(line)


def _script(text: str) -> Literal["latin", "japanese", "mixed", "other"]:
    return slices.script(text)  # type: ignore[return-value]  # one of slices.SCRIPTS


def _bounded(ms: float) -> float:
    return round(min(ms, _LONGEST_MS), 3)
