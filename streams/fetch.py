"""Fetch records of assigned partitions through librdkafka: which partitions, and from where, is
decided elsewhere. No group, no commits.

librdkafka fetches and decompresses in threads of its own, so Python only decodes. Settings differ
from its defaults where the default cost time when measured: fetch.queue.backoff.ms is 1000 there,
and a full queue then idles for a second.
"""

import itertools
import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import confluent_kafka as ck

from streams import brokers, refused
from streams.access import Access

_T = TypeVar("_T")
log = logging.getLogger("intentwatch.streams")

_POLL_S: Final = 0.1
_ANSWER_S: Final = 5.0
_MOST_RECORDS: Final = 500
# Envelopes are 200 times as large as single records: what is bounded is memory.
_BYTES_A_POLL: Final = 2 << 20
SETTINGS: Final[Mapping[str, Any]] = {
    "group.id": "intentwatch.fetch",  # required by the client; assign() alone joins no group
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "isolation.level": "read_committed",  # whoever counts again leaves out what was aborted, too
    # A position that is gone is a gap to be reported, never a silent jump.
    "auto.offset.reset": "error",
    "fetch.wait.max.ms": 100,
    "fetch.queue.backoff.ms": 5,
    "queued.max.messages.kbytes": 16 << 10,
    # Smaller answers are decompressed and handed over sooner, and hold less memory; a larger record
    # still comes.
    "fetch.message.max.bytes": 256 << 10,
    "reconnect.backoff.ms": 250,
    "reconnect.backoff.max.ms": 1_000,
    "topic.metadata.refresh.interval.ms": 10_000,
    "log_level": 3,
}

_OUT_OF_RANGE: Final = (ck.KafkaError._AUTO_OFFSET_RESET, ck.KafkaError.OFFSET_OUT_OF_RANGE)
_BATCH: Final = ("content", b"batch")  # the header of a record that holds several logs


@dataclass(frozen=True, slots=True)
class Run:
    """Records of one partition that came together, in offset order, as columns, under the
    assignment number `assignment`. `by_producer`: the offsets of those whose time is their
    producer's, not the broker's.
    """

    part: int
    offsets: list[int]
    values: list[bytes]
    batch: list[bool]
    appended_ms: list[int]
    assignment: int
    by_producer: set[int] = field(default_factory=set)

    def extend(self, messages: Sequence[ck.Message]) -> int:
        """Add what comes next; returns its bytes."""
        values = list(map(ck.Message.value, messages))
        if None in values:
            values = [value or b"" for value in values]
        headers = list(map(ck.Message.headers, messages))
        if headers.count(None) == len(headers):
            batch = [False] * len(values)
        else:
            batch = [_BATCH in (pairs or ()) for pairs in headers]
        kinds, stamps = zip(*map(ck.Message.timestamp, messages), strict=True)
        offsets = list(map(ck.Message.offset, messages))
        if ck.TIMESTAMP_CREATE_TIME in kinds:
            for offset, kind in zip(offsets, kinds, strict=True):
                if kind == ck.TIMESTAMP_CREATE_TIME:
                    self.by_producer.add(offset)

        self.offsets.extend(offsets)
        self.values.extend(values)
        self.batch.extend(batch)
        self.appended_ms.extend(stamps)
        return sum(map(len, values))


@dataclass(frozen=True, slots=True)
class Gone:
    """The partition's position is not in the log any more, which holds [begin, end)."""

    part: int
    begin: int
    end: int
    assignment: int


class Fetcher:
    """One librdkafka consumer. Thread-safe: an assignment waits for the poll in hand, the end also
    for the question to the broker.
    """

    def __init__(self, access: Access, topic: str) -> None:
        self._access = access
        self._topic = topic
        self._consumer = brokers.consumer(access, SETTINGS)
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._closed = False
        self._assignment = 0
        self._lost: set[int] = set()
        self._most = _MOST_RECORDS

    def assign(self, starts: Mapping[int, int]) -> int:
        """Fetch exactly these partitions from these offsets on; returns the number of this
        assignment.
        """
        places = []
        for part, offset in sorted(starts.items()):
            places.append(ck.TopicPartition(self._topic, part, offset))
        with self._lock:
            self._consumer.assign(places)
            self._lost.clear()
            self._assignment += 1
            return self._assignment

    def bounds(self, part: int) -> tuple[int, int] | None:
        """The oldest offset the broker still holds and the next one it will give; None while it
        does not answer.
        """
        place = ck.TopicPartition(self._topic, part)
        return self._asked(
            f"the bounds of partition {part}",
            lambda: self._consumer.get_watermark_offsets(place, timeout=_ANSWER_S),
        )

    def ends(self) -> dict[int, int]:
        """The next offset of every partition of the topic, also of those not assigned; without
        those whose broker does not answer.
        """
        parts = self._asked(f"the partitions of {self._topic}", self._partitions)
        ends = {}
        for part in sorted(parts or ()):
            bounds = self.bounds(part)
            if bounds is not None:
                _, ends[part] = bounds
        return ends

    def _partitions(self) -> Collection[int]:
        metadata = self._consumer.list_topics(self._topic, timeout=_ANSWER_S)
        return list(metadata.topics[self._topic].partitions)

    def _asked(self, what: str, question: Callable[[], _T]) -> _T | None:
        """What the broker answers; None where it does not, or after the end: librdkafka crashes
        whoever asks a client that is gone, or goes meanwhile.
        """
        with self._asking:
            if self._closed:
                return None
            try:
                return question()
            except ck.KafkaException as error:
                log.warning("Kafka does not tell %s: %s", what, error)
                return None

    def poll(self) -> list[Run | Gone]:
        """What has come, at most some megabytes; waits a moment if nothing has. Raises
        brokers.Refused where this client may not read it.
        """
        with self._lock:
            runs: dict[int, Run] = {}
            size = 0
            wait = _POLL_S
            while size < _BYTES_A_POLL:
                messages = self._consumer.consume(self._most, wait)
                wait = 0.0
                if any(map(ck.Message.error, messages)):
                    self._note([message for message in messages if message.error()])
                    messages = [message for message in messages if not message.error()]
                if not messages:
                    break
                size += self._take(messages, runs)
            return [*self._gone(), *runs.values()]

    def _take(self, messages: Sequence[ck.Message], runs: dict[int, Run]) -> int:
        """Add messages to their partition's run; returns how many bytes they hold. A few hundred at
        a time, and nothing keeps them: they are dear in memory.
        """
        size = 0
        for part, group in itertools.groupby(messages, ck.Message.partition):
            run = runs.setdefault(part, Run(part, [], [], [], [], self._assignment))
            size += run.extend(list(group))
        mean_size = size / len(messages) + 1
        self._most = max(1, min(_MOST_RECORDS, int(_BYTES_A_POLL / mean_size)))
        return size

    def _note(self, failed: Sequence[ck.Message]) -> None:
        for message in failed:
            error = message.error()
            if error.code() in _OUT_OF_RANGE:
                self._lost.add(message.partition())
            elif brokers.plain(error).forbidden:
                what = f"read topic {self._topic}"
                raise brokers.Refused(refused.undone(self._access, what, brokers.plain(error)))
            else:
                log.warning("Kafka: %s", error)

    def _gone(self) -> Iterator[Gone]:
        for part in sorted(self._lost):
            bounds = self.bounds(part)
            if bounds is not None:
                self._lost.discard(part)
                yield Gone(part, *bounds, self._assignment)

    def close(self) -> None:
        """Leave the broker."""
        self._closed = True  # before the wait: no other question begins
        with self._lock, self._asking:
            self._consumer.close()
