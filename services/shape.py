"""Pure. A topic as Kafka has it, held against the contract's: what departs from it, and how."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from schemas import topics

# Else times are the producer's, and records go, or stand for one another, before they are read.
_EXACTLY: Final[Mapping[str, str]] = {
    "message.timestamp.type": "LogAppendTime",
    "cleanup.policy": "delete",
    "retention.bytes": "-1",
}
_FOR_EVER: Final = -1
# The largest record that a producer sends by its client's default: envelopes come near it.
RECORD_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Shape:
    """How many partitions a topic has, and its settings by Kafka's names, the broker's defaults
    among them; None: this client may not see them.
    """

    partitions: int
    settings: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Departure:
    """A setting that breaks the contract: what it is, what it should be, and what mends it."""

    name: str
    has: str
    wanted: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}={self.has}, not {self.wanted}"


def made_with(topic: topics.Topic) -> dict[str, str]:
    """Settings of a topic that is made."""
    return {**_EXACTLY, "retention.ms": str(topic.retention_ms)}


def departures(topic: topics.Topic, shape: Shape) -> list[Departure]:
    """Every setting that breaks the contract; what Kafka does not tell breaks nothing.

    >>> early = Shape(12, {"retention.ms": "3600000", "cleanup.policy": "delete"})
    >>> [str(each) for each in departures(topics.SERVING_LOG, early)]
    ['retention.ms=3600000, not at least 604800000']
    """
    return list(_departures(topic, shape.settings or {}))


def _departures(topic: topics.Topic, settings: Mapping[str, str]) -> Iterator[Departure]:
    for name, value in _EXACTLY.items():
        has = settings.get(name, value)
        if has != value:
            yield Departure(name, has, value, value)

    for name, least in (("retention.ms", topic.retention_ms), ("max.message.bytes", RECORD_BYTES)):
        has = settings.get(name, str(least))
        if _FOR_EVER != int(has) < least:
            yield Departure(name, has, f"at least {least}", str(least))


def broken(topic: topics.Topic, shape: Shape) -> str | None:
    """What of a topic breaks the contract, all of it in one line; None where nothing does.

    >>> broken(topics.SERVING_LOG, Shape(3, {"message.timestamp.type": "CreateTime"}))
    'has 3 partitions, not 12, and message.timestamp.type=CreateTime, not LogAppendTime'
    """
    parts = [str(each) for each in departures(topic, shape)]
    if shape.partitions != topic.partitions:
        parts.insert(0, f"{shape.partitions} partitions, not {topic.partitions}")
    return f"has {', and '.join(parts)}" if parts else None


def remedy(topic: topics.Topic, shape: Shape) -> str:
    """What mends it."""
    mended = "run `python -m services.provision --alter`"
    if shape.partitions <= topic.partitions:
        return mended
    never = "Kafka takes no partitions away"
    anew = f"{never}: once it is read, delete it and run `python -m services.provision`"
    return f"{mended}; {anew}" if departures(topic, shape) else anew


def unseen(topic: topics.Topic) -> str:
    """Why nothing can be said of its settings."""
    cause = f"this client may not see the settings of topic {topic.name}"
    return (
        f"{cause}, so nobody knows whether they keep the contract; grant it DESCRIBE_CONFIGS on it"
    )
