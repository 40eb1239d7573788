"""Fetch records of assigned partitions through librdkafka: which partitions, and from where, is decided elsewhere. No group, no commits.

librdkafka fetches and decompresses in threads of its own, so Python only decodes. Settings differ from its defaults where the default cost
time when measured: fetch.queue.backoff.ms is 1000 there, and a full queue then idles for a second.
"""

import itertools
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import confluent_kafka as ck

log = logging.getLogger("intentwatch.streams")

_POLL_S: Final = 0.1
_MOST_RECORDS: Final = 10_000
_BYTES_A_POLL: Final = 1 << 20  # envelopes are 200 times as large as single records: what is bounded is memory
_SETTINGS: Final[Mapping[str, Any]] = {
    "group.id": "intentwatch.fetch",  # required by the client; assign() alone joins no group
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",  # a position that is gone is a gap to be reported, never a silent jump
    "fetch.wait.max.ms": 100,
    "fetch.queue.backoff.ms": 5,
    "queued.min.messages": 1_000_000,
    "queued.max.messages.kbytes": 32 << 10,
    "fetch.message.max.bytes": 1 << 20,
    "reconnect.backoff.ms": 250,
    "reconnect.backoff.max.ms": 1_000,
    "topic.metadata.refresh.interval.ms": 10_000,
    "log_level": 3,
}


@dataclass(frozen=True, slots=True)
class Run:
    """Records of one partition that came together, in offset order, under the assignment number `assignment`."""

    part: int
    offsets: Sequence[int]
    values: Sequence[bytes]
    batch: Sequence[bool]
    appended_ms: Callable[[int], int]
    assignment: int


@dataclass(frozen=True, slots=True)
class Gone:
    """The partition's position is not in the log any more: it begins at `begin` and ends at `end`."""

    part: int
    begin: int
    end: int
    assignment: int


class Fetcher:
    """One librdkafka consumer. Thread-safe: an assignment waits for the poll in hand."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic = topic
        self._consumer = ck.Consumer({"bootstrap.servers": bootstrap, **_SETTINGS}, logger=log)
        self._lock = threading.Lock()
        self._assignment = 0
        self._lost: set[int] = set()
        self._most = 500

    def assign(self, starts: Mapping[int, int]) -> int:
        """Fetch exactly these partitions from these offsets on; returns the number of this assignment."""
        with self._lock:
            self._consumer.assign([ck.TopicPartition(self._topic, part, offset) for part, offset in sorted(starts.items())])
            self._lost.clear()
            self._assignment += 1
            return self._assignment

    def bounds(self, part: int) -> tuple[int, int] | None:
        """The oldest offset the broker still holds and the next one it will give; None while it does not answer."""
        try:
            begin, end = self._consumer.get_watermark_offsets(ck.TopicPartition(self._topic, part), timeout=5)
        except ck.KafkaException as error:
            log.warning("Kafka does not tell the bounds of partition %d: %s", part, error)
            return None
        return int(begin), int(end)

    def ends(self) -> dict[int, int]:
        """The next offset of every partition of the topic, also of those not assigned; without those whose broker does not answer."""
        try:
            known = self._consumer.list_topics(self._topic, timeout=5).topics[self._topic].partitions
        except ck.KafkaException as error:
            log.warning("Kafka does not tell the partitions of %s: %s", self._topic, error)
            return {}
        found = {part: self.bounds(part) for part in sorted(known)}
        return {part: bounds[1] for part, bounds in found.items() if bounds is not None}

    def poll(self) -> list[Run | Gone]:
        """What has come, at most some megabytes; waits a moment if nothing has."""
        with self._lock:
            messages = self._consumer.consume(self._most, _POLL_S)
            if any(map(ck.Message.error, messages)):
                self._note([message for message in messages if message.error()])
                messages = [message for message in messages if not message.error()]
            runs = [run(part, list(members), self._assignment) for part, members in itertools.groupby(messages, ck.Message.partition)]
            self._pace(runs)
            return [*self._gone(), *runs]

    def _note(self, failed: Sequence[ck.Message]) -> None:
        for message in failed:
            error = message.error()
            if error.code() in (ck.KafkaError._AUTO_OFFSET_RESET, ck.KafkaError.OFFSET_OUT_OF_RANGE):
                self._lost.add(message.partition())
            else:
                log.warning("Kafka: %s", error)

    def _gone(self) -> Iterator[Gone]:
        for part in sorted(self._lost):
            found = self.bounds(part)
            if found is not None:
                self._lost.discard(part)
                yield Gone(part, *found, self._assignment)

    def _pace(self, runs: Sequence[Run]) -> None:
        """Ask next time for about as many records as make up the bytes of a poll."""
        count = sum(len(found.values) for found in runs)
        if count:
            size = sum(sum(map(len, found.values)) for found in runs) / count
            self._most = max(1, min(_MOST_RECORDS, int(_BYTES_A_POLL / (size + 1))))

    def close(self) -> None:
        """Leave the broker."""
        with self._lock:
            self._consumer.close()


def run(part: int, messages: Sequence[ck.Message], assignment: int) -> Run:
    """Messages of one partition as columns."""
    headers = list(map(ck.Message.headers, messages))
    none = headers.count(None) == len(headers)
    batch = [False] * len(headers) if none else [("content", b"batch") in (found or ()) for found in headers]
    values = list(map(ck.Message.value, messages))
    if None in values:
        values = [value or b"" for value in values]
    return Run(part, list(map(ck.Message.offset, messages)), values, batch, lambda i: int(messages[i].timestamp()[1]), assignment)
