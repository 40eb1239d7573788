"""Serving logs from a Kafka topic, by the broker's append time: read from offset to offset, in no
group, nothing committed, nothing written.
"""

import datetime as dt
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from retrain import progress
from retrain.decide.history import archive, files
from schemas import settings, times
from streams.count import observe

_PATIENCE_S = 60.0  # without a single record


def serving_logs(
    bootstrap: str, name: str, since: dt.datetime | None, until: dt.datetime | None
) -> archive.Block:
    """The champion's logs of the records appended at since <= t < until; None: from the first
    record kept, to the last there is now.

    Malformed lines, which the stream worker puts among the dead letters, are left out and counted
    on stderr. Raises files.BadHistory for a topic that does not exist; ends with exit 4 where the
    broker does not answer.
    """
    malformed = 0

    def blocks() -> Iterator[archive.Block]:
        nonlocal malformed
        found = lines(bootstrap, name, since, until)
        while rows := list(islice(found, files.LINES)):
            block, bad = archive.block(rows)
            malformed += len(bad)
            yield block

    logs = archive.joined(blocks())
    if malformed:
        print(f"intentwatch: {malformed} malformed lines of {name} are left out", file=sys.stderr)
    return logs


def lines(
    bootstrap: str, name: str, since: dt.datetime | None, until: dt.datetime | None
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
        settings.refuse(
            f"no answer from Kafka at {bootstrap} ({type(error).__name__}); check INTENTWATCH_KAFKA",
            settings.EXIT_DEPENDENCY,
        )
    try:
        parts = [
            TopicPartition(name, part) for part in sorted(consumer.partitions_for_topic(name) or ())
        ]
        if not parts:
            raise files.BadHistory(
                f"there is no topic {name} at {bootstrap}; name one that exists with --topic"
            )
        consumer.assign(parts)
        begins, ends = (
            _offsets(consumer, parts, since, first=True),
            _offsets(consumer, parts, until, first=False),
        )
        for part in parts:
            consumer.seek(part, begins[part])
        yield from _read(consumer, begins, ends)
    except KafkaError as error:
        settings.refuse(
            f"Kafka at {bootstrap} stopped answering ({type(error).__name__}); try again",
            settings.EXIT_DEPENDENCY,
        )
    finally:
        consumer.close()


def _offsets(
    consumer: KafkaConsumer, parts: Sequence[TopicPartition], at: dt.datetime | None, *, first: bool
) -> dict[TopicPartition, int]:
    """The offset of each partition's first record appended at `at` or later; its end where there is
    none.
    """
    if at is None:
        return dict(consumer.beginning_offsets(parts) if first else consumer.end_offsets(parts))
    ends = consumer.end_offsets(parts)
    found = consumer.offsets_for_times({part: -(-times.micros(at) // 1000) for part in parts})
    return {part: found[part].offset if found.get(part) else ends[part] for part in parts}


def _read(
    consumer: KafkaConsumer, begins: dict[TopicPartition, int], ends: dict[TopicPartition, int]
) -> Iterator[bytes]:
    open_parts = {part for part in ends if begins[part] < ends[part]}
    deadline = time.monotonic() + _PATIENCE_S
    total = sum(ends[part] - begins[part] for part in open_parts)
    with progress.bar("topic", total, "record", unit_scale=True, delay=files.QUIET_S) as bar:
        while open_parts:
            found = consumer.poll(timeout_ms=1_000)
            deadline = time.monotonic() + _PATIENCE_S if found else deadline
            if time.monotonic() > deadline:
                raise files.BadHistory(
                    f"the topic gave no record for {_PATIENCE_S:.0f} s; check the broker and try again"
                )
            for part, records in found.items():
                mine = [record for record in records if record.offset < ends[part]]
                bar.update(len(mine))
                for record in mine:
                    yield from (
                        line
                        for _, line in observe.lines(
                            record.value or b"", batch=("content", b"batch") in record.headers
                        )
                    )
            done = {part for part in open_parts if consumer.position(part) >= ends[part]}
            consumer.pause(*done)
            open_parts -= done
