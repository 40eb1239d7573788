"""The ledger on /metrics: one snapshot a scrape, so that its figures add up in it."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from services.gateway.ledger.ledger import Standing

_PREFIX = "intentwatch_gateway_"


def register(registry: CollectorRegistry, standing: Callable[[], Standing]) -> None:
    """Show what `standing` says, under the contract's names."""
    registry.register(_Figures(standing))


class _Figures(Collector):
    def __init__(self, standing: Callable[[], Standing]) -> None:
        self._standing = standing

    def collect(self) -> Iterator[Metric]:
        """What Prometheus asks for."""
        now = self._standing()
        total = CounterMetricFamily(
            f"{_PREFIX}serving_logs",
            "Serving logs: emitted = the other two + held",
            labels=["state"],
        )
        for state in ("emitted", "acknowledged", "given_up"):
            total.add_metric([state], getattr(now, state))
        yield total
        for name, says, value in (
            ("serving_logs_held", "Serving logs in memory, on disk and in the client", now.held),
            (
                "oldest_unacknowledged_seconds",
                "For how long the oldest serving log has been held",
                now.oldest_s,
            ),
            ("spool_bytes", "Serving logs on disk", now.spool_bytes),
        ):
            yield GaugeMetricFamily(f"{_PREFIX}{name}", says, value=value)
