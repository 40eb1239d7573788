"""Read a topic again, from offset to offset: in no group, nothing committed, nothing written. By
the fetcher's own settings: whoever counts again gets the records that the stream worker gets.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NoReturn, TypeVar

import confluent_kafka as ck

from streams import brokers, fetch, refused
from streams.access import Access

_T = TypeVar("_T")
_ANSWER_S: Final = 10.0
_POLL_S: Final = 0.1
_PATIENCE_S: Final = 60.0  # without a single record
_MOST_RECORDS: Final = 500


class Unread(RuntimeError):
    """Kafka does not hand out what it holds: cause; remedy, which is to try again only where that
    may help.
    """


class Reader:
    """One topic, by a consumer of its own. Whoever asks raises brokers.Unreachable or Unread."""

    def __init__(self, access: Access, topic: str) -> None:
        brokers.control(access)  # what is wrong is said better by it
        self._access = access
        self._topic = topic
        self._errors: list[refused.Error] = []
        options = {
            **fetch.SETTINGS,
            "enable.partition.eof": True,  # says that a partition ends in offsets without a record
            "error_cb": self._note,
        }
        self._consumer = brokers.consumer(access, options)

    def _note(self, error: ck.KafkaError) -> None:
        self._errors.append(brokers.plain(error))

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def partitions(self) -> list[int]:
        """None where there is no such topic."""
        metadata = self._asked(lambda: self._consumer.list_topics(self._topic, timeout=_ANSWER_S))
        there = metadata.topics[self._topic]
        if there.error is not None and there.error.code() != ck.KafkaError.UNKNOWN_TOPIC_OR_PART:
            self._fail(brokers.plain(there.error))
        return sorted(there.partitions)

    def bounds(self) -> dict[int, tuple[int, int]]:
        """By partition its oldest offset, and the first one that is not decided yet: of a
        transaction that is still open, or of the next record.
        """
        bounds = {}
        for part in self.partitions():
            place = ck.TopicPartition(self._topic, part)
            bounds[part] = self._bounds(place)
        return bounds

    def _bounds(self, place: ck.TopicPartition) -> tuple[int, int]:
        first, end = self._asked(
            lambda: self._consumer.get_watermark_offsets(place, timeout=_ANSWER_S)
        )
        return first, end

    def since(self, at_ms: int, bounds: Mapping[int, tuple[int, int]]) -> dict[int, int]:
        """By partition the offset of its first record appended at `at_ms` (milliseconds since 1970)
        or later; its end where there is none before it.
        """
        places = [ck.TopicPartition(self._topic, part, at_ms) for part in bounds]
        answered = self._asked(lambda: self._consumer.offsets_for_times(places, timeout=_ANSWER_S))
        offsets = {}
        for place in answered:
            if place.error:
                self._fail(brokers.plain(place.error))
            _, end = bounds[place.partition]
            offsets[place.partition] = min(place.offset, end) if place.offset >= 0 else end
        return offsets

    def _asked(self, question: Callable[[], _T]) -> _T:
        try:
            return question()
        except ck.KafkaException as error:
            self._fail(brokers.plain(error.args[0]))

    def _fail(self, error: refused.Error) -> NoReturn:
        raise Unread(refused.undone(self._access, f"hand out topic {self._topic}", error)) from None

    def runs(self, begins: Mapping[int, int], ends: Mapping[int, int]) -> Iterator[fetch.Run]:
        """Every record of each partition with begins <= offset < ends, as they come."""
        left = {part: end for part, end in ends.items() if begins[part] < end}
        self._consumer.assign(
            [ck.TopicPartition(self._topic, part, begins[part]) for part in sorted(left)]
        )
        deadline = time.monotonic() + _PATIENCE_S
        while left:
            messages = self._consumer.consume(_MOST_RECORDS, _POLL_S)
            if messages:
                deadline = time.monotonic() + _PATIENCE_S
            elif time.monotonic() > deadline:
                self._fail(self._last_error())
            yield from self._take(messages, left)

    def _take(self, messages: Sequence[ck.Message], left: dict[int, int]) -> Iterator[fetch.Run]:
        """The records of these that are asked for; a partition read to its end leaves `left`."""
        for part, group in itertools.groupby(messages, ck.Message.partition):
            end = left.get(part)
            if end is None:
                continue  # it came before the partition was paused
            records = []
            passed = 0  # the offset up to which nothing is left
            for message in group:
                at = message.offset()
                if message.error() is None:
                    passed = at + 1
                    if at < end:
                        records.append(message)
                elif self._ended(message.error()):
                    passed = at
            if passed >= end:
                del left[part]
                self._consumer.pause([ck.TopicPartition(self._topic, part)])
            if records:
                run = fetch.Run(part, [], [], [], [], 0)
                run.extend(records)
                yield run

    def _ended(self, error: ck.KafkaError) -> bool:
        """Whether it says that there is nothing more. Raises Unread where waiting does not help."""
        if error.code() == ck.KafkaError._PARTITION_EOF:
            return True
        plain = brokers.plain(error)
        if not plain.passes:
            self._fail(plain)
        self._errors.append(plain)
        return False

    def _last_error(self) -> refused.Error:
        silence = refused.Error("_TIMED_OUT", f"no record for {_PATIENCE_S:.0f} s")
        return self._errors[-1] if self._errors else silence
