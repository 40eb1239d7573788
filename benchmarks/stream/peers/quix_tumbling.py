"""Quix Streams: a tumbling window of a minute, reduced by key. It windows keyed messages only, so
the topic's key is `model|intent`.
"""

import datetime as dt
import logging
import tempfile
import threading
import time
from typing import Any

from quixstreams import Application
from quixstreams.models.serializers import Deserializer
from quixstreams.models.serializers.exceptions import IgnoreMessage

from benchmarks.stream.peers import meter, serving_log

# Wide enough for every late log of the set. The topic ends with one log of each key an hour later,
# which closes its windows.
GRACE = dt.timedelta(minutes=20)
# By default librdkafka waits a second before it fetches again.
CONSUMER: dict[str, Any] = {"fetch.queue.backoff.ms": 5, "queued.min.messages": 1_000_000}
APPLICATION: dict[str, Any] = {
    "auto_offset_reset": "earliest",
    "commit_interval": 5.0,
    "loglevel": "WARNING",
    "consumer_extra_config": CONSUMER,
}


class Logs(Deserializer):
    """Decodes with msgspec, leaves out what is no log, and counts."""

    def __init__(self, measure: meter.Meter) -> None:
        super().__init__()
        self.seen = 0
        self._measure = measure

    def __call__(self, value: bytes, ctx: Any) -> serving_log.Found:
        """The log of one message."""
        if not self.seen:
            self._measure.begin()
        self.seen += 1
        log = serving_log.fast(value)
        if log is None:
            raise IgnoreMessage
        return log


def main() -> None:
    """Run until every message has been read."""
    job = meter.job()
    measure = meter.Meter(job)
    logs = Logs(measure)
    app = Application(
        broker_address=job.bootstrap,
        consumer_group=f"bench-{job.out.stem}",
        state_dir=tempfile.mkdtemp(),
        **APPLICATION,
    )
    topic = app.topic(
        job.topic,
        value_deserializer=logs,
        key_deserializer="string",
        timestamp_extractor=lambda log, *_: int(log[0].timestamp() * 1000),
    )
    closed: list[tuple[tuple[int, str, str], tuple[int, int]]] = []

    def keep(window: dict[str, Any], key: str, *_: Any) -> None:
        model, _bar, intent = key.partition("|")
        closed.append(
            ((window["start"] // 60_000, model, intent), (window["value"][0], window["value"][1]))
        )

    frame = app.dataframe(topic)
    frame = frame.tumbling_window(dt.timedelta(minutes=1), grace_ms=GRACE).reduce(
        lambda pane, log: [pane[0] + 1, pane[1] + log[3]], lambda log: [1, log[3]]
    )
    frame.final().update(keep, metadata=True)
    threading.Thread(target=_watch, args=(logs, measure, closed), daemon=True).start()
    logging.disable(logging.WARNING)
    app.run()


def _watch(logs: Logs, measure: meter.Meter, closed: list[Any]) -> None:
    while logs.seen < measure.job.expected:
        time.sleep(0.02)
    measure.stop()
    time.sleep(1.0)  # the windows that the last message closes
    measure.leave(logs.seen, meter.merged(closed))


if __name__ == "__main__":
    main()
