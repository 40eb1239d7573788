"""Bytewax: a tumbling window of a minute, folded by `model|intent`, one worker."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators import windowing
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.run import cli_main

from benchmarks.stream.peers import meter, serving_log

# A backlog's partitions are read one after the other in batches, so their times lie far apart: with
# a short wait most logs would be dropped as late.
WAIT = dt.timedelta(hours=3)
BATCH = 1000
CONSUMER = {"fetch.queue.backoff.ms": "5", "queued.min.messages": "1000000"}
EPOCH = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
Folded = tuple[int, int]


class Panes(DynamicSink[Any], StatelessSinkPartition[Any]):
    """Keeps closed windows in memory."""

    def __init__(self) -> None:
        self.closed: list[tuple[tuple[int, str, str], Folded]] = []

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "Panes":
        """One worker, one sink."""
        return self

    def write_batch(self, items: list[Any]) -> None:
        """Closed windows: key, (number of the window, what was folded)."""
        for key, (window, folded) in items:
            model, _, intent = key.partition("|")
            self.closed.append(((int(EPOCH.timestamp()) // 60 + window, model, intent), folded))


def flow(job: meter.Job, measure: meter.Meter, panes: Panes, seen: list[int]) -> Dataflow:
    """Read to the end, decode, fold, keep."""

    def decode(batch: list[Any]) -> Iterable[tuple[str, serving_log.Found]]:
        if not seen[0]:
            measure.begin()
        seen[0] += len(batch)
        logs = [serving_log.fast(message.value) for message in batch]
        return [(f"{log[1]}|{log[2]}", log) for log in logs if log]

    made = Dataflow("minutes")
    messages = op.input(
        "logs",
        made,
        KafkaSource(
            [job.bootstrap], [job.topic], tail=False, batch_size=BATCH, add_config=CONSUMER
        ),
    )
    keyed: Any = op.flat_map_batch("decode", messages, decode)
    clock = windowing.EventClock(lambda log: log[0], wait_for_system_duration=WAIT)
    minutes = windowing.TumblingWindower(length=dt.timedelta(minutes=1), align_to=EPOCH)
    folded = windowing.fold_window(
        "fold", keyed, clock, minutes, lambda: (0, 0), _fold, _merge, ordered=False
    )
    op.output("panes", folded.down, panes)
    return made


def _fold(pane: Folded, log: serving_log.Found) -> Folded:
    return pane[0] + 1, pane[1] + log[3]


def _merge(one: Folded, other: Folded) -> Folded:
    return one[0] + other[0], one[1] + other[1]


def main() -> None:
    """Run until the end of the topic."""
    job = meter.job()
    measure, panes, seen = meter.Meter(job), Panes(), [0]
    cli_main(flow(job, measure, panes, seen))
    measure.leave(seen[0], meter.merged(panes.closed))


if __name__ == "__main__":
    main()
