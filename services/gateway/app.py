"""What the gateway answers: POST /classify by classify.py, GET /livez, /readyz, /metrics and /
here; and its threads. All of it runs on the loop, but `tell`, which the shadow's thread calls too.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import prometheus_client

from schemas import policy
from services import bearer
from services.gateway import asked, routing, served, volume
from services.gateway.classify import Classifier, Later
from services.gateway.follow import Follower
from services.gateway.gauges import Gauges
from services.gateway.replicas import Replicas
from services.gateway.served import Served
from services.gateway.shadow import Shadow
from services.gateway.wanted import Wanted
from services.gateway.wire import exchange
from services.gateway.wire.exchange import Reply, Request
from streams import sample

_CLASSIFY: Final = "/classify"
_READS: Final = ("GET", "HEAD")


class Emitter(Protocol):
    """Where serving logs go."""

    def start(self) -> None:
        """Begin to send."""

    def stop(self, timeout_s: float) -> None:
        """Send what is left, within the time, and end."""

    def emit(self, line: bytes) -> None:
        """Take an encoded log, from any thread, at once and without a word."""

    @property
    def fatal(self) -> str | None:
        """Why nothing can be sent and waiting will not mend it; None where all is well."""


class Gateway:
    """What a request needs: the champion, the candidate in its shadow if there shall be one, the
    emitter, the policy, and whoever knows of which intents labels are missing. `token`: what a
    caller has to show, if anything.
    """

    body_max = asked.MAX_BODY_BYTES

    def __init__(
        self,
        champion: Follower,
        candidate: Follower | None,
        emitter: Emitter,
        rules: policy.Policy,
        *,
        test_clock: bool,
        wanted: Wanted | None = None,
        replicas: Replicas | None = None,
        secret: bytes | None = None,
        token: str | None = None,
    ) -> None:
        self.champion = champion
        self.wanted = wanted
        self.replicas = replicas
        # Ids are this process's own, so that replicas need not share what nobody told them.
        self.secret = secret or secrets.token_bytes(32)
        self.emitter = emitter
        self.policy = rules
        self.gauges = Gauges()
        self.shadow = Shadow(candidate, self.tell)
        self.volume = replicas.own if replicas else volume.Volume()
        self.classifier = Classifier(
            champion, self.gauges, self.shadow.hear, emitter.emit, test_clock=test_clock
        )
        self._token = token
        self._reads: Mapping[str, Callable[[], Reply]] = {
            "/": _root,
            "/livez": _livez,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
        }
        self._watch()

    def _watch(self) -> None:
        watch = self.gauges.watch
        workers, champion = self.classifier.workers, self.champion
        says = "Messages that wait or are being answered"
        watch("intentwatch_gateway_in_hand", says, lambda: workers.in_hand)
        says = "1 while the promoted champion cannot be served, and another model or none is"
        watch("intentwatch_gateway_champion_refused", says, lambda: float(bool(champion.refused)))
        for name in ("skipped", "failed"):
            says = f"Messages the candidate {name}"
            watch(f"intentwatch_shadow_{name}", says, _figure(self.shadow, name))

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the threads; a champion that can serve does from here on."""
        self.emitter.start()
        self.champion.start()
        self.shadow.start()
        for follower in (self.wanted, self.replicas):
            if follower:
                follower.start()
        self.classifier.start(loop)

    def stop(self) -> None:
        """End the threads: first those that answer, then the shadow is drained, then the
        emitter.
        """
        self.champion.stop()
        for follower in (self.wanted, self.replicas):
            if follower:
                follower.stop()
        self.classifier.workers.stop()
        self.shadow.stop(timeout_s=2.0)
        self.emitter.stop(timeout_s=4.0)

    # what the connections ask

    def early(self, request: Request) -> Reply | None:
        """404, 405 and 401: clear when the head has come."""
        refusal = self._elsewhere(request)
        if refusal is None and not self._authorized(request):
            refusal = exchange.problem(401, www_authenticate=bearer.CHALLENGE)
        if refusal is not None:
            self.unheard(refusal.status)
        return refusal

    def _elsewhere(self, request: Request) -> Reply | None:
        if request.path != _CLASSIFY and request.path not in self._reads:
            return exchange.problem(404)
        allowed = ("POST",) if request.path == _CLASSIFY else _READS
        if request.method not in allowed:
            return exchange.problem(405, allow=", ".join(allowed))
        return None

    def _authorized(self, request: Request) -> bool:
        header = request.headers.get(b"authorization", b"")
        return request.path in bearer.OPEN or bearer.shown(header, self._token)

    def oversize(self, request: Request) -> Reply:
        """413."""
        words = f"the body is over {self.body_max} bytes"
        if request.path == _CLASSIFY:
            return self.classifier.too_large(request, words)
        self.unheard(413)
        return exchange.problem(413, words)

    def unheard(self, status: int) -> None:
        """Count who was refused before there was a request to classify."""
        self.gauges.unheard(status)

    def ask(self, request: Request, later: Later) -> Reply | None:
        """The reply, or None where `later` will be told."""
        read = self._reads.get(request.path)
        return read() if read else self.classifier.classify(request, later)

    # what the shadow says

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
            volume_per_day=self._per_day(mine),
            budget_per_day=rules.budget_per_day,
            min_p=rules.min_p,
            secret=self.secret,
        )
        self.emitter.emit(served.log(mine, chosen))
        if other is not None:
            self.emitter.emit(served.log(other, None))
            agrees = str(other.answer.intent == answer.intent).lower()
            self.gauges.compared.labels(other.model.model, agrees).inc()

    def _per_day(self, mine: Served) -> float:
        """How many messages a day there are, here and at the other gateways."""
        others = self.replicas.others if self.replicas else ()
        return volume.whole(self.volume.add(mine.message.ts), others)

    def _missing(self, answer: routing.Answer) -> bool:
        """Whether labels are missing of one of the two intents that a message is likeliest of."""
        likely = {answer.intent, answer.second_intent}
        return self.wanted is not None and not likely.isdisjoint(self.wanted.intents)

    # what those who run it ask

    def _readyz(self) -> Reply:
        model, refused = self.champion.session, self.champion.refused
        if model is None:
            reason = refused or "no champion yet"
            return exchange.told(503, {"status": "waiting", "reason": reason})
        if self.emitter.fatal:
            return exchange.told(503, {"status": "waiting", "reason": self.emitter.fatal})
        status = {"status": "ok", "model": model.model}
        if refused:
            status["refused"] = refused
        return exchange.told(200, status)

    def _metrics(self) -> Reply:
        return Reply(200, self.gauges.text(), prometheus_client.CONTENT_TYPE_LATEST)


def _root() -> Reply:
    classify = 'POST /classify with {"text": "..."} answers a message'
    return exchange.told(200, {"detail": f"{classify}, GET /readyz says which model does"})


def _livez() -> Reply:
    return exchange.told(200, {"status": "ok"})


def _figure(owner: object, name: str) -> Callable[[], float]:
    return lambda: float(getattr(owner, name))
