"""A Faust transport that hands the agent one event per run of records of a partition, instead of
one event a record.

The consumer group is Faust's and aiokafka's, as ever; the records come through librdkafka
(streams.fetch), assigned what the group gives us, from the offsets that Postgres holds.
Written against faust-streaming 0.15.3, which is pinned exactly; what to look at when a new version
breaks it, tests/unit/streams/test_transport.py says. What is overridden, and why:

- RebalanceListener.on_partitions_assigned: pauses aiokafka's own fetching.
- AIOKafkaConsumerThread._create_consumer, _new_consumer_thread: a failure in keeping metadata is
  not the end of it.
- on_partitions_revoked: stops fetching and flushes, so that the next owner finds everything in
  Postgres.
- seek_to_committed: the only hook that Faust's recovery respects; it claims the partitions in
  Postgres and fetches from what Postgres says.
- _getmany, getmany: fetch, tell aiokafka so, and build chunks; none passes that does not begin
  where the last one ended. A batch fetched across a rebalance is thrown away by Faust although the
  position has moved on, so what begins elsewhere is dropped and fetched again.
- _new_offset, _add_gap: Kafka's own commits are lag data only; they may never run ahead of the
  oldest unacknowledged chunk.
- on_buffer_full: stock Faust sleeps a second when its buffers are full; a blocking put is
  back-pressure enough.
- verify_event_path: it watches aiokafka's fetching, which is paused; streams.worker.watchdog
  watches ours.
"""

import asyncio
import functools
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from schemas import settings
from streams import brokers, fetch, identity
from streams.count import chunks

log = logging.getLogger("intentwatch.streams")

CHUNK_RECORDS = 5_000
_AGAIN_S = 0.2


class ChunkSchema(faust.Schema):
    """Values arrive as chunks; there is nothing for Faust to decode."""

    def loads_key(
        self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None
    ) -> Any:
        """No key: a chunk has many."""
        return

    def loads_value(
        self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None
    ) -> Any:
        """The chunk itself."""
        return message.value


class RebalanceListener(driver.ConsumerRebalanceListener):
    """Told by aiokafka, in its thread."""

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Ours now; but aiokafka is not to fetch them."""
        partitions = list(assigned)
        self._thread._ensure_consumer().pause(*partitions)
        await super().on_partitions_assigned(partitions)


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Makes aiokafka's consumer, whose keeper of metadata outlives an error."""

    def _create_consumer(self, loop: Any) -> Any:
        consumer = super()._create_consumer(loop)
        client = consumer._client
        client._md_synchronizer = functools.partial(keep_on, client._md_synchronizer)
        return consumer


async def keep_on(synchronise: Callable[[], Awaitable[None]]) -> None:
    """Begin again whenever it fails: aiokafka does not, and whoever leads the next join waits for
    its metadata for ever.
    """
    while True:
        try:
            await synchronise()
        except Exception as error:
            log.warning(
                "keeping Kafka's metadata failed, begun again: %s: %s", type(error).__name__, error
            )
            await asyncio.sleep(_AGAIN_S)


async def looked(app: Any) -> identity.Topic:
    """The topic as it is now, once Kafka says so."""
    while True:
        app.watchdog.beat()
        seen: identity.Topic | None = await asyncio.to_thread(app.fetcher.look)
        if seen is not None:
            return seen
        await asyncio.sleep(_AGAIN_S)


class Consumer(driver.Consumer):
    """Turns fetched records into chunks. `app.counter` owns the claims."""

    RebalanceListener = RebalanceListener

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fetcher: fetch.Fetcher = self.app.fetcher
        self._assignment = 0
        self._epochs: dict[TP, int] = {}
        self._next: dict[TP, int] = {}
        self._unacked: dict[TP, deque[tuple[int, int]]] = {}
        self._known: set[TP] = set()  # read of a topic whose id is known

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Nothing is ours until the next assignment."""
        self._own({}, {})
        await asyncio.to_thread(self._fetcher.assign, {})
        await asyncio.to_thread(self.app.counter.release)
        await super().on_partitions_revoked(revoked)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Claim the assigned partitions and fetch from the offsets in Postgres."""
        assigned = {tp.partition: TP(tp.topic, tp.partition) for tp in self.assignment()}
        seen = await looked(self.app)
        claims = await asyncio.to_thread(self.app.counter.claim, assigned.keys(), seen)
        epochs = {}
        starts = {}
        self._known = set()
        for part, claim in claims.items():
            tp = assigned[part]
            epochs[tp] = claim.epoch
            if claim.topic_id:
                self._known.add(tp)
            starts[tp] = fetch.Start(claim.next_offset, claim.leader_epoch)
        self._own(epochs, {tp: start.offset for tp, start in starts.items()})
        await self._fetch_from(starts)
        return dict(self._next)

    def _own(self, epochs: dict[TP, int], offsets: dict[TP, int]) -> None:
        self._epochs = epochs
        self._next = offsets
        self._unacked = {tp: deque() for tp in offsets}

    async def _fetch_on(self) -> None:
        """Fetch every partition from where its last chunk ended; whatever is on its way is of an
        older assignment, and dropped.
        """
        await self._fetch_from({tp: fetch.Start(offset) for tp, offset in self._next.items()})

    async def _fetch_from(self, starts: Mapping[TP, fetch.Start]) -> None:
        by_part = {tp.partition: start for tp, start in starts.items()}
        self._assignment = await asyncio.to_thread(self._fetcher.assign, by_part)

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self.app.reader, self._fetcher.poll)
        except brokers.Refused as error:
            self.app.end(str(error), settings.EXIT_DEPENDENCY)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Chunks of whatever the next fetch brings."""
        self.app.watchdog.beat()
        # To aiokafka this is its own fetching: it leaves the group of a consumer that has fetched
        # nothing for some minutes, and lets it join no more.
        with self._thread._ensure_consumer()._subscription.fetch_context():
            fetched, _ = await self._wait_next_records(timeout)

        generation = self.app.consumer_generation_id
        for run in fetched or ():
            self.app.points.passed("fetch")
            tp = TP(self.app.serving_topic, run.part)
            for chunk in await self._chunks(tp, run):
                if not self._wanted(tp, chunk, generation):
                    return
                yield tp, self._message(tp, chunk, generation)
                if chunk.deleted:
                    await self._fetch_on()

    def _wanted(
        self,
        tp: TP,
        chunk: chunks.Chunk,
        generation: int,
    ) -> bool:
        """Whether the group is still the one it was fetched for, and nothing was fetched again."""
        if self.should_stop or not self.flow_active:
            return False
        if generation != self.app.consumer_generation_id:
            return False
        return self._next.get(tp) == chunk.low

    async def _chunks(
        self, tp: TP, run: fetch.Run | fetch.Gone | fetch.Parted
    ) -> list[chunks.Chunk]:
        """What was fetched, as its partition's next chunks; none if other records come next."""
        expected = self._next.get(tp)
        # Revoked meanwhile, or fetched again since.
        if expected is None or run.assignment != self._assignment:
            return []
        if isinstance(run, fetch.Gone):
            return await self._after_hole(tp, expected, run.begin, run.end)
        if isinstance(run, fetch.Parted):
            await self._end(identity.parted(tp.topic, tp.partition, expected, run.at))
        if run.low == expected:
            return list(self._cut(tp, run))
        await self._fetch_on()
        return []

    async def _end(self, said: str) -> NoReturn:
        """Told to the on-call: starting again does not mend it. A topic that was made anew has lost
        nothing; that is said first.
        """
        seen = await looked(self.app)
        self.app.counter.same(self.app.counter.topic_id, seen.id)
        self.app.end(said, settings.EXIT_INTEGRITY)
        raise AssertionError("the process has ended")

    async def _after_hole(
        self,
        tp: TP,
        expected: int,
        begin: int,
        end: int,
    ) -> list[chunks.Chunk]:
        """An empty chunk over what retention deleted unread: it is recorded with its count, in the
        transaction that moves the offset past it.
        """
        if expected > end:
            known = tp in self._known
            await self._end(identity.beyond(tp.topic, tp.partition, expected, end, known=known))
        if begin <= expected:
            await self._fetch_on()
            return []
        hole = chunks.Chunk(
            topic=tp.topic,
            part=tp.partition,
            claim=self._epochs[tp],
            low=expected,
            high=begin,
            offsets=(),
            values=(),
            batch=(),
            appended_ms=(),
            deleted=begin - expected,
        )
        return [hole]

    def _cut(self, tp: TP, run: fetch.Run) -> Iterator[chunks.Chunk]:
        whole = chunks.Chunk(
            topic=tp.topic,
            part=tp.partition,
            claim=self._epochs[tp],
            low=run.low,
            high=run.high,
            offsets=run.offsets,
            values=run.values,
            batch=run.batch,
            appended_ms=run.appended_ms,
            by_producer=run.by_producer,
            leader_epoch=run.leader_epoch,
        )
        # At least one: what holds no record moves the offset, too.
        for begin in range(0, len(run.offsets) or 1, CHUNK_RECORDS):
            yield whole.cut(begin, begin + CHUNK_RECORDS)

    def _message(
        self,
        tp: TP,
        chunk: chunks.Chunk,
        generation: int,
    ) -> ConsumerMessage:
        """A chunk as Faust's message: it carries the chunk's last offset."""
        last = chunk.high - 1
        self._next[tp] = chunk.high
        self._unacked[tp].append((chunk.low, last))
        return ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=last,
            timestamp=0.0,
            timestamp_type=0,
            headers=[],
            key=None,
            value=chunk,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            tp=tp,
            generation_id=generation,
        )

    def _new_offset(self, tp: TP) -> int | None:
        acked = self._acked[tp]
        unacked = self._unacked.get(tp)
        if not acked or unacked is None:
            return None

        done = None  # the last offset up to which every chunk is acknowledged
        while unacked and unacked[0][1] in acked:
            _, done = unacked.popleft()
        if done is None:
            return None
        through = [offset for offset in acked if offset <= done]
        self._acked_index[tp].difference_update(through)
        acked[:] = [offset for offset in acked if offset > done]
        return done + 1

    async def _add_gap(
        self,
        tp: TP,
        offset_from: int,
        offset_to: int,
    ) -> None:
        """A message carries its chunk's last offset, so what Faust takes for gaps are the chunks
        themselves.
        """

    def on_buffer_full(self, tp: TP) -> None:
        """Do not pause: the put blocks."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Nothing was paused."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Not aiokafka's to watch."""

    async def on_stop(self) -> None:
        """Leave the group, then the broker."""
        await super().on_stop()
        await asyncio.to_thread(self._fetcher.close)


def membership_error(app: Any) -> BaseException | None:
    """What ended aiokafka's membership in the group, if anything did: it joins no more, or not
    before somebody reads records through it, which nobody does.

    Asked from another thread, at any time: nothing of it may be there yet, and `app.consumer` would
    make one.
    """
    client = app._consumer and app._consumer._thread._consumer
    coordinator = client and client._coordinator
    if not coordinator:
        return None
    task = coordinator._coordination_task
    error: BaseException | None = None
    if task.done() and not task.cancelled():
        error = task.exception()
    return error or coordinator._pending_exception


class Transport(driver.Transport):
    """`kafkachunk://host:port`."""

    Consumer = Consumer
