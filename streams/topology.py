"""The Faust wiring: which agent reads which topic, which timer rolls windows up. Nothing is decided here."""

import asyncio
import logging
import os
import socket
import tempfile
from typing import Any

import faust
import sqlalchemy as sa

from schemas import settings, topics
from streams import agents, store, tick, transport

log = logging.getLogger("intentwatch.streams")


def build_app(loaded: settings.Settings) -> Any:
    """The worker's app. Every setting that differs from Faust's default stands here because the default lost logs or time when measured."""
    assert loaded.kafka is not None
    assert loaded.database_url is not None
    app = faust.App(
        "intentwatch.streams",
        broker=[f"kafkachunk://{address}" for address in loaded.kafka.split(",")],
        datadir=tempfile.gettempdir(),  # no table is kept; Faust only wants the name of an existing directory
        web_enabled=False,
        autodiscover=False,
        topic_allow_declare=False,  # services.provision makes the topics
        topic_disable_leader=True,
        table_standby_replicas=0,
        stream_wait_empty=False,  # otherwise one unacknowledged chunk blocks the shutdown for ever
        stream_buffer_maxsize=16,  # chunks, not records
        broker_max_poll_records=20_000,
        broker_session_timeout=6.0,  # a killed worker's partitions move on after this; the default is a minute
        broker_heartbeat_interval=2.0,
        broker_request_timeout=30.0,
        consumer_auto_offset_reset="earliest",
        producer_acks=0,
    )
    engine = store.engine(loaded.database_url.get_secret_value())
    app.counter = agents.Counter(engine, topic=loaded.topic, check_time=not loaded.test_clock)
    topic = app.topic(loaded.topic, schema=transport.ChunkSchema(key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"))
    app.agent(topic, name="streams.count", concurrency=1)(_count_with(app))
    app.timer(interval=0.5)(_roll_up_with(app, engine, loaded.topic))
    return app


def _count_with(app: Any) -> Any:
    async def count(stream: Any) -> None:
        async for chunk in stream:
            await asyncio.to_thread(app.counter.count, chunk)

    return count


def _roll_up_with(app: Any, engine: sa.Engine, topic: str) -> Any:
    owner = f"{socket.gethostname()}:{os.getpid()}"

    async def roll_up() -> None:
        try:
            ends = await _high_watermarks(app, topic)
            await asyncio.to_thread(tick.roll_up, engine, topic=topic, owner=owner, high_watermarks=ends)
        except Exception as error:
            log.warning("this roll-up failed, the next one tries again: %s", str(error).splitlines()[0])

    return roll_up


async def _high_watermarks(app: Any, topic: str) -> dict[int, int]:
    """The end of every partition of the topic, also of those other workers own."""
    count = app.consumer.topic_partitions(topic) or topics.SERVING_LOG.partitions
    partitions = [app.consumer._new_topicpartition(topic, part) for part in range(count)]
    return {tp.partition: end for tp, end in (await app.consumer.highwaters(*partitions)).items()}
