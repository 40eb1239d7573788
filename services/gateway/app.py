"""The gateway's HTTP face: POST /classify, /livez, /readyz, /metrics."""

import asyncio
import contextlib
import datetime as dt
import functools
import json
import secrets
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import prometheus_client
import pydantic_core
from fastapi import APIRouter, FastAPI, Header, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError

from retrain.train.compile import session
from schemas import policy, times
from services.gateway import routing, served, serving_log, volume
from services.gateway.follow import Follower
from services.gateway.ledger import figures
from services.gateway.replicas import Replicas
from services.gateway.served import Message, Served
from services.gateway.shadow import Shadow
from services.gateway.wanted import Wanted
from streams import sample

MAX_MESSAGES = 64
MAX_TEXT_BYTES = 8 * 1024
_WAITING = 32  # requests in hand; more would only wait longer than a router may


class Asked(BaseModel):
    """One message to classify."""

    text: str
    conversation: str | None = Field(None, max_length=200, pattern=r"^[^\x00]*$")


class Batch(BaseModel):
    """Up to 64 messages."""

    messages: list[Asked] = Field(min_length=1)


class Gateway:
    """What a request needs: the champion, the candidate in its shadow if there shall be one, the
    emitter, the policy, and whoever knows of which intents labels are missing.
    """

    def __init__(
        self,
        champion: Follower,
        candidate: Follower | None,
        emitter: serving_log.Emitter,
        rules: policy.Policy,
        *,
        test_clock: bool,
        wanted: Wanted | None = None,
        replicas: Replicas | None = None,
        secret: bytes | None = None,
    ) -> None:
        self.champion = champion
        self.wanted = wanted
        self.emitter = emitter
        self.policy = rules
        self.test_clock = test_clock
        self.shadow = Shadow(candidate, self.tell)
        self.replicas = replicas
        self.volume = replicas.own if replicas else volume.Volume()
        # Ids are this process's own, so that replicas need not share what nobody told them.
        self.secret = secret or secrets.token_bytes(32)
        self.pool = ThreadPoolExecutor(2, "classify")
        self.in_hand = 0
        registry = prometheus_client.CollectorRegistry()
        self.registry = registry
        self.latency = prometheus_client.Histogram(
            "intentwatch_serve_latency_seconds",
            "A message's classification",
            ["model"],
            registry=registry,
            buckets=[b / 1000 for b in (1, 2, 4, 6, 8, 10, 12, 15, 20, 25, 50, 100, 250)],
        )
        self.compared = prometheus_client.Counter(
            "intentwatch_shadow_answers",
            "Answers of the candidate that waits to be promoted",
            ["model", "agrees"],
            registry=registry,
        )
        refused = prometheus_client.Gauge(
            "intentwatch_gateway_champion_refused",
            "1 while the promoted champion cannot be served, and another model or none is",
            registry=registry,
        )
        refused.set_function(lambda: float(champion.refused is not None))
        for name in ("skipped", "failed"):
            gauge = prometheus_client.Gauge(
                f"intentwatch_shadow_{name}", f"Messages the candidate {name}", registry=registry
            )
            gauge.set_function(functools.partial(getattr, self.shadow, name))
        figures.register(registry, emitter.standing)

    def classify(self, model: session.Session, message: Message) -> dict[str, Any]:
        """Answer one message and hand its serving log over."""
        mine = served.served(message, model, "champion")
        self.latency.labels(model.model).observe(mine.latency_ms / 1000)
        self.shadow.hear(mine)
        return routing.body(message.req_id, model.model, mine.answer, mine.latency_ms)

    def tell(self, mine: Served, other: Served | None) -> None:
        """Emit what both models said, and whether somebody shall say what was meant."""
        rules, answer = self.policy.labels, mine.answer
        chosen = sample.choice(
            mine.message.req_id,
            answer.intent,
            answer.confidence,
            answer.margin,
            mine.model.novelty(mine.tokens),
            disputed=other is not None and other.answer.intent != answer.intent,
            missing=self._missing(answer),
            volume_per_day=volume.whole(
                self.volume.add(mine.message.ts),
                self.replicas.others if self.replicas else (),
            ),
            budget_per_day=rules.budget_per_day,
            min_p=rules.min_p,
            secret=self.secret,
        )
        self.emitter.emit(_line(served.log(mine, chosen)))
        if other is not None:
            self.emitter.emit(_line(served.log(other, None)))
            agrees = str(other.answer.intent == answer.intent).lower()
            self.compared.labels(other.model.model, agrees).inc()

    def _missing(self, answer: routing.Answer) -> bool:
        """Whether labels are missing of one of the two intents that a message is likeliest of."""
        likely = {answer.intent, answer.second_intent}
        return self.wanted is not None and not likely.isdisjoint(self.wanted.intents)


def _line(serving_log: dict[str, Any]) -> bytes:
    return json.dumps(serving_log, ensure_ascii=False, separators=(",", ":")).encode()


@contextlib.asynccontextmanager
async def _threads(gateway: Gateway) -> AsyncIterator[None]:
    """The gateway's threads while the application runs; at its end first the shadow is drained,
    then the emitter.
    """
    gateway.emitter.start()
    gateway.champion.start()
    gateway.shadow.start()
    for follower in (gateway.wanted, gateway.replicas):
        if follower:
            follower.start()
    yield
    gateway.champion.stop()
    for follower in (gateway.wanted, gateway.replicas):
        if follower:
            follower.stop()
    gateway.pool.shutdown()
    await asyncio.to_thread(gateway.shadow.stop)
    await asyncio.to_thread(gateway.emitter.stop)


def build(gateway: Gateway) -> FastAPI:
    """The application, with its threads."""

    app = FastAPI(title="intentwatch gateway", lifespan=lambda _: _threads(gateway))

    @app.post("/classify")
    async def classify(
        request: Request,
        x_event_time: Annotated[str | None, Header()] = None,
        x_request_id: Annotated[str | None, Header(max_length=100)] = None,
    ) -> Any:
        asked, single = _parsed(await _limited(request))
        ts = dt.datetime.now(dt.UTC)
        if gateway.test_clock and x_event_time:
            ts = _event_time(x_event_time)

        req_id = x_request_id or uuid.uuid4().hex
        messages = []
        for place, one in enumerate(asked):
            own_id = req_id if single else f"{req_id}-{place}"
            messages.append(Message(one.text, one.conversation, own_id, ts))
        results = await _answered(gateway, messages)
        return results[0] if single else {"results": results}

    app.include_router(_operation(gateway))
    return app


async def _answered(gateway: Gateway, messages: list[Message]) -> list[dict[str, Any]]:
    """Classify in the pool, all with one model; 503 without a champion, 429 when saturated."""
    model = gateway.champion.session
    if model is None:
        nothing = "no champion yet: promote a model first, `python retrain/run.py run`"
        raise HTTPException(503, gateway.champion.refused or nothing)
    if gateway.in_hand >= _WAITING:
        raise HTTPException(429, "saturated", {"Retry-After": "1"})
    gateway.in_hand += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(
            gateway.pool, lambda: [gateway.classify(model, message) for message in messages]
        )
    finally:
        gateway.in_hand -= 1


def _operation(gateway: Gateway) -> APIRouter:
    """What those who run it ask."""
    router = APIRouter()

    @router.get("/", include_in_schema=False)
    async def root(request: Request) -> dict[str, str]:
        docs = f", GET {request.app.docs_url} shows the rest" if request.app.docs_url else ""
        classify = 'POST /classify with {"text": "..."} answers a message'
        return {"detail": f"{classify}, GET /readyz says which model does{docs}"}

    @router.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> Response:
        model = gateway.champion.session
        if model is None:
            status = {"status": "waiting", "reason": gateway.champion.refused or "no champion yet"}
            return JSONResponse(status, 503)
        if gateway.emitter.fatal:
            return JSONResponse({"status": "waiting", "reason": gateway.emitter.fatal}, 503)
        status = {"status": "ok", "model": model.model}
        if gateway.champion.refused:
            status["refused"] = gateway.champion.refused
        return JSONResponse(status)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(
            prometheus_client.generate_latest(gateway.registry),
            media_type=prometheus_client.CONTENT_TYPE_LATEST,
        )

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


def _parsed(raw: bytes) -> tuple[list[Asked], bool]:
    """The messages and whether they came as a single one. 422 names the field, 413 the limit."""
    try:
        body = pydantic_core.from_json(raw)
        single = not isinstance(body, dict) or "messages" not in body
        messages = _validated(body, single=single)
    except ValidationError as error:
        detail = []
        for problem in error.errors():
            place = ["body", *problem["loc"]]
            detail.append({"loc": place, "msg": problem["msg"]})
        raise HTTPException(422, detail) from None
    except ValueError as error:
        raise HTTPException(422, [{"loc": ["body"], "msg": f"not JSON: {error}"}]) from None
    if len(messages) > MAX_MESSAGES:
        raise HTTPException(413, f"messages: at most {MAX_MESSAGES}")
    for i, message in enumerate(messages):
        if len(message.text.encode("utf-8", "surrogatepass")) > MAX_TEXT_BYTES:
            raise HTTPException(413, f"messages.{i}.text: over {MAX_TEXT_BYTES} bytes")
    return messages, single


def _validated(body: Any, *, single: bool) -> list[Asked]:
    """Raises pydantic's ValidationError."""
    if single:
        return [Asked.model_validate(body)]
    return Batch.model_validate(body).messages


def _event_time(text: str) -> dt.datetime:
    try:
        return times.instant(text)
    except times.NotATime as error:
        raise HTTPException(422, [{"loc": ["header", "X-Event-Time"], "msg": str(error)}]) from None
