"""Fetch records of assigned partitions through librdkafka: which partitions, and from where, is
decided elsewhere. No group, no commits.

librdkafka fetches and decompresses in threads of its own, so Python only decodes. Settings differ
from its defaults where the default cost time when measured: fetch.queue.backoff.ms is 1000 there,
and a full queue then idles for a second.
"""

import itertools
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import confluent_kafka as ck
from confluent_kafka import admin

from streams import brokers, identity, refused
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
    # The end comes with the position: past markers of transactions, which are no records.
    "enable.partition.eof": True,
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

_OUT_OF_RANGE: Final = (
    ck.KafkaError._AUTO_OFFSET_RESET,
    ck.KafkaError._LOG_TRUNCATION,
    ck.KafkaError.OFFSET_OUT_OF_RANGE,
)
# librdkafka says only in words where the log parts from what was read.
_PARTED: Final = re.compile(r"broker end offset is (\d+)")
_BATCH: Final = ("content", b"batch")  # the header of a record that holds several logs


@dataclass(slots=True)
class Run:
    """What a partition holds from offset `low` to `high`: its records in offset order, as columns,
    under the assignment number `assignment`.

    No other offset between the two has a record for us: compaction, aborted transactions and
    markers leave such holes, also at the end, or nothing else. leader_epoch: of the leader it was
    read from; by_producer: the offsets of records whose time is their producer's, not the broker's.
    """

    part: int
    offsets: list[int]
    values: list[bytes]
    batch: list[bool]
    appended_ms: list[int]
    assignment: int
    low: int = 0
    high: int = 0
    leader_epoch: int | None = None
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
        self.reach(messages[-1], messages[-1].offset() + 1)
        return sum(map(len, values))

    def reach(self, message: ck.Message, high: int) -> None:
        """All before `high` has been read; `message` says under which leader."""
        self.high = high
        epoch = message.leader_epoch()
        self.leader_epoch = None if epoch is None or epoch < 0 else epoch


@dataclass(frozen=True, slots=True)
class Gone:
    """The partition's position is not in the log any more, which holds [begin, end)."""

    part: int
    begin: int
    end: int
    assignment: int


@dataclass(frozen=True, slots=True)
class Parted:
    """From offset `at` on, which lies before the partition's position, the log holds other records
    than were read.
    """

    part: int
    at: int
    assignment: int


@dataclass(frozen=True, slots=True)
class Start:
    """Where to fetch from. leader_epoch: of the record before; with it the broker is asked whether
    it still has what was read.
    """

    offset: int
    leader_epoch: int | None = None


class Fetcher:
    """One librdkafka consumer, and a client that asks about the topic. Thread-safe: an assignment
    waits for the poll in hand, the end also for the question to the broker.
    """

    def __init__(self, access: Access, topic: str) -> None:
        self._access = access
        self._topic = topic
        self._consumer = brokers.consumer(access, SETTINGS)
        self._admin: Any = brokers.asking(access)
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._closed = False
        self._assignment = 0
        self._next: dict[int, int] = {}
        self._lost: set[int] = set()
        self._parted: dict[int, int] = {}
        self._most = _MOST_RECORDS

    def assign(self, starts: Mapping[int, Start]) -> int:
        """Fetch exactly these partitions from there on; returns the number of this assignment."""
        places = []
        for part, start in sorted(starts.items()):
            epoch = -1 if start.leader_epoch is None else start.leader_epoch
            place = ck.TopicPartition(self._topic, part, start.offset, leader_epoch=epoch)
            places.append(place)
        with self._lock:
            self._consumer.assign(places)
            for place in places:
                if starts[place.partition].leader_epoch is not None:
                    self._consumer.seek(place)  # unlike assign() it has the broker asked
            self._next = {part: start.offset for part, start in starts.items()}
            self._lost.clear()
            self._parted.clear()
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

    def topic_id(self) -> str | None:
        """The topic's id; None while nobody answers, or there is no such topic."""
        described = self._asked(f"the id of {self._topic}", self._described)
        return None if described is None else _id(described)

    def look(self) -> identity.Topic | None:
        """The topic as it is now, with all its partitions, assigned or not; without those whose
        broker does not answer. None while nobody answers, or there is no such topic.
        """
        return self._asked(f"how {self._topic} stands", self._looked)

    def _described(self) -> Any:
        asked = ck.TopicCollection([self._topic])
        answers = self._admin.describe_topics(asked, request_timeout=_ANSWER_S)
        return answers[self._topic].result()

    def _looked(self) -> identity.Topic:
        described = self._described()
        parts = [partition.id for partition in described.partitions]
        # In this order: a stable offset beyond the end would be a contradiction.
        stable = self._ends(parts, ck.IsolationLevel.READ_COMMITTED)
        ends = self._ends(parts, ck.IsolationLevel.READ_UNCOMMITTED)
        return identity.Topic(_id(described), stable, ends)

    def _ends(self, parts: Sequence[int], isolation: Any) -> dict[int, int]:
        latest = admin.OffsetSpec.latest()
        wanted = {ck.TopicPartition(self._topic, part): latest for part in parts}
        answers = self._admin.list_offsets(
            wanted,
            isolation_level=isolation,
            request_timeout=_ANSWER_S,
        )
        ends = {}
        for place, answer in answers.items():
            try:
                ends[place.partition] = answer.result().offset
            except ck.KafkaException as error:
                where = f"where partition {place.partition} ends"
                log.warning("Kafka does not tell %s: %s", where, error)
        return ends

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

    def poll(self) -> list[Run | Gone | Parted]:
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
                if not messages:
                    break
                size += self._take(messages, runs)
            read = [run for run in runs.values() if run.high > run.low]
            return [*self._gone(), *self._apart(), *read]

    def _take(self, messages: Sequence[ck.Message], runs: dict[int, Run]) -> int:
        """Add messages to their partition's run; returns how many bytes they hold. A few hundred at
        a time, and nothing keeps them: they are dear in memory.
        """
        size = 0
        for (part, failed), group in itertools.groupby(messages, _kind):
            arrived = list(group)
            if failed:
                self._note(arrived, runs)
            else:
                run = self._run(part, arrived[0].offset(), runs)
                size += run.extend(arrived)
                self._next[part] = run.high
        mean_size = size / len(messages) + 1
        self._most = max(1, min(_MOST_RECORDS, int(_BYTES_A_POLL / mean_size)))
        return size

    def _run(self, part: int, first: int, runs: dict[int, Run]) -> Run:
        """The partition's run of this poll; it begins where the one before it has ended."""
        if part not in runs:
            low = self._next.get(part, first)
            runs[part] = Run(part, [], [], [], [], self._assignment, low, low)
        return runs[part]

    def _note(self, failed: Sequence[ck.Message], runs: dict[int, Run]) -> None:
        for message in failed:
            error = message.error()
            part = message.partition()
            if error.code() == ck.KafkaError._PARTITION_EOF:
                run = self._run(part, message.offset(), runs)
                if message.offset() > run.high:
                    run.reach(message, message.offset())
                    self._next[part] = run.high
            elif error.code() in _OUT_OF_RANGE:
                self._lose(part, error.str())
            elif brokers.plain(error).forbidden:
                what = f"read topic {self._topic}"
                raise brokers.Refused(refused.undone(self._access, what, brokers.plain(error)))
            else:
                log.warning("Kafka: %s", error)

    def _lose(self, part: int, said: str) -> None:
        """A position is gone: deleted, beyond the end, or of records that are others now."""
        at = _PARTED.search(said)
        if at is None:
            self._lost.add(part)
        else:
            self._parted[part] = int(at[1])

    def _gone(self) -> Iterator[Gone]:
        for part in sorted(self._lost):
            bounds = self.bounds(part)
            if bounds is not None:
                self._lost.discard(part)
                yield Gone(part, *bounds, self._assignment)

    def _apart(self) -> Iterator[Parted]:
        for part, at in sorted(self._parted.items()):
            yield Parted(part, at, self._assignment)
        self._parted.clear()

    def close(self) -> None:
        """Leave the broker."""
        self._closed = True  # before the wait: no other question begins
        with self._lock, self._asking:
            self._consumer.close()
            self._admin = None


def _id(described: Any) -> str:
    """As Kafka's own tools write it."""
    return str(described.topic_id).replace("+", "-").replace("/", "_")


def _kind(message: ck.Message) -> tuple[int, bool]:
    """Whose it is, and whether it tells of something instead of being a record."""
    return message.partition(), message.error() is not None
