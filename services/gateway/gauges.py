"""What /metrics says of the gateway."""

from collections.abc import Callable
from typing import Final

import prometheus_client

from services.gateway.fates import Fate

_MS: Final = (1, 2, 4, 6, 8, 10, 12, 15, 20, 25, 50, 100, 250, 500, 1000)
_BUCKETS: Final = [ms / 1000 for ms in _MS]
_QUEUE: Final = [0.0001, 0.0005, *_BUCKETS]


class Gauges:
    """Counted on the loop, but `compared` and what is asked of others."""

    def __init__(self) -> None:
        self.registry = registry = prometheus_client.CollectorRegistry()
        requests = prometheus_client.Counter(
            "intentwatch_gateway_requests",
            "Requests to classify, by what became of them",
            ["fate"],
            registry=registry,
        )
        messages = prometheus_client.Counter(
            "intentwatch_gateway_messages",
            "Messages in them: as many as serving logs of the champion",
            ["fate"],
            registry=registry,
        )
        self._requests = {fate: requests.labels(fate.value) for fate in Fate}
        self._messages = {fate: messages.labels(fate.value) for fate in Fate}
        self._unheard = prometheus_client.Counter(
            "intentwatch_gateway_unheard",
            "What was refused before there was a request to classify",
            ["status"],
            registry=registry,
        )
        self._queue = prometheus_client.Histogram(
            "intentwatch_gateway_queue_seconds",
            "From a message's admission to its turn",
            registry=registry,
            buckets=_QUEUE,
        )
        self._model = prometheus_client.Histogram(
            "intentwatch_gateway_model_seconds",
            "What the model took for a message",
            ["model"],
            registry=registry,
            buckets=_BUCKETS,
        )
        self._latency = prometheus_client.Histogram(
            "intentwatch_serve_latency_seconds",
            "From a request's first byte to its answer handed over, of each message",
            ["model"],
            registry=registry,
            buckets=_BUCKETS,
        )
        self.compared = prometheus_client.Counter(
            "intentwatch_shadow_answers",
            "Answers of the candidate that waits to be promoted",
            ["model", "agrees"],
            registry=registry,
        )

    def fate(self, fate: Fate, messages: int) -> None:
        """One more request of so many messages."""
        self._requests[fate].inc()
        self._messages[fate].inc(messages)

    def answered(self, model: str, latency_s: float, queue_s: float, model_s: float) -> None:
        """One more answered message, and what of its time it waited and was worked on."""
        self._latency.labels(model).observe(latency_s)
        self._queue.observe(queue_s)
        self._model.labels(model).observe(model_s)

    def unheard(self, status: int) -> None:
        """One more that was none."""
        self._unheard.labels(str(status)).inc()

    def watch(self, name: str, says: str, value: Callable[[], float]) -> None:
        """A figure that is asked for when somebody looks."""
        gauge = prometheus_client.Gauge(name, says, registry=self.registry)
        gauge.set_function(value)

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return prometheus_client.generate_latest(self.registry)
