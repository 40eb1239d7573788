"""Count again from Kafka's offset 0 what Postgres says was counted. Imports nothing from streams/,
so that it can contradict it.
"""

import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

_IDLE_MS = 10_000
_PATIENCE_S = 120.0  # without a single record

Cell = tuple[str, str, str]


class Unread(RuntimeError):
    """Kafka did not hand out what it holds."""


@dataclass(frozen=True, slots=True)
class Recount:
    """Logs Kafka holds and Postgres lacks, and the other way round; over every day, model and
    intent apart, so that two wrongs do not cancel.
    """

    events: int
    lost: int
    duplicated: int


def logs(bootstrap: str, topic: str) -> list[dict[str, Any]]:
    """Every log of the topic, single or in an envelope, from the first offset to the last one there
    is now. Raises Unread.
    """
    try:
        return _read(bootstrap, topic)
    except KafkaError as error:
        raise Unread(f"Kafka did not hand out what is to be counted again: {error}") from None


def _read(bootstrap: str, topic: str) -> list[dict[str, Any]]:
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=_IDLE_MS,
    )
    numbers = sorted(consumer.partitions_for_topic(topic) or ())
    parts = [TopicPartition(topic, number) for number in numbers]
    consumer.assign(parts)
    ends = consumer.end_offsets(parts)
    consumer.seek_to_beginning(*parts)

    logs: list[dict[str, Any]] = []
    deadline = time.monotonic() + _PATIENCE_S
    while any(consumer.position(part) < ends[part] for part in parts):
        if time.monotonic() > deadline:
            raise Unread(
                "Kafka gave none of the records that are left to count again"
                f" in {_PATIENCE_S:.0f} s"
            )
        for records in consumer.poll(timeout_ms=1_000).values():
            deadline = time.monotonic() + _PATIENCE_S
            for record in records:
                logs += _decoded(record)
    consumer.close()
    return logs


def _decoded(record: Any) -> list[dict[str, Any]]:
    """The logs of a record: of an envelope one a line."""
    envelope = ("content", b"batch") in record.headers
    lines = record.value.splitlines() if envelope else [record.value]
    return [json.loads(line) for line in lines]


def compare(logs: list[dict[str, Any]], windows: list[dict[str, Any]]) -> Recount:
    """Kafka's logs against the day windows of Postgres."""
    sent: Counter[Cell] = Counter()
    for log in logs:
        day = log["ts"][:10]
        sent[day, log["model"], log["intent"] or "error"] += 1

    counted: Counter[Cell] = Counter()
    for window in windows:
        cells = window["intent_counts"] | {"error": window["errors"]}
        day = window["start"].date().isoformat()
        for intent, count in cells.items():
            counted[day, window["model"], intent] += count

    lost = (sent - counted).total()
    duplicated = (counted - sent).total()
    return Recount(len(logs), lost, duplicated)
