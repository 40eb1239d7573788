"""From a request to its reply: messages, a model, two threads; and of each request one fate, which
is counted and logged. All of it runs on the loop, but `_work`.
"""

import asyncio
import contextlib
import datetime as dt
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from retrain.train.compile import session
from services.gateway import asked, fates, routing, served
from services.gateway.asked import Malformed, TooLarge
from services.gateway.fates import Fate
from services.gateway.follow import Follower
from services.gateway.gauges import Gauges
from services.gateway.served import Message, Served, Worked
from services.gateway.wire import exchange
from services.gateway.wire.exchange import Reply, Request
from services.gateway.workers import Workers
from streams.stages import rounds

log = logging.getLogger("intentwatch.gateway")

Later = Callable[[Reply], None]


@dataclass(slots=True)
class Ticket:
    """A request to classify: when its first byte was read, and under which ids it is known."""

    began: float
    req_id: str
    caller_id: str | None = None

    def ms(self) -> float:
        """How long ago that was."""
        return (time.perf_counter() - self.began) * 1000


@dataclass(slots=True, eq=False)
class Job:
    """The messages of a request, all for one model. `began`: the first turn; `fate`: why they will
    not be answered; `told`: that it has been said.
    """

    ticket: Ticket
    messages: Sequence[Message]
    single: bool
    model: session.Session
    later: Later
    admitted: float
    began: float | None = None
    fate: Fate | None = None
    told: bool = False
    answers: dict[int, Worked] = field(default_factory=dict)


class Classifier:
    """`hear` takes each answer, `emit` each encoded log of one that is none."""

    def __init__(
        self,
        champion: Follower,
        gauges: Gauges,
        hear: Callable[[Served], None],
        emit: Callable[[bytes], None],
        *,
        test_clock: bool,
    ) -> None:
        self._champion = champion
        self._gauges = gauges
        self._hear = hear
        self._emit = emit
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failing: str | None = None
        self.test_clock = test_clock
        self.workers = Workers[Job](self._work)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the threads; what they say is heard on this loop."""
        self._loop = loop
        self.workers.start()

    def classify(self, request: Request, later: Later) -> Reply | None:
        """The reply, or None where `later` will be told."""
        ticket = _ticket(request)
        single = False
        try:
            ticket.caller_id = _caller_id(request)
            every, single = asked.parsed(request.body)
            messages = _messages(ticket, every, self._moment(request), single=single)
        except Malformed as error:
            return self._refused(ticket, Fate.MALFORMED, error.detail)
        except TooLarge as error:
            return self._refused(ticket, Fate.TOO_LARGE, str(error))

        model = self._champion.session
        if model is None:
            why = self._champion.refused
            return self._lost(ticket, messages, fates.NOBODY, Fate.NO_MODEL, detail=why)
        job = Job(ticket, messages, single, model, later, time.perf_counter())
        if not self.workers.put(job, len(messages)):
            return self._lost(ticket, messages, model.model, Fate.SHED)
        return None

    def too_large(self, request: Request, words: str) -> Reply:
        """The reply to a request whose body is."""
        ticket = _ticket(request)
        with contextlib.suppress(Malformed):
            ticket.caller_id = _caller_id(request)
        return self._refused(ticket, Fate.TOO_LARGE, words)

    def _moment(self, request: Request) -> dt.datetime:
        told = request.headers.get(b"x-event-time")
        return asked.event_time(told) if self.test_clock and told else dt.datetime.now(dt.UTC)

    # in a thread

    def _work(self, job: Job, place: int) -> bool:
        """Let the model answer one message; false where that was not tried."""
        if job.fate is not None:
            return False
        if job.began is None:
            job.began = time.perf_counter()
            if job.began - job.admitted > fates.DEADLINE_S:
                self._give_up(job, Fate.DEADLINE)
                return False
        try:
            answer = served.worked(job.messages[place].text, job.model)
        # Whatever is wrong with a model, its callers are told and its logs say so.
        except Exception as error:
            self._complain(job, error)
            self._give_up(job, Fate.FAILED)
        else:
            self._on_loop(self._answered, job, place, answer)
        return True

    def _complain(self, job: Job, error: Exception) -> None:
        """Say what a model fails at, once a model: a log line each would be a flood."""
        name = job.model.model
        if self._failing != name:
            self._failing = name
            words = "%s cannot answer %s: %s; said once, intentwatch_gateway_requests_total counts"
            log.error(words, name, job.ticket.req_id, rounds.said(error))

    def _give_up(self, job: Job, fate: Fate) -> None:
        job.fate = fate
        self._on_loop(self._failed, job, fate)

    def _on_loop(self, call: Callable[..., None], *arguments: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(call, *arguments)

    # what becomes of it

    def _answered(self, job: Job, place: int, answer: Worked) -> None:
        job.answers[place] = answer
        if len(job.answers) < len(job.messages):
            return
        latency_ms = job.ticket.ms()
        bodies = []
        for i, message in enumerate(job.messages):
            own = job.answers[i].answer
            bodies.append(routing.body(message, job.model.model, own, latency_ms))
        body = bodies[0] if job.single else {"results": bodies}
        job.later(Reply(200, msgspec.json.encode(body)))

        self._gauges.fate(Fate.OK, len(bodies))
        for i, message in enumerate(job.messages):
            self._note(job, message, job.answers[i], latency_ms)

    def _note(self, job: Job, message: Message, own: Worked, latency_ms: float) -> None:
        """Count an answer and hand it on."""
        model = job.model
        queue_s = own.began - job.admitted
        self._gauges.answered(model.model, latency_ms / 1000, queue_s, own.ended - own.began)
        answer, tokens = own.answer, own.tokens
        self._hear(Served(message, model, "champion", answer, tokens, latency_ms, queue_s * 1000))

    def _failed(self, job: Job, fate: Fate) -> None:
        if job.told:
            return
        job.told = True
        assert job.began is not None
        queue_ms = (job.began - job.admitted) * 1000
        job.later(self._lost(job.ticket, job.messages, job.model.model, fate, queue_ms))

    def _refused(self, ticket: Ticket, fate: Fate, detail: object) -> Reply:
        """A request of which no message is known."""
        model = self._champion.session
        name = model.model if model else fates.NOBODY
        whole = Message("", None, ticket.req_id, dt.datetime.now(dt.UTC), ticket.caller_id)
        return self._lost(ticket, [whole], name, fate, detail=detail)

    def _lost(
        self,
        ticket: Ticket,
        messages: Sequence[Message],
        model: str,
        fate: Fate,
        queue_ms: float = 0.0,
        detail: object = None,
    ) -> Reply:
        """Say, count and log that there is no answer."""
        body = {
            "detail": detail or fates.WORDS[fate],
            "req_id": ticket.req_id,
            "caller_id": ticket.caller_id,
        }
        again = {"retry_after": "1"} if fate in fates.AGAIN else {}
        latency_ms = ticket.ms()
        self._gauges.fate(fate, len(messages))
        for message in messages:
            self._emit(served.lost(message, model, fate, latency_ms, queue_ms))
        return exchange.told(fates.STATUS[fate], body, **again)


def _ticket(request: Request) -> Ticket:
    return Ticket(request.began, uuid.uuid4().hex)


def _caller_id(request: Request) -> str | None:
    return asked.caller_id(request.headers.get(b"x-request-id", b""))


def _messages(
    ticket: Ticket, every: Sequence[asked.Asked], ts: dt.datetime, *, single: bool
) -> list[Message]:
    """Those of a batch count on from its id."""
    messages = []
    for place, one in enumerate(every):
        req_id = ticket.req_id if single else f"{ticket.req_id}-{place}"
        messages.append(Message(one.text, one.conversation, req_id, ts, ticket.caller_id))
    return messages
