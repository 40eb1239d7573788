"""Serving logs on their way to Kafka: a bounded buffer and a thread. Never blocks serving; what
does not fit is dropped and counted.
"""

import functools
import logging
import queue
import threading
import time
from typing import Any

import msgspec
import prometheus_client
from kafka import KafkaProducer
from kafka.errors import KafkaError

from schemas import events
from streams import brokers
from streams.access import Access

log = logging.getLogger("intentwatch.gateway")

_LINGER_S = 0.02
_RETRY_S = 1.0


class Emitter:
    """Puts logs into envelopes of up to 256 and sends them, idempotently."""

    def __init__(
        self,
        access: Access,
        topic: str,
        *,
        capacity: int = 50_000,
    ) -> None:
        self._access = access
        self._topic = topic
        self._queue: queue.Queue[bytes] = queue.Queue(capacity)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="serving-log", daemon=True)
        self.dropped = self.sent = self.failed = 0

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def emit(self, line: bytes) -> None:
        """Hand an encoded log over; returns at once."""
        try:
            self._queue.put_nowait(line)
        except queue.Full:
            self.dropped += 1

    @property
    def waiting(self) -> int:
        """Logs in the buffer."""
        return self._queue.qsize()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Send what is left, within the time, and end."""
        self._stopping.set()
        self._thread.join(timeout_s)
        self.dropped += self.waiting

    def _run(self) -> None:
        producer = None
        while producer is None and not self._stopping.is_set():
            producer = self._connect()
        while producer is not None and not (self._stopping.is_set() and self._queue.empty()):
            batch = self._take()
            if batch:
                self._send(producer, batch)
        if producer is not None:
            producer.flush(timeout=8)
            producer.close(timeout=2)

    def _connect(self) -> Any:
        why = brokers.trouble(self._access)  # at once; the producer would try for half a minute
        if why is not None:
            return self._not_yet(why)
        try:
            return KafkaProducer(
                **self._access.kafka_python(),
                acks="all",
                enable_idempotence=True,
                compression_type="zstd",
                max_block_ms=5_000,
            )
        except (KafkaError, OSError, ValueError) as error:
            return self._not_yet(type(error).__name__)

    def _not_yet(self, why: str) -> None:
        log.warning("serving goes on, %d logs wait: %s", self.waiting, why)
        self._stopping.wait(_RETRY_S)

    def _take(self) -> list[bytes]:
        """What has come within the linger time, at most an envelope."""
        try:
            batch = [self._queue.get(timeout=0.1)]
        except queue.Empty:
            return []
        until = time.monotonic() + _LINGER_S
        while len(batch) < events.ENVELOPE_MAX and (left := until - time.monotonic()) > 0:
            try:
                batch.append(self._queue.get(timeout=left))
            except queue.Empty:
                break
        return batch

    def _send(self, producer: Any, batch: list[bytes]) -> None:
        key = msgspec.json.decode(batch[0])["req_id"]
        try:
            future = producer.send(
                self._topic,
                b"\n".join(batch),
                key=key.encode(),
                headers=[("content", b"batch")],
            )
        except KafkaError as error:
            self._fail(error, len(batch))
            return
        future.add_callback(lambda _: self._succeed(len(batch)))
        future.add_errback(lambda error: self._fail(error, len(batch)))

    def _succeed(self, count: int) -> None:
        self.sent += count

    def _fail(self, error: BaseException, count: int) -> None:
        self.failed += count
        log.warning("%d serving logs could not be sent: %s", count, error)


def register(emitter: Emitter, registry: prometheus_client.CollectorRegistry) -> None:
    """Show what became of the logs."""
    for name in ("sent", "dropped", "failed", "waiting"):
        gauge = prometheus_client.Gauge(
            f"intentwatch_serving_logs_{name}", f"Serving logs {name}", registry=registry
        )
        gauge.set_function(functools.partial(getattr, emitter, name))
