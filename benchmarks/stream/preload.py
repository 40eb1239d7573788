"""Produce a topic's logs as fast as librdkafka can. Runs where confluent-kafka is installed:
`python -m benchmarks.stream.preload`.
"""

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
CLOSING_MS = dataset.HOUR_MS  # a keyed topic's last logs are so much later than the others
_ENVELOPE_HEADER = [("content", b"batch")]
_AT_ONCE = 1000


def messages(plan: dataset.Plan, shape: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Partition and message of every record of a plan, in order. `shape`: single, keyed or
    envelope.
    """
    size = dataset.ENVELOPE if shape == "envelope" else 1
    for columns in dataset.blocks(plan):
        rows = dataset.text(columns)
        made = dataset.envelopes(rows) if shape == "envelope" else dataset.values(rows)
        parts = dataset.partition(columns.number[::size], size).tolist()
        if shape == "keyed":
            yield from keyed(columns, made)
        else:
            yield from ((part, {"value": value}) for part, value in zip(parts, made, strict=True))
    if shape == "keyed":
        last = closing(plan)
        yield from keyed(last, dataset.values(dataset.text(last)))


def keyed(columns: dataset.Columns, values: list[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each log under `model|intent`, all logs of a key in one partition."""
    names = [
        f"{model}|{intent}".encode()
        for model in dataset.MODELS
        for intent in (*dataset.INTENTS, "error", "unknown")
    ]
    at = columns.model * (dataset.UNKNOWN + 1) + columns.intent
    yield from (
        (part, {"value": value, "key": names[key]})
        for part, value, key in zip(
            dataset.partition(at).tolist(), values, at.tolist(), strict=True
        )
    )


def closing(plan: dataset.Plan) -> dataset.Columns:
    """One late log of every key: closes the windows before it. The oracle counts none of them."""
    pairs = [
        (model, intent)
        for model in range(len(dataset.MODELS))
        for intent in range(dataset.ERROR + 1)
    ]
    zero = np.zeros(len(pairs), dtype=np.int64)
    model, intent = (np.array(column) for column in zip(*pairs, strict=True))
    return dataset.Columns(
        zero,
        zero + plan.begin_ms + plan.span_ms + CLOSING_MS,
        model,
        zero,
        intent,
        zero + 1000,
        zero,
        zero + 10,
        zero > 0,
    )


def produce(
    producer: Producer, topic: str, placed: Iterator[tuple[int, dict[str, Any]]], *, envelope: bool
) -> int:
    """Send everything; returns the number of records."""
    sent = 0
    for part, message in placed:
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
    sent = produce(
        producer,
        given.topic,
        messages(dataset.Plan(given.n), given.shape),
        envelope=given.shape == "envelope",
    )
    print(f"{sent} {given.n / (time.monotonic() - begun):.0f}")


if __name__ == "__main__":
    main()
