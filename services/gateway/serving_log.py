"""Serving logs on their way to Kafka: each is acknowledged, held or given up, and counted as that.

What is emitted is written to disk at once, before the client has it, and stays there until the
broker's answer. So an outage, a SIGTERM and a SIGKILL cost nothing that the spool has room for.
"""

import logging
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from services.gateway.ledger.delivery import Delivery
from services.gateway.ledger.ledger import Ledger, Standing
from services.gateway.ledger.shelf import Shelf
from services.gateway.ledger.spool import Spool

log = logging.getLogger("intentwatch.gateway")

_LINGER_S: Final = 0.02
_IDLE_S: Final = 0.5
_DRAIN_S: Final = 3.0
_AGAIN_S: Final = 1.0
_LEFT_S: Final = 30.0  # how often one looks for what others have left


class Emitter:
    """Takes logs from any thread, and one thread of its own sends them.

    options: librdkafka's, to get in to Kafka. `spool`: a directory, which several gateways may
    share; most_spooled: bytes of this process in it, 0 for none.
    """

    def __init__(
        self, options: Mapping[str, Any], topic: str, spool: Path, most_spooled: int
    ) -> None:
        owner = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._ledger = Ledger(owner, most_spooled)
        self._shelf = Shelf(self._ledger, self._lock, Spool(spool / topic, owner))
        self._delivery = Delivery(self._ledger, self._lock, self._shelf, options, topic)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._ended = False
        self._look_at = self._hand_over_at = 0.0
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._run, name="serving-log", daemon=True)

    def start(self) -> None:
        """Begin to send, with what processes before this one have left."""
        self._thread.start()

    def emit(self, line: bytes) -> None:
        """Hand over one serving log, JSON without a line break. Never waits, never raises."""
        with self._lock:
            first = self._ledger.emit(line, time.time())
            if self._ended:
                self._ledger.drop_fresh()
        if first:
            self._wake.set()

    def standing(self) -> Standing:
        """The ledger, at one instant."""
        with self._lock:
            return self._ledger.standing(time.time())

    @property
    def fatal(self) -> str | None:
        """Why nothing can be sent and waiting will not mend it; None where all is well."""
        return self._failure or self._delivery.fatal

    def stop(self, timeout_s: float = 10.0) -> None:
        """Send what can be sent within seconds; the rest stays in the spool."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            busy = self._tried()
            left_s = self._hand_over_at - time.monotonic()
            self._wake.wait(max(0.0, left_s) if busy else _IDLE_S)
            self._wake.clear()
        until = time.monotonic() + _DRAIN_S
        while self._tried() and time.monotonic() < until and not self._delivery.away:
            time.sleep(_LINGER_S)
        self._end()

    def _tried(self) -> bool:
        """One round; whether there is more to do at once. What nobody foresaw is said, and the next
        round tries again.
        """
        try:
            busy = self._round()
        except Exception as error:
            if self._failure is None:
                log.exception("serving logs cannot be sent; they are held")
            self._failure = f"serving logs cannot be sent: {type(error).__name__}: {error}"
            self._stopping.wait(_AGAIN_S)
            return True
        self._failure = None
        return busy

    def _round(self) -> bool:
        if time.monotonic() >= self._look_at and not self._stopping.is_set():
            self._look_at = time.monotonic() + _LEFT_S
            self._shelf.take_up()
        with self._lock:
            self._ledger.fill()
        self._shelf.store()
        if time.monotonic() >= self._hand_over_at:
            self._delivery.round()
            self._hand_over_at = time.monotonic() + _LINGER_S
        return self._delivery.busy

    def _end(self) -> None:
        with self._lock:
            self._ended = True
            self._ledger.fill()
        self._shelf.store()
        self._delivery.end()
        self._shelf.end()
