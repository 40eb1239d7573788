"""What the ledger holds, on disk: written before the client has it, removed once nobody needs it. A
disk that refuses costs no answer: logs wait in memory then.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Sequence
from typing import Final

from services.gateway.ledger import envelopes
from services.gateway.ledger.envelopes import Envelope
from services.gateway.ledger.ledger import Ledger
from services.gateway.ledger.spool import Spool
from services.gateway.ledger.told import Told

log = logging.getLogger("intentwatch.gateway")

_AGAIN_S: Final = 1.0


class Shelf:
    """The ledger's files. `lock`: the ledger's. Used by one thread, but for `value`."""

    def __init__(self, ledger: Ledger, lock: threading.Lock, spool: Spool) -> None:
        self._ledger = ledger
        self._lock = lock
        self._spool = spool
        self._told = Told()
        self._again_at = 0.0

    def take_up(self) -> None:
        """What processes have left that have ended."""
        taken: list[Envelope] = []
        try:
            taken.extend(self._spool.left())
        except OSError as error:
            self._told.say("unread", f"the spool cannot be read: {error}")
        with self._lock:
            self._ledger.take_up(taken)
        if taken:
            logs = sum(envelope.logs for envelope in taken)
            log.warning("%d serving logs of a process that has ended are taken up", logs)

    def store(self) -> None:
        """Write what is new, and give up what there is no room for."""
        if self._ledger.unstored and self._ledger.most_stored:
            self._write_all()
        with self._lock:
            dropped = self._ledger.overflow()
        for envelope in dropped:
            self.remove(envelope.name)
        if dropped:
            most = f"{self._ledger.most_stored >> 20} MiB on disk"
            in_memory = f"{self._ledger.most_memory >> 20} MiB in memory"
            cause = f"the spool is full ({most}, {in_memory} where that cannot be written)"
            self._told.say("full", f"{cause}: the oldest serving logs are given up")
        elif not self._ledger.waiting:
            self._told.over("full", f"no serving log waits; {self._ledger.given_up} are given up")

    def _write_all(self) -> None:
        if time.monotonic() < self._again_at:
            return
        try:
            for envelope in list(self._ledger.unstored.values()):
                self._write(envelope)
        except OSError as error:
            self._again_at = time.monotonic() + _AGAIN_S
            most = f"{self._ledger.most_memory >> 20} MiB"
            where = f"serving goes on, and its logs wait in memory, {most} at most"
            self._told.say("refused", f"the spool cannot be written ({error}); {where}")
        else:
            self._told.over("refused", "the spool can be written again")

    def _write(self, envelope: Envelope) -> None:
        raw = envelopes.content(envelope.rest)
        try:
            self._spool.append(envelope.name, raw, envelope.stored)
        except FileNotFoundError:  # somebody has removed it, and we still know it
            with self._lock:
                self._ledger.store(envelope, 0)
            raw = envelopes.content(envelope.lines)
            self._spool.append(envelope.name, raw, 0)
        with self._lock:
            self._ledger.store(envelope, envelope.stored + len(raw))

    def lines(self, envelope: Envelope) -> Sequence[bytes]:
        """Its logs; those that its file has lost are given up."""
        if not envelope.lines:
            logs = envelope.logs
            try:
                kept, why = envelopes.sound(self._spool.read(envelope.name)), "damaged"
            except OSError as error:
                kept, why = [], str(error)
            with self._lock:
                self._ledger.read(envelope, kept)
            if envelope.logs < logs:
                lost = logs - envelope.logs
                log.warning(
                    "%d serving logs of the spool are lost: %s: %s", lost, envelope.name, why
                )
        return envelope.lines

    def value(self, envelope: Envelope) -> bytes:
        """The record that it is in Kafka if it is there; from any thread."""
        lines = list(envelope.lines)
        if not lines:
            with contextlib.suppress(OSError):
                lines = envelopes.sound(self._spool.read(envelope.name))
        return envelopes.value(lines)

    def remove(self, name: str) -> None:
        """Its file is not needed any more. One that cannot be removed is met again at the next
        start, and in Kafka then.
        """
        with contextlib.suppress(OSError):
            self._spool.remove(name)

    def end(self) -> None:
        """Leave what is held to whoever comes next; what is in memory alone is lost."""
        lost = list(self._ledger.unstored.values())
        with self._lock:
            before = self._ledger.given_up
            for envelope in lost:
                self._ledger.lose(envelope.name)
            logs = self._ledger.given_up - before
            left = self._ledger.held
        if logs:
            log.warning("%d serving logs are lost: neither Kafka nor the spool took them", logs)
        if left:
            log.warning("%d serving logs stay in the spool for the next gateway", left)
        self._spool.close()
