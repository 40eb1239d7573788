"""What the ledger holds, on its way: handed to the client, and moved by what the client reports.
Whatever may be in Kafka or not is looked up there before it is sent again.
"""

import logging
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import confluent_kafka as ck

from services.gateway.ledger import envelopes, settle
from services.gateway.ledger.client import Client, Fate, Report
from services.gateway.ledger.envelopes import Envelope
from services.gateway.ledger.ledger import Ledger
from services.gateway.ledger.shelf import Shelf
from services.gateway.ledger.told import Told

log = logging.getLogger("intentwatch.gateway")

_AGAIN_S: Final = 1.0


class Delivery:
    """`lock`: the ledger's. Used by one thread. `fatal`: why no client can be made."""

    def __init__(
        self,
        ledger: Ledger,
        lock: threading.Lock,
        shelf: Shelf,
        options: Mapping[str, Any],
        topic: str,
    ) -> None:
        self._ledger = ledger
        self._lock = lock
        self._shelf = shelf
        self._options = options
        self._topic = topic
        self._client: Client | None = None
        self._told = Told()
        self._again_at = 0.0
        self._looked_up: set[str] = set()
        self._settled: queue.SimpleQueue[tuple[list[str], set[str]]] = queue.SimpleQueue()
        self._ending = threading.Event()
        self.fatal: str | None = None

    @property
    def busy(self) -> bool:
        """Whether the next round is due at once."""
        return bool(self._ledger.handed or self._ledger.waiting)

    @property
    def away(self) -> bool:
        """Whether no broker answers, as far as is known."""
        return self._client is None or self._client.away is not None

    def round(self) -> None:
        """Hand over what waits and hear what has become of what was handed over."""
        self._look_up()
        self._hear_settled()
        client = self._connected()
        if client is None:
            return
        if time.monotonic() >= self._again_at:
            self._hand_over(client)
        self._hear(client.reports())
        if client.away:
            self._told.say("away", f"Kafka is away ({client.away}): serving logs are held")
        if client.fatal:
            self._replace(client)

    def _connected(self) -> Client | None:
        if self._client is None and time.monotonic() >= self._again_at:
            try:
                self._client, self.fatal = Client(self._options, self._topic), None
            except ck.KafkaException as error:
                self._again_at = time.monotonic() + _AGAIN_S
                self.fatal = f"no Kafka client can be made: {error.args[0].str()}"
                self._told.say("fatal", f"{self.fatal}; serving logs are held")
            else:
                self._told.over("fatal", "a Kafka client could be made")
        return self._client

    def _hand_over(self, client: Client) -> None:
        while True:
            with self._lock:
                envelope = self._ledger.next()
            if envelope is None:
                return
            lines = self._shelf.lines(envelope)
            if lines:
                client.hand(envelope.name, lines, envelopes.key(lines[0]))
            else:
                self._taken(envelope.name)  # no log of it is left

    def _hear(self, reports: Sequence[Report]) -> None:
        for report in reports:
            if report.fate is Fate.TAKEN:
                self._taken(report.name)
                self._told.over("away", f"Kafka answers; {self._ledger.held} serving logs are held")
                self._told.over("refused", "Kafka takes serving logs again")
            elif report.fate is Fate.TOO_LARGE:
                self._cut(report)
            elif report.fate is Fate.REFUSED:
                self._told.say(
                    "refused", f"Kafka refuses serving logs ({report.why}): they are held"
                )
                self._again_at = time.monotonic() + _AGAIN_S
                with self._lock:
                    self._ledger.back(report.name)
            else:
                with self._lock:
                    self._ledger.doubt(report.name)

    def _taken(self, name: str) -> None:
        with self._lock:
            self._ledger.acknowledge(name)
        self._shelf.remove(name)

    def _cut(self, report: Report) -> None:
        envelope = self._ledger.handed.get(report.name)
        if envelope is None:
            return
        lines = self._shelf.lines(envelope)
        with self._lock:
            parts = self._ledger.split(report.name, lines)
            if not parts:
                self._ledger.give_up(report.name)
        if parts:
            self._shelf.store()
        else:
            size = f"a serving log of {envelope.size} bytes"
            self._told.say("large", f"{size} is given up: {report.why}; so are others like it")
        self._shelf.remove(report.name)

    # A client that can send nothing any more

    def _replace(self, client: Client) -> None:
        log.warning("the Kafka client is made anew: %s", client.fatal)
        self._let_go(client)
        self._again_at = time.monotonic() + _AGAIN_S

    def _let_go(self, client: Client) -> None:
        self._client = None
        self._hear(client.end())
        with self._lock:
            for name in list(self._ledger.handed):
                self._ledger.doubt(name)

    # What may be in Kafka

    def _look_up(self) -> None:
        doubtful = self._ledger.doubtful.items()
        new = [envelope for name, envelope in doubtful if name not in self._looked_up]
        if new:
            self._looked_up.update(envelope.name for envelope in new)
            threading.Thread(target=self._settle, args=(new,), name="settle", daemon=True).start()

    def _settle(self, doubtful: Sequence[Envelope]) -> None:
        """In a thread of its own: nothing that is new waits for it."""
        since = min(envelope.since for envelope in doubtful)
        wanted: dict[bytes, str] = {}
        for envelope in doubtful:
            wanted[settle.digest(self._shelf.value(envelope))] = envelope.name
        taken = None
        while taken is None:
            try:
                taken = settle.taken(self._options, self._topic, wanted, since, self._ending.is_set)
            except settle.NotSeen as error:
                if not error.again:
                    log.warning("%d envelopes may come twice: %s", len(wanted), error)
                    taken = set()
                if self._ending.wait(_AGAIN_S):
                    return
        self._settled.put(([envelope.name for envelope in doubtful], taken))

    def _hear_settled(self) -> None:
        while not self._settled.empty():
            names, taken = self._settled.get()
            for name in reversed(names):
                self._looked_up.discard(name)
                if name in taken:
                    self._taken(name)
                    continue
                with self._lock:
                    self._ledger.back(name)

    def end(self) -> None:
        """Send nothing more. What has no report yet stays held."""
        self._ending.set()
        if self._client is not None:
            self._let_go(self._client)
