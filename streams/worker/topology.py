"""The Faust app: one agent that counts chunks, a loop that flushes, a timer that rolls windows up.
Wiring only; what they do is in counter.py and rollup/.
"""

import asyncio
import concurrent.futures
import contextlib
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import faust
import sqlalchemy as sa
from pydantic import SecretStr

from schemas import settings
from streams import brokers, database, fetch
from streams.access import Access
from streams.count import chunks
from streams.rollup import tick
from streams.stages import rounds, stage
from streams.worker import counter, credentials, ending, failpoints, transport, watchdog

_FLUSH_S = 0.25  # how long a counted log may wait to be stored
# Of the time, at most: in a catch-up a flush carries more instead of coming again at once.
_FLUSH_SHARE = 0.25
_FLUSH_MOST_S = 1.0
_FLUSH_LOGS = 200_000
_HOLD_FLUSHES = 2  # more would only be memory: reading stops until a flush is through
_TICK_S = 0.5
_HELD_S = 10  # by a stopped worker, at most: the session of its membership is hardly shorter
_BEHIND_LOGS = 50_000  # a worker with more unread is catching up
# Of the worker's time: in a catch-up, windows may come later so that logs are counted sooner.
_TICK_SHARE = 0.1
_CREATE_TIME = 0  # Kafka's number for a time that the producer has set


def build_app(loaded: settings.Settings) -> Any:
    """The worker's app: what reads, what counts, what flushes, what rolls up."""
    assert loaded.database_url is not None
    stock = loaded.transport == "stock"
    url = loaded.database_url  # the secret, not its text: it may change
    access = brokers.of(loaded)
    app = _faust(loaded, access, stock)
    _equip(app, loaded, access, url)

    if stock:
        _claim_on_assignment(app)
        flow: Flow = Gathered(app, loaded.topic)
        schema_type = faust.Schema
    else:
        flow = Flow(app)
        schema_type = transport.ChunkSchema
    schema = schema_type(
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
    )
    topic = app.topic(loaded.topic, schema=schema)
    app.agent(topic, name="streams.count", concurrency=1)(flow.count)
    app.task(flow.flush)
    app.task(_roll_up_with(app, database.engine(url, idle_s=_HELD_S), loaded.topic))
    return app


def _equip(app: Any, loaded: settings.Settings, access: Access, url: SecretStr) -> None:
    """What the app's parts share, as attributes of it."""
    app.fetcher = fetch.Fetcher(access, loaded.topic)
    # Reading and counting take turns on the interpreter's lock anyway: one thread for both costs a
    # fifth less CPU than several.
    app.reader = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="reader")
    app.serving_topic = loaded.topic
    app.points = failpoints.Failpoints(loaded.test_failpoint)
    app.watchdog = watchdog.Watchdog(
        lambda: credentials.understood(access, app.conf.id, transport.membership_error(app))
    )
    # A worker stopped in the middle of a flush, or of a roll-up, must not hold its partitions from
    # their next owner.
    engine = database.engine(url, transaction_s=_HELD_S)
    app.end = ending.telling(engine, loaded.topic)
    app.counter = counter.Counter(
        engine,
        topic=loaded.topic,
        check_time=not loaded.test_clock,
        points=app.points,
        beat=app.watchdog.beat,
        topic_id=app.fetcher.topic_id,
    )


def _faust(loaded: settings.Settings, access: Access, stock: bool) -> Any:
    """Every setting that differs from Faust's default stands here because the default lost logs or
    time when measured.
    """
    scheme = "kafka" if stock else "kafkachunk"
    return faust.App(
        # The consumer group: a static member that comes back for another topic would be given its
        # old one.
        f"intentwatch.streams.{loaded.topic}",
        broker=[f"{scheme}://{address}" for address in access.servers],
        broker_credentials=credentials.credentials(access),
        # No table is kept; Faust only wants the name of an existing directory.
        datadir=tempfile.gettempdir(),
        web_enabled=False,
        autodiscover=False,
        topic_allow_declare=False,  # services.provision makes the topics
        topic_disable_leader=True,
        table_standby_replicas=0,
        stream_wait_empty=False,  # otherwise one unacknowledged chunk blocks the shutdown for ever
        stream_buffer_maxsize=4096 if stock else 4,  # records, or chunks
        broker_max_poll_records=20_000,
        # A killed worker's partitions move on after this; the default is a minute.
        broker_session_timeout=6.0,
        broker_heartbeat_interval=2.0,
        # A member too slow to join again holds the others up for no longer; less than a request may
        # take.
        broker_rebalance_timeout=20.0,
        broker_request_timeout=30.0,
        consumer_group_instance_id=loaded.worker_id,
        consumer_auto_offset_reset="earliest",
        # Whoever leads the group finds new partitions as it asks anew; the default is five minutes.
        consumer_metadata_max_age_ms=10_000,
        producer_acks=0,
    )


def _claim_on_assignment(app: Any) -> None:
    """Stock Faust reads on from its own commits, which never run ahead of Postgres; what lies
    between the two is dropped by its offset.
    """

    async def release(*_: Any, **__: Any) -> None:
        await asyncio.to_thread(app.counter.release)

    async def claim(_app: Any, assigned: Any = (), **__: Any) -> None:
        parts = {tp.partition for tp in assigned}
        seen = await transport.looked(app)
        await asyncio.to_thread(app.counter.claim, parts, seen)

    app.on_partitions_revoked.connect(release, weak=False)
    app.on_partitions_assigned.connect(claim, weak=False)


class Flow:
    """Between Faust's stream and the counter: an event is acknowledged once what it carried is in
    Postgres.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._counter: counter.Counter = app.counter
        self._held: list[tuple[Any, Any]] = []
        self._full = asyncio.Event()
        self._empty = asyncio.Event()

    async def count(self, stream: Any) -> None:
        """The agent. Nothing may leave it but the end of the process: Faust would restart it and
        acknowledge what it had in hand.
        """
        stream = stream.noack()
        async for event in stream.events():
            with self._fatal("count a chunk"):
                await self._take(event)
            self._held.append((stream, event))
            if self._much(1):
                self._full.set()
            while self._much(_HOLD_FLUSHES):
                self._empty.clear()
                await self._empty.wait()

    async def flush(self) -> None:
        """Store what was counted when there is much of it, and otherwise soon."""
        rest = _FLUSH_S
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), rest)
            self._full.clear()
            held = self._held
            self._held = []
            begun = time.monotonic()
            stored = False
            with self._fatal("store what was counted"):
                stored = await self._store(held)
            if not stored:
                self._held = held + self._held
                held = []
            took_s = time.monotonic() - begun
            rest = min(max(_FLUSH_S, _rest_after(took_s, _FLUSH_SHARE)), _FLUSH_MOST_S)
            self._empty.set()
            for stream, event in held:
                await stream.ack(event)

    async def _take(self, event: Any) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._app.reader, self._counter.add, event.value)
        # Counted: only the acknowledgement is still to come.
        event.value = event.message.value = None

    def _much(self, flushes: int) -> bool:
        return self._counter.waiting >= _FLUSH_LOGS * flushes

    async def _store(self, _held: Sequence[tuple[Any, Any]]) -> bool:
        """Whether it is there; what is not is held until it is."""
        return await asyncio.to_thread(self._counter.flush)

    @contextlib.contextmanager
    def _fatal(self, what: str) -> Iterator[None]:
        """An error nobody foresaw ends the process, unacknowledged."""
        try:
            yield
        except Exception as error:
            self._app.end(f"cannot {what}: {rounds.said(error)}", settings.EXIT_INTEGRITY)


class Gathered(Flow):
    """The same on stock Faust, whose events are single records: they are counted together, as
    chunks, right before a flush.
    """

    def __init__(self, app: Any, topic: str) -> None:
        super().__init__(app)
        self._topic = topic

    async def _take(self, _event: Any) -> None:
        self._app.watchdog.beat()
        self._app.points.passed("fetch")

    def _much(self, flushes: int) -> bool:
        return len(self._held) >= transport.CHUNK_RECORDS * flushes

    async def _store(self, held: Sequence[tuple[Any, Any]]) -> bool:
        self._app.watchdog.beat()  # an idle topic brings no event that would
        messages = [event.message for _, event in held]
        for chunk in self._chunks(messages):
            await asyncio.to_thread(self._counter.add, chunk)
        return await super()._store(held)

    def _chunks(self, messages: Sequence[Any]) -> Iterator[chunks.Chunk]:
        """Runs of offsets that follow each other: after a rebalance Faust may go back."""
        runs: dict[int, list[Any]] = {}
        for message in messages:
            run = runs.setdefault(message.partition, [])
            if run and message.offset != run[-1].offset + 1:
                yield self._chunk(message.partition, run)
                run = runs[message.partition] = []
            run.append(message)
        for part, run in runs.items():
            yield self._chunk(part, run)

    def _chunk(self, part: int, messages: Sequence[Any]) -> chunks.Chunk:
        offsets = []
        values = []
        batch = []
        appended_ms = []
        by_producer = set()
        for message in messages:
            headers = dict(message.headers or ())
            offsets.append(message.offset)
            values.append(message.value or b"")
            batch.append(headers.get("content") == b"batch")
            appended_ms.append(int(message.timestamp * 1000))
            if message.timestamp_type == _CREATE_TIME:
                by_producer.add(message.offset)
        return chunks.Chunk(
            topic=self._topic,
            part=part,
            claim=self._counter.epoch(part),
            low=offsets[0],
            high=offsets[-1] + 1,
            offsets=offsets,
            values=values,
            batch=batch,
            appended_ms=appended_ms,
            by_producer=by_producer,
        )


def _rest_after(took_s: float, share: float) -> float:
    """How long to rest so that the work takes no more than `share` of the time. Seconds."""
    return took_s * (1 / share - 1)


def _roll_up_with(app: Any, engine: sa.Engine, topic: str) -> Callable[[], Awaitable[None]]:
    ticks = rounds.Rounds(engine, stage.ROLLUP)

    def tick_once() -> Mapping[int, int]:
        """One tick; returns where every partition ends, as far as that is known."""
        seen = None
        with ticks.round():
            claimed = app.counter.topic_id
            seen = app.fetcher.look()
            if seen and claimed:
                app.counter.same(claimed, seen.id)
            tick.roll_up(
                engine,
                topic=topic,
                owner=rounds.this_process(),
                seen=seen,
            )
        return seen.stable if seen else {}

    async def roll_up() -> None:
        while True:
            begun = time.monotonic()
            ends = await asyncio.to_thread(tick_once)
            # It waits for a chunk that is being counted.
            behind = await asyncio.to_thread(app.counter.behind, ends)
            rest = _TICK_S
            if behind > _BEHIND_LOGS:
                took_s = time.monotonic() - begun
                rest = max(_TICK_S, _rest_after(took_s, _TICK_SHARE))
            await asyncio.sleep(rest)

    return roll_up
