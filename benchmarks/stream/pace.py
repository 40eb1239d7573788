"""Produce logs of now at a steady rate and note when each was handed to the client: `python -m
benchmarks.stream.pace`. Needs confluent-kafka.
"""

import argparse
import time
from typing import Any

import numpy as np
from confluent_kafka import Producer

from benchmarks.stream import dataset

# log_level: an outage of the broker is part of one measurement, librdkafka would report every
# attempt.
PRODUCER: dict[str, Any] = {
    "log_level": 2,
    "enable.idempotence": True,
    "compression.type": "zstd",
    "linger.ms": 5,
    "queue.buffering.max.messages": 2_000_000,
}
_STEP_S = 0.01


def main() -> None:
    """Write an .npy file: one row a log, partition and instant (CLOCK_MONOTONIC, which all
    processes of a machine share).
    """
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bootstrap", "topic", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    n = int(given.rate * given.seconds)
    plan = dataset.Plan(n, begin_ms=int(time.time() * 1000), span_ms=int(given.seconds * 1000))
    values = [
        value for columns in dataset.blocks(plan) for value in dataset.values(dataset.text(columns))
    ]
    parts = np.arange(n) % dataset.PARTITIONS
    producer = Producer(PRODUCER | {"bootstrap.servers": given.bootstrap})
    times = _send(producer, given.topic, values, parts.tolist(), given.rate)
    np.save(given.out, np.column_stack([parts, times]))


def _send(
    producer: Producer, topic: str, values: list[bytes], parts: list[int], rate: int
) -> "np.ndarray[Any, Any]":
    times = np.empty(len(values))
    begun, sent = time.monotonic(), 0
    while sent < len(values):
        due = min(int((time.monotonic() - begun) * rate), len(values))
        times[sent:due] = time.monotonic()
        for place in range(sent, due):
            producer.produce(topic, values[place], partition=parts[place])
        sent = due
        producer.poll(0)
        time.sleep(_STEP_S)
    if producer.flush(120):
        raise RuntimeError("logs were not delivered within two minutes")
    return times


if __name__ == "__main__":
    main()
