"""Records into Kafka, fast: at once, or as a steady flow in a thread while a fault is injected."""

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import confluent_kafka
from faults import invent

_SETTINGS = {
    "compression.type": "zstd",
    "linger.ms": 20,
    "acks": "all",
    "enable.idempotence": True,
    "queue.buffering.max.messages": 500_000,
}
_HEADERS = [("content", b"batch")]
_FLUSH_S = 120.0
_TICK_S = 0.05


class NotSent(RuntimeError):
    """The broker did not take everything in time."""


def producer(kafka: str, **more: object) -> confluent_kafka.Producer:
    """A producer that neither loses nor doubles."""
    return confluent_kafka.Producer(
        {"bootstrap.servers": kafka, "log_level": 0, **_SETTINGS, **more}
    )


def put(sender: confluent_kafka.Producer, topic: str, records: Iterable[invent.Record]) -> None:
    """Hand records over, waiting where the queue is full."""
    deadline = time.monotonic() + _FLUSH_S
    for number, record in enumerate(records):
        while True:
            try:
                sender.produce(
                    topic,
                    record.value,
                    key=str(number),
                    partition=-1 if record.part is None else record.part,
                    headers=_HEADERS if record.batch else None,
                )
                break
            except BufferError:
                if time.monotonic() > deadline:
                    raise
                sender.poll(0.1)
        if number % 1000 == 0:
            sender.poll(0)


def drained(sender: confluent_kafka.Producer) -> None:
    """Wait until the broker has everything."""
    left = sender.flush(_FLUSH_S)
    if left:
        raise NotSent(f"{left} records were not taken within {_FLUSH_S:.0f} s")


def send(kafka: str, topic: str, records: Iterable[invent.Record]) -> None:
    """Everything at once."""
    sender = producer(kafka)
    put(sender, topic, records)
    drained(sender)


@dataclass
class Flow:
    """A steady flow of records. After the last it begins again with the first, ten times slower: it
    never dries up under a fault, nor drowns a slow reader.
    """

    kafka: str
    topic: str
    records: Sequence[invent.Record]
    seconds: float  # one round of the records takes this long
    stop: threading.Event = field(default_factory=threading.Event)
    failure: BaseException | None = None

    def run(self) -> None:
        try:
            self._run()
        except BaseException as error:  # handed to the thread that asked for the flow
            self.failure = error

    def _run(self) -> None:
        sender = producer(self.kafka)
        begun, sent, size = time.monotonic(), 0, len(self.records)
        while not self.stop.wait(_TICK_S):
            rounds = (time.monotonic() - begun) / self.seconds
            due = int((min(rounds, 1) + max(0, rounds - 1) / 10) * size)
            while sent < due:
                start = sent % size
                batch = self.records[start : min(start + due - sent, size)]
                put(sender, self.topic, batch)
                sent += len(batch)
        put(sender, self.topic, self.records[sent:])  # at least one whole round
        drained(sender)


@contextlib.contextmanager
def flowing(
    kafka: str, topic: str, records: Sequence[invent.Record], *, seconds: float
) -> Iterator[Flow]:
    """While inside, records flow; at the end the first round is completed and everything is
    flushed.
    """
    flow = Flow(kafka, topic, records, seconds)
    thread = threading.Thread(target=flow.run, name="flow", daemon=True)
    thread.start()
    try:
        yield flow
    finally:
        flow.stop.set()
        thread.join(2 * _FLUSH_S)
    if flow.failure is not None:
        raise flow.failure
    if thread.is_alive():
        raise NotSent("the flow did not end")
