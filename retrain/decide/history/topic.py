"""Serving logs from a Kafka topic, by the broker's append time: read from offset to offset, in no
group, nothing committed, nothing written.
"""

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from retrain import progress
from retrain.decide.history import archive, files
from retrain.intake import unpack
from schemas import settings, times
from streams.count import observe

_PATIENCE_S = 60.0  # without a single record


def serving_logs(
    bootstrap: str,
    name: str,
    since: dt.datetime | None,
    until: dt.datetime | None,
) -> files.Taken[archive.Block]:
    """The champion's logs of the records appended at since <= t < until; None: from the first
    record kept, to the last there is now.

    Malformed lines, which the stream worker puts among the dead letters, are left out and counted.
    Raises files.BadHistory for a topic that does not exist; ends with exit 4 where the
    broker does not answer.
    """
    malformed = 0

    def blocks() -> Iterator[archive.Block]:
        nonlocal malformed
        logs = lines(bootstrap, name, since, until)
        while rows := list(islice(logs, files.LINES)):
            block, left_out = archive.block(rows)
            malformed += len(left_out)
            yield block

    joined = archive.joined(blocks())
    return files.Taken(joined, malformed)


def lines(
    bootstrap: str,
    name: str,
    since: dt.datetime | None,
    until: dt.datetime | None,
) -> Iterator[bytes]:
    """Every log of the topic between two append times, those in an envelope one by one, partition
    by partition.
    """
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            group_id=None,
            allow_auto_create_topics=False,
        )
    except KafkaError as error:
        reason = type(error).__name__
        settings.refuse(
            f"no answer from Kafka at {bootstrap} ({reason}); check INTENTWATCH_KAFKA",
            settings.EXIT_DEPENDENCY,
        )

    try:
        partitions = sorted(consumer.partitions_for_topic(name) or ())
        if not partitions:
            raise files.BadHistory(
                f"there is no topic {name} at {bootstrap}; name one that exists with --topic"
            )
        parts = [TopicPartition(name, partition) for partition in partitions]
        consumer.assign(parts)
        begins = _offsets(consumer, parts, since, first=True)
        ends = _offsets(consumer, parts, until, first=False)
        for part in parts:
            consumer.seek(part, begins[part])
        yield from _read(consumer, begins, ends)
    except KafkaError as error:
        reason = type(error).__name__
        settings.refuse(
            f"Kafka at {bootstrap} stopped answering ({reason}); try again",
            settings.EXIT_DEPENDENCY,
        )
    finally:
        consumer.close()


def _offsets(
    consumer: KafkaConsumer,
    parts: Sequence[TopicPartition],
    at: dt.datetime | None,
    *,
    first: bool,
) -> dict[TopicPartition, int]:
    """The offset of each partition's first record appended at `at` or later; its end where there is
    none. Without `at` the offset of its first record, or its end.
    """
    if at is None:
        return dict(consumer.beginning_offsets(parts) if first else consumer.end_offsets(parts))

    # Ends first: a partition's first such record may be appended between the two calls.
    offsets = dict(consumer.end_offsets(parts))
    at_ms = -(-times.micros(at) // 1000)  # rounded up: nothing from before `at`
    by_time = consumer.offsets_for_times(dict.fromkeys(parts, at_ms))
    for part, record in by_time.items():
        if record:
            offsets[part] = record.offset
    return offsets


def _read(
    consumer: KafkaConsumer,
    begins: dict[TopicPartition, int],
    ends: dict[TopicPartition, int],
) -> Iterator[bytes]:
    open_parts = {part for part in ends if begins[part] < ends[part]}
    total = sum(ends[part] - begins[part] for part in open_parts)
    deadline = time.monotonic() + _PATIENCE_S
    with progress.bar(
        "topic",
        total,
        "record",
        unit_scale=True,
        delay=unpack.QUIET_S,
    ) as bar:
        while open_parts:
            polled = consumer.poll(timeout_ms=1_000)
            if polled:
                deadline = time.monotonic() + _PATIENCE_S
            elif time.monotonic() > deadline:
                raise files.BadHistory(
                    f"the topic gave no record for {_PATIENCE_S:.0f} s; "
                    "check the broker and try again"
                )

            for part, records in polled.items():
                wanted = [record for record in records if record.offset < ends[part]]
                bar.update(len(wanted))
                for record in wanted:
                    yield from _logs(record)

            done = {part for part in open_parts if consumer.position(part) >= ends[part]}
            consumer.pause(*done)
            open_parts -= done


def _logs(record: Any) -> Iterator[bytes]:
    """Those of one record of Kafka: one, or each of an envelope."""
    is_envelope = ("content", b"batch") in record.headers
    for _, line in observe.lines(record.value or b"", batch=is_envelope):
        yield line
