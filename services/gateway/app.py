"""The gateway's HTTP face: POST /classify, /livez, /readyz, /metrics."""

import asyncio
import contextlib
import datetime as dt
import functools
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import prometheus_client
import pydantic_core
from fastapi import APIRouter, FastAPI, Header, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError

from retrain.compile import session
from schemas import policy, taxonomy, times
from services.gateway import champion, routing, serving_log, volume
from streams import sample

MAX_MESSAGES = 64
MAX_TEXT_BYTES = 8 * 1024
_WAITING = 32  # requests in hand; more would only wait longer than a router may


class Message(BaseModel):
    """One message to classify."""

    text: str
    conversation: str | None = Field(None, max_length=200, pattern=r"^[^\x00]*$")


class Batch(BaseModel):
    """Up to 64 messages."""

    messages: list[Message] = Field(min_length=1)


class Gateway:
    """What a request needs: the champion, the emitter, the policy."""

    def __init__(self, follow: champion.Champion, emitter: serving_log.Emitter, rules: policy.Policy, *, test_clock: bool) -> None:
        self.champion, self.emitter, self.policy, self.test_clock = follow, emitter, rules, test_clock
        self.volume = volume.Volume()
        self.pool = ThreadPoolExecutor(2, "classify")
        self.in_hand = 0
        registry = prometheus_client.CollectorRegistry()
        self.registry = registry
        self.latency = prometheus_client.Histogram(
            "intentwatch_serve_latency_seconds", "A message's classification", ["model"], registry=registry,
            buckets=[b / 1000 for b in (1, 2, 4, 6, 8, 10, 12, 15, 20, 25, 50, 100, 250)],
        )  # fmt: skip
        for name in ("sent", "dropped", "failed", "waiting"):
            gauge = prometheus_client.Gauge(f"intentwatch_serving_logs_{name}", f"Serving logs {name}", registry=registry)
            gauge.set_function(functools.partial(getattr, emitter, name))

    def classify(self, model: session.Session, message: Message, req_id: str, ts: dt.datetime) -> dict[str, Any]:
        """Answer one message and hand its serving log over."""
        begun = time.perf_counter()
        probabilities, tokens = model.classify([message.text])
        found = routing.answer(probabilities[0])
        latency_ms = (time.perf_counter() - begun) * 1000
        self.latency.labels(model.model).observe(latency_ms / 1000)
        self.emitter.emit(self._log(model, message, found, req_id, ts, latency_ms, tokens[0]))
        return routing.body(req_id, model.model, found, latency_ms)

    def _log(
        self, model: session.Session, message: Message, found: routing.Answer, req_id: str, ts: dt.datetime, latency_ms: float, tokens: Sequence[int]
    ) -> dict[str, Any]:
        rules = self.policy.labels
        chosen = sample.choice(
            req_id, found.intent, found.confidence, found.margin, model.novelty(tokens),
            volume_per_day=self.volume.add(ts), budget_per_day=rules.budget_per_day, min_p=rules.min_p,
        )  # fmt: skip
        answered = {name: getattr(found, name) for name in ("intent", "confidence", "second_intent", "margin", "fallback_rerank")}
        return {
            "v": 1, "ts": times.rfc3339(ts), "model": model.model, "role": "champion", "req_id": req_id, "conversation": message.conversation,
            "latency_ms": round(latency_ms, 3), **answered, "tokens": len(tokens), "chars": len(message.text), "script": taxonomy.script(message.text),
            "error": None, "tokenizer_hash": model.tokenizer_hash,
            "sample": {"queue": chosen.queue, "p": chosen.p, "text": message.text} if chosen else None,
        }  # fmt: skip


def build(gateway: Gateway) -> FastAPI:
    """The application; starting it starts the champion's thread and the emitter, stopping it drains the emitter."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        gateway.emitter.start()
        gateway.champion.start()
        yield
        gateway.champion.stop()
        gateway.pool.shutdown()
        await asyncio.to_thread(gateway.emitter.stop)

    app = FastAPI(title="intentwatch gateway", lifespan=lifespan)

    @app.post("/classify")
    async def classify(
        request: Request, x_event_time: Annotated[str | None, Header()] = None, x_request_id: Annotated[str | None, Header(max_length=100)] = None
    ) -> Any:
        messages, single = _parsed(await _limited(request))
        ts = _event_time(x_event_time) if gateway.test_clock and x_event_time else dt.datetime.now(dt.UTC)
        req_id = x_request_id or uuid.uuid4().hex
        results = await _answered(gateway, messages, [req_id] if single else [f"{req_id}-{i}" for i in range(len(messages))], ts)
        return results[0] if single else {"results": results}

    app.include_router(_operation(gateway))
    return app


async def _answered(gateway: Gateway, messages: list[Message], req_ids: list[str], ts: dt.datetime) -> list[dict[str, Any]]:
    """Classify in the pool, all with one model; 503 without a champion, 429 when saturated."""
    model = gateway.champion.session
    if model is None:
        raise HTTPException(503, "no champion yet: promote a model first, `python retrain/run.py run`")
    if gateway.in_hand >= _WAITING:
        raise HTTPException(429, "saturated", {"Retry-After": "1"})
    gateway.in_hand += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(
            gateway.pool, lambda: [gateway.classify(model, message, req_id, ts) for message, req_id in zip(messages, req_ids, strict=True)]
        )
    finally:
        gateway.in_hand -= 1


def _operation(gateway: Gateway) -> APIRouter:
    """What those who run it ask."""
    router = APIRouter()

    @router.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> Response:
        model = gateway.champion.session
        status = {"status": "ok", "model": model.model} if model else {"status": "waiting", "reason": "no champion yet"}
        return JSONResponse(status, 200 if model else 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(prometheus_client.generate_latest(gateway.registry), media_type=prometheus_client.CONTENT_TYPE_LATEST)

    return router


async def _limited(request: Request) -> bytes:
    """The body, refused before it is parsed if it cannot be 64 messages of 8 KiB."""
    limit = MAX_MESSAGES * (MAX_TEXT_BYTES * 2 + 1024)
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > limit:
            raise HTTPException(413, f"the body is over {limit} bytes")
    return raw


def _parsed(raw: bytes) -> tuple[list[Message], bool]:
    """The messages and whether they came as a single one. 422 names the field, 413 the limit."""
    try:
        body = pydantic_core.from_json(raw)
        batch = Batch.model_validate(body) if isinstance(body, dict) and "messages" in body else None
        messages = batch.messages if batch else [Message.model_validate(body)]
    except ValidationError as error:
        detail = [{"loc": ["body", *problem["loc"]], "msg": problem["msg"]} for problem in error.errors()]
        raise HTTPException(422, detail) from None
    except ValueError as error:
        raise HTTPException(422, [{"loc": ["body"], "msg": f"not JSON: {error}"}]) from None
    if len(messages) > MAX_MESSAGES:
        raise HTTPException(413, f"messages: at most {MAX_MESSAGES}")
    for i, message in enumerate(messages):
        if len(message.text.encode("utf-8", "surrogatepass")) > MAX_TEXT_BYTES:
            raise HTTPException(413, f"messages.{i}.text: over {MAX_TEXT_BYTES} bytes")
    return messages, batch is None


def _event_time(text: str) -> dt.datetime:
    try:
        return times.instant(text)
    except times.NotATime as error:
        raise HTTPException(422, [{"loc": ["header", "X-Event-Time"], "msg": str(error)}]) from None
