"""Produce a topic's logs as fast as librdkafka can. Runs where confluent-kafka is installed: `python -m benchmarks.stream.preload`."""

import argparse
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from confluent_kafka import Producer

from benchmarks.stream import dataset

PRODUCER: dict[str, Any] = {
    "enable.idempotence": True,
    "compression.type": "zstd",
    "linger.ms": 20,
    "queue.buffering.max.messages": 500_000,
    "queue.buffering.max.kbytes": 1 << 20,
}
CLOSING_MS = dataset.HOUR_MS  # how long after the last log a keyed topic's closing logs are
_ENVELOPE_HEADER = [("content", b"batch")]
_AT_ONCE = 1000


def messages(plan: dataset.Plan, shape: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Partition and message of every record of a plan, in order. `shape`: single, keyed or envelope."""
    size = dataset.ENVELOPE if shape == "envelope" else 1
    for columns in dataset.blocks(plan):
        rows = dataset.text(columns)
        made = dataset.envelopes(rows) if shape == "envelope" else dataset.values(rows)
        parts = dataset.partition(columns.number[::size], size).tolist()
        if shape == "keyed":
            yield from ((part, {"value": value, "key": key}) for part, value, key in zip(parts, made, keys(columns), strict=True))
        else:
            yield from ((part, {"value": value}) for part, value in zip(parts, made, strict=True))
    if shape == "keyed":
        yield from closing(plan)


def keys(columns: dataset.Columns) -> list[bytes]:
    """`model|intent` of each log."""
    names = [f"{model}|{intent}".encode() for model in dataset.MODELS for intent in (*dataset.INTENTS, "error", "unknown")]
    return [names[at] for at in (columns.model * (dataset.UNKNOWN + 1) + columns.intent).tolist()]


def closing(plan: dataset.Plan) -> Iterator[tuple[int, dict[str, Any]]]:
    """One late log of every key in every partition: what closes the windows before it. The oracle does not count them."""
    pairs = [(model, intent) for model in range(len(dataset.MODELS)) for intent in range(dataset.ERROR + 1)]
    size = len(pairs)
    zero = np.zeros(size, dtype=np.int64)
    model, intent = (np.array(column) for column in zip(*pairs, strict=True))
    columns = dataset.Columns(zero, zero + plan.begin_ms + plan.span_ms + CLOSING_MS, model, zero, intent, zero + 1000, zero, zero + 10, zero > 0)
    for part in range(dataset.PARTITIONS - dataset.IDLE):
        yield from ((part, {"value": value, "key": key}) for value, key in zip(dataset.values(dataset.text(columns)), keys(columns), strict=True))


def produce(producer: Producer, topic: str, found: Iterator[tuple[int, dict[str, Any]]], *, envelope: bool) -> int:
    """Send everything; returns the number of records."""
    sent = 0
    for part, message in found:
        headers = _ENVELOPE_HEADER if envelope else None
        while True:
            try:
                producer.produce(topic, partition=part, headers=headers, **message)
                break
            except BufferError:
                producer.poll(0.1)
        sent += 1
        if sent % _AT_ONCE == 0:
            producer.poll(0)
    if producer.flush(120):
        raise RuntimeError(f"{topic}: records were not delivered within two minutes")
    return sent


def main() -> None:
    """Print how many records the topic holds now, and the rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--n", type=int, required=True)
    parser.add_argument("--shape", choices=("single", "keyed", "envelope"), required=True)
    given = parser.parse_args()
    begun = time.monotonic()
    producer = Producer(PRODUCER | {"bootstrap.servers": given.bootstrap})
    sent = produce(producer, given.topic, messages(dataset.Plan(given.n), given.shape), envelope=given.shape == "envelope")
    print(f"{sent} {given.n / (time.monotonic() - begun):.0f}")


if __name__ == "__main__":
    main()
