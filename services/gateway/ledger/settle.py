"""Which envelopes are in Kafka of those that may be: their process was killed, or their client
given up, before the broker's answer came. The topic is read from before they were made, and each
record compared with them.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import confluent_kafka as ck

log = logging.getLogger("intentwatch.gateway")

_SETTINGS: Final[Mapping[str, Any]] = {
    "group.id": "intentwatch.gateway",  # required by the client; assign() alone joins no group
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    # A partition may end with what is no record of anybody's.
    "enable.partition.eof": True,
    "isolation.level": "read_uncommitted",
    "fetch.queue.backoff.ms": 5,
    "queued.max.messages.kbytes": 16 << 10,
    "log_level": 2,
}
_ANSWER_S: Final = 10.0
# By how much the broker's clock may be ahead of ours.
_CLOCKS_S: Final = 300.0
# A broker that has hung goes on with what it had received from others while it answers us: the
# slower it answers, the longer it is let.
_CALM_S: Final = 1.0
_CALM_A_SECOND: Final = 5.0
_MOST_CALM_S: Final = 10.0
_MOST_S: Final = 120.0
# Who may write and not read will not see it later, either.
_FOR_GOOD: Final = (
    ck.KafkaError.TOPIC_AUTHORIZATION_FAILED,
    ck.KafkaError.GROUP_AUTHORIZATION_FAILED,
    ck.KafkaError._INVALID_ARG,
)


class NotSeen(RuntimeError):
    """The topic could not be read to its end; the message says why. `again`: it may be, later."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


def digest(value: bytes) -> bytes:
    """Identity of a record."""
    return hashlib.blake2b(value, digest_size=16).digest()


def taken(
    options: Mapping[str, Any],
    topic: str,
    wanted: Mapping[bytes, str],
    since: float,
    stopped: Callable[[], bool],
) -> set[str]:
    """The names, of `wanted` by digest, that the topic has from `since` on (epoch seconds). Raises
    NotSeen where it cannot be read, or not in time.
    """
    try:
        consumer = ck.Consumer({**options, **_SETTINGS}, logger=log)
        try:
            ends = _assigned(consumer, topic, since)
            return _read(consumer, ends, wanted, stopped)
        finally:
            consumer.close()
    except ck.KafkaException as error:
        cause = error.args[0]
        raise NotSeen(cause.str(), again=cause.code() not in _FOR_GOOD) from None


def _assigned(consumer: Any, topic: str, since: float) -> dict[int, int]:
    """Begin each partition where it stood at that time; where each of them ends."""
    asked_at = time.monotonic()
    described = consumer.list_topics(topic, timeout=_ANSWER_S).topics[topic]
    if described.error is not None:
        raise ck.KafkaException(described.error)
    at_ms = max(0, int((since - _CLOCKS_S) * 1000))
    asked = [ck.TopicPartition(topic, part, at_ms) for part in described.partitions]
    places = consumer.offsets_for_times(asked, timeout=_ANSWER_S)
    for place in places:
        if place.offset < 0:  # nothing has come since
            _, place.offset = consumer.get_watermark_offsets(place, timeout=_ANSWER_S)

    answered_s = time.monotonic() - asked_at
    time.sleep(min(_MOST_CALM_S, _CALM_S + _CALM_A_SECOND * answered_s))
    ends: dict[int, int] = {}
    for place in places:
        _, end = consumer.get_watermark_offsets(place, timeout=_ANSWER_S)
        if place.offset < end:
            ends[place.partition] = end
    consumer.assign([place for place in places if place.partition in ends])
    return ends


def _read(
    consumer: Any, ends: dict[int, int], wanted: Mapping[bytes, str], stopped: Callable[[], bool]
) -> set[str]:
    names: set[str] = set()
    until = time.monotonic() + _MOST_S
    while ends and len(names) < len(wanted):
        if stopped() or time.monotonic() > until:
            raise NotSeen("there was no time to read it to its end", again=False)
        for message in consumer.consume(500, 0.5):
            part, error = message.partition(), message.error()
            if error is not None and error.code() != ck.KafkaError._PARTITION_EOF:
                raise ck.KafkaException(error)
            name = None if error else wanted.get(digest(message.value() or b""))
            if name is not None:
                names.add(name)
            if error or message.offset() + 1 >= ends.get(part, 0):
                ends.pop(part, None)
    return names
