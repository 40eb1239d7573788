"""A Faust transport that hands the agent one event per run of records of a partition, instead of one event a record.

Written against faust-streaming 0.15.3, which is pinned exactly; tests/integration/test_stream_worker.py says what to look at when a new version
breaks it. What is overridden, and why:
- seek_to_committed: the only hook that Faust's recovery respects; it claims the partitions in Postgres and seeks to what Postgres says.
- getmany: builds chunks and lets none through that does not begin where the last one ended. A batch fetched across a rebalance
  is thrown away by Faust although the position has moved on, so a chunk that begins elsewhere is dropped and the partition re-sought.
- _new_offset, _add_gap: Kafka's own commits are lag data only; they may never run ahead of the oldest unacknowledged chunk.
- on_buffer_full: stock Faust sleeps a second when its buffers are full; a blocking put is back-pressure enough.
"""

import asyncio
import datetime as dt
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import faust
from aiokafka import ConsumerRecord
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from schemas import settings
from streams import agents, chunks

CHUNK_RECORDS = 5_000
# Faust fixes 1500 ms: with one fetch in flight a node, a few quiet partitions would hold all others up.
_FETCH_MAX_WAIT_MS = 100


class ChunkSchema(faust.Schema):
    """Values arrive as chunks; there is nothing for Faust to decode."""

    def loads_key(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> Any:
        """No key: a chunk has many."""
        return

    def loads_value(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> Any:
        """The chunk itself."""
        return message.value


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that fetches."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = _FETCH_MAX_WAIT_MS
        return consumer


class Consumer(driver.Consumer):
    """Turns fetched records into chunks. `app.counter` owns the claims."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._epochs: dict[TP, int] = {}
        self._next: dict[TP, int] = {}
        self._unacked: dict[TP, deque[tuple[int, int]]] = {}
        self._refused: dict[TP, tuple[int, int]] = {}

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Claim the assigned partitions and seek to the offsets in Postgres."""
        assigned = {tp.partition: TP(tp.topic, tp.partition) for tp in self.assignment()}
        claims = await asyncio.to_thread(self.app.counter.claim, assigned.keys())
        self._epochs = {assigned[part]: claim.epoch for part, claim in claims.items()}
        self._next = {assigned[part]: claim.next_offset for part, claim in claims.items()}
        self._unacked = {tp: deque() for tp in self._next}
        self._refused.clear()
        if self._next:
            await self.seek_wait(dict(self._next))
        return dict(self._next)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Chunks of whatever the next fetch brings."""
        fetched, _ = await self._wait_next_records(timeout)
        if fetched is None or self.should_stop:
            return
        generation = self.app.consumer_generation_id
        for key, records in fetched.items():
            tp = TP(key.topic, key.partition)
            for begin in range(0, len(records), CHUNK_RECORDS):
                part = records[begin : begin + CHUNK_RECORDS]
                if not self.flow_active or generation != self.app.consumer_generation_id or not await self._continues(tp, part[0].offset):
                    break
                yield tp, self._chunk_message(tp, part, generation)

    async def _continues(self, tp: TP, first: int) -> bool:
        """Whether a chunk that begins at `first` is the next one; if not, fetch again from where the last one ended."""
        expected = self._next.get(tp)
        if expected is None:  # revoked meanwhile
            return False
        if first == expected:
            return True
        if first > expected and self._refused.get(tp) == (expected, first):
            return await self._hole(tp, expected)
        self._refused[tp] = (expected, first)
        await self.seek_wait({tp: expected})
        return False

    async def _hole(self, tp: TP, expected: int) -> bool:
        """The same gap twice: either the log begins later by now, and records are lost; or offsets without a record, as compaction leaves them."""
        begin = (await self.earliest_offsets(tp))[tp]
        if begin > expected:
            agents.end_process(
                f"{tp.topic}/{tp.partition}: offsets {expected} to {begin - 1} ({begin - expected} records) were deleted before they were read; "
                "raise the topic's retention, then accept the loss with `update stream_offset`",
                settings.EXIT_INTEGRITY,
            )
        return True

    def _chunk_message(self, tp: TP, records: "Sequence[ConsumerRecord[bytes, bytes]]", generation: int) -> ConsumerMessage:
        last = records[-1]
        chunk = chunks.Chunk(tp.topic, tp.partition, self._epochs[tp], self._next[tp], last.offset + 1, tuple(map(_record, records)))
        self._next[tp] = chunk.next_offset
        self._unacked[tp].append((chunk.first_offset, last.offset))
        return ConsumerMessage(
            tp.topic, tp.partition, last.offset, last.timestamp / 1000, last.timestamp_type, [], None, chunk, None, 0, 0, tp, generation_id=generation
        )

    def _new_offset(self, tp: TP) -> int | None:
        acked, unacked = self._acked[tp], self._unacked.get(tp)
        if not acked or unacked is None:
            return None
        before = len(unacked)
        done = None
        while unacked and unacked[0][1] in acked:
            done = unacked.popleft()[1]
        if len(unacked) == before or done is None:
            return None
        self._acked_index[tp].difference_update(offset for offset in acked if offset <= done)
        acked[:] = [offset for offset in acked if offset > done]
        return done + 1

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """A message carries its chunk's last offset, so what Faust takes for gaps are the chunks themselves."""

    def on_buffer_full(self, tp: TP) -> None:
        """Do not pause: the put blocks."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Nothing was paused."""


class Transport(driver.Transport):
    """`kafkachunk://host:port`."""

    Consumer = Consumer


def _record(record: "ConsumerRecord[bytes, bytes]") -> chunks.Record:
    batch = any(name == "content" and value == b"batch" for name, value in record.headers)
    return chunks.Record(record.offset, record.value, batch, dt.datetime.fromtimestamp(record.timestamp / 1000, dt.UTC))
