"""Bytes of a connection become requests, whole or refused; nothing is read after one that ends the
connection.
"""

from typing import Final, Protocol

import httptools

from services.gateway.wire import exchange
from services.gateway.wire.exchange import Reply, Request

_AHEAD: Final = 32  # requests that come in one piece before the reply of the first one
_AROUND: Final = 4  # bytes of a header beside its name and value
_FRAMED: Final = 8  # times its content a chunked body may take: small chunks cost more


class Rules(Protocol):
    """What is refused before a request is whole. `body_max`: bytes that a body may have."""

    body_max: int

    def early(self, request: Request) -> Reply | None:
        """The reply that is clear when the head has come, if one is."""

    def oversize(self, request: Request) -> Reply:
        """The reply to a request whose body is too large."""

    def unheard(self, status: int) -> None:
        """Somebody was refused before there was a request."""


class Reader:
    """`reading`: the request that has begun and is not whole. `over`: nothing more is read.
    `expects`: the client waits for a word before it sends the body.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._parser = httptools.HttpRequestParser(self)
        self._now = 0.0
        self._size = 0  # bytes of the request that came after the piece with its beginning
        self._whole: list[Request] = []
        self.reading: Request | None = None
        self.over = self.expects = False

    def feed(self, data: bytes, now: float) -> None:
        """Read these bytes; `now` in seconds."""
        self._now = now
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.over = True  # we speak HTTP alone; what follows would be something else
        except httptools.HttpParserError as error:
            if not self.over:
                self.refuse(exchange.problem(400, f"no request: {error}"))
        self._limit()

    def taken(self) -> list[Request]:
        """The requests that are whole, or refused, since somebody took some."""
        whole, self._whole = self._whole, []
        return whole

    def refuse(self, reply: Reply) -> None:
        """Whatever this is, it is no request."""
        self._rules.unheard(reply.status)
        self._end(self.reading or Request(self._now), reply)

    def _end(self, request: Request, reply: Reply) -> None:
        request.refusal = reply
        self._whole.append(request)
        self.reading = None
        self.over = True

    def _limit(self) -> None:
        """Refuse what goes on without becoming anything whole."""
        request = self.reading
        if request is None:
            return
        if request.headed is None and self._size > exchange.HEAD_MAX:
            self.refuse(exchange.problem(431))
        elif self._size > _FRAMED * self._rules.body_max:
            self._end(request, request.refusal or self._rules.oversize(request))

    # what the parser says

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        if not self.over:
            self.reading = Request(self._now)
            self._size = 0

    def on_url(self, part: bytes) -> None:
        """Some of its target."""
        if self.reading is not None:
            self.reading.target += part
            self.reading.head_bytes += len(part)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One of its headers; what follows a chunked body is none."""
        request = self.reading
        if request is not None and request.headed is None:
            request.head_bytes += len(name) + len(value) + _AROUND
            request.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Its head is whole: some refusals need no body."""
        request = self.reading
        if request is None:
            return
        request.headed = self._now
        request.method = self._parser.get_method().decode()
        request.version = self._parser.get_http_version()
        request.path = _path(request.target)

        unfit = exchange.unfit(request)
        if unfit is not None:
            self.refuse(unfit)
            return
        request.refusal = self._rules.early(request)
        if request.length > self._rules.body_max:
            self._end(request, request.refusal or self._rules.oversize(request))
        elif b"expect" in request.headers and request.has_body:
            self.expects = request.refusal is None and request.version == "1.1"
            if request.refusal is not None:
                self._end(request, request.refusal)

    def on_body(self, part: bytes) -> None:
        """Some of its body."""
        self.expects = False
        request = self.reading
        if request is None or request.refusal is not None:
            return
        request.body += part
        if len(request.body) > self._rules.body_max:
            self._end(request, self._rules.oversize(request))

    def on_message_complete(self) -> None:
        """It is whole."""
        if self.reading is None:
            return
        self._whole.append(self.reading)
        self.reading = None
        self.over = self.over or len(self._whole) >= _AHEAD


def _path(target: bytes) -> str:
    try:
        path = httptools.parse_url(target).path
    except httptools.HttpParserInvalidURLError:
        path = target
    return (path or b"/").decode("latin-1")
