"""Pure. One literal per Kafka topic: what is in it, who writes it, who reads it. Never connects;
services.provision creates them.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as contract.md promises it. `retention_ms` in milliseconds."""

    name: str
    key: str
    partitions: int
    retention_ms: int
    event: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]


SERVING_LOG: Final = Topic(
    name="intentwatch.serving_log.v1",
    # Never the model version: one version gets nearly all traffic, hence one hot partition.
    key="req_id",
    partitions=12,
    retention_ms=7 * 24 * 3600 * 1000,
    event="events.ServingLog, one a record or up to 256 a record with the header content=batch",
    producers=("services.gateway", "any client that follows the contract"),
    consumers=("streams",),
)
TOPICS: Final[tuple[Topic, ...]] = (SERVING_LOG,)
