"""One client's connection: bytes in, whole requests to the application one after another, replies
out in the same order. A client that goes half way costs a little memory and a bounded time.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol, cast

from services.gateway.wire import exchange, reading
from services.gateway.wire.crowd import Crowd
from services.gateway.wire.exchange import Reply, Request

# Seconds that a client may take, whatever drips in between.
HEAD_S: Final = 10.0  # from a request's first byte to its whole head
BODY_S: Final = 15.0  # from the head to the whole body: a megabyte at 75 kB a second
IDLE_S: Final = 75.0  # between two requests; longer than the minute of most proxies' pools
READ_S: Final = 10.0  # to take what has been written
LINGER_S: Final = 3.0  # to read the last reply and go: closed at once it might be lost

_UNREAD: Final = 64 * 1024  # bytes of replies that a client has not taken yet
_DISCARDED: Final = 16 * 1024 * 1024  # bytes that are read after the last reply


class Application(reading.Rules, Protocol):
    """Who answers."""

    def ask(self, request: Request, later: Callable[[Reply], None]) -> Reply | None:
        """The reply; None where `later` will be told, on the loop."""


class Connection(asyncio.Protocol):
    """`until`: when it has gone on for too long, in seconds of the monotonic clock. `held`: bytes
    of a body that is not whole yet.
    """

    def __init__(self, application: Application, crowd: Crowd) -> None:
        self._application = application
        self._crowd = crowd
        self._reader = reading.Reader(application)
        self._line: deque[Request] = deque()  # whole, and not asked yet
        self._in_hand: Request | None = None
        self._since = time.perf_counter()  # its beginning, the last reply, the last jam
        self._discarded = 0
        self._full = False  # the client does not take what is written
        self._ended = False  # it sends no more
        self._paused = False  # nor is it read at the moment
        self.until = math.inf
        self.held = 0

    # what the loop says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come; beyond the limit one that only waits has to go for it."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop has a class of its own
        self._transport.set_write_buffer_limits(high=_UNREAD)
        if not self._crowd.add(self):
            self._reader.refuse(exchange.problem(503, "too many connections", retry_after="1"))
        self._advance()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The client has gone; what it has asked is answered, and nobody hears it."""
        self._in_hand = None
        self._line.clear()
        self._reader.reading = None
        self._hold()
        self._crowd.remove(self)

    def eof_received(self) -> bool:
        """The client will send nothing more: it may still wait for what it has asked."""
        self._reader.over = self._ended = True
        waits = self._in_hand is not None or bool(self._line)
        return waits and self._transport.can_write_eof()

    def pause_writing(self) -> None:
        """The client is slower than its replies."""
        self._full = True
        self._since = time.perf_counter()
        self._wait()

    def resume_writing(self) -> None:
        """It has taken them."""
        self._full = False
        self._since = time.perf_counter()
        self._advance()

    def data_received(self, data: bytes) -> None:
        """Some bytes have come."""
        if self._reader.over:
            self._discarded += len(data)
            if self._discarded > _DISCARDED:
                self._transport.abort()
            return
        self._reader.feed(data, time.perf_counter())
        self._advance()
        if self._reader.expects and self._in_hand is None:
            self._reader.expects = False
            self._transport.write(exchange.CONTINUE)

    # what is done

    def _advance(self) -> None:
        """Ask what can be asked."""
        self._line.extend(self._reader.taken())
        while self._line and self._in_hand is None and not self._full:
            request = self._in_hand = self._line.popleft()
            reply = request.refusal or self._application.ask(request, self._later)
            if reply is not None:
                self._answer(request, reply)
        self._wait()

    def _later(self, reply: Reply) -> None:
        if self._in_hand is not None:
            self._answer(self._in_hand, reply)
            self._advance()

    def _answer(self, request: Request, reply: Reply) -> None:
        self._in_hand = None
        if self._transport.is_closing():
            return
        over = self._reader.over and not self._line
        last = over or not request.keeps or self._crowd.draining
        self._transport.write(exchange.encoded(reply, request, last=last))
        self._since = time.perf_counter()
        self._crowd.moved(self)
        if last:
            self._hang_up()

    def _hang_up(self) -> None:
        """Nothing more is said. What the client still sends is read, or it would lose our last
        words.
        """
        self._line.clear()
        self._reader.reading = None
        self._reader.over = True
        if self._ended:
            self._transport.close()
        elif self._transport.can_write_eof():
            self._transport.write_eof()

    def _wait(self) -> None:
        """Whom we wait for now, and until when."""
        self._hold()
        if self._transport.is_closing():
            return
        self.until = self._patience()
        # A client that asks ahead is read on when it has been answered.
        ahead = bool(self._line) and not self._reader.over
        if ahead and not self._paused:
            self._transport.pause_reading()
        elif self._paused and not ahead:
            self._transport.resume_reading()
        self._paused = ahead

    def _hold(self) -> None:
        """Say how much of a body is held that is not whole."""
        begun = self._reader.reading
        held = len(begun.body) if begun is not None else 0
        more, self.held = held - self.held, held
        if more:
            self._crowd.hold(more)

    def _patience(self) -> float:
        if self._full:
            return self._since + READ_S
        if self._in_hand is not None:
            return math.inf
        if self._reader.over:
            return self._since + LINGER_S
        begun = self._reader.reading
        if begun is None:
            return self._since + IDLE_S
        return begun.began + HEAD_S if begun.headed is None else begun.headed + BODY_S

    # what the crowd says

    @property
    def waits(self) -> bool:
        """Whether it is the client's turn."""
        return (self._in_hand is None or self._full) and not self._transport.is_closing()

    @property
    def owed(self) -> bool:
        """Whether a reply is on its way, or may still be asked for."""
        begun = self._in_hand or self._line or self._reader.reading
        return bool(begun)

    def give_way(self) -> None:
        """Go: a client that has begun a request is told."""
        transport = self._transport
        if self._reader.over or transport.is_closing() or transport.get_write_buffer_size():
            transport.abort()
        elif self._reader.reading is None:
            transport.close()
        else:
            self._reader.refuse(exchange.problem(408))
            self._advance()

    def evict(self) -> None:
        """Go now: another one needs the place."""
        self.give_way()
        self._transport.close()

    def abort(self) -> None:
        """Go at once."""
        self._transport.abort()
