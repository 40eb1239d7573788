"""Stock Faust: event by event, `take`, or a tumbling table. Settings: event, take, tables; with
`_tuned`, the best known ones.
"""

import datetime as dt
import tempfile
from typing import Any

import faust
import mode.loop

from benchmarks.stream.peers import meter, serving_log

# The tuned rows: uvloop, msgspec, and what was found fastest for this topic. Larger polls and
# buffers were tried: no faster.
TUNED: dict[str, Any] = {"stream_wait_empty": False}
TUNED_TAKE: dict[str, Any] = TUNED | {
    "broker_max_poll_records": 20_000,
    "stream_buffer_maxsize": 16_384,
}
TAKE, WITHIN_S = 1000, 1.0


def app_for(job: meter.Job) -> Any:
    """The app of this setting."""
    tuned = {"event_tuned": TUNED, "take_tuned": TUNED_TAKE, "tables": TUNED}.get(job.setting, {})
    return faust.App(
        f"bench-{job.out.stem}",
        broker=f"kafka://{job.bootstrap}",
        datadir=tempfile.gettempdir(),
        web_enabled=False,
        store="memory://",
        **tuned,
    )


def by_event(app: Any, topic: Any, measure: meter.Meter, decode: Any) -> None:
    """One event at a time."""
    minutes: dict[tuple[int, str, str], list[int]] = {}

    @app.agent(topic)
    async def count(stream: Any) -> None:
        seen = 0
        async for raw in stream:
            if not seen:
                measure.begin()
            seen += 1
            _add(minutes, decode(raw))
            if seen == measure.job.expected:
                measure.leave(seen, minutes)


def by_take(app: Any, topic: Any, measure: meter.Meter, decode: Any) -> None:
    """TAKE events at a time."""
    minutes: dict[tuple[int, str, str], list[int]] = {}

    @app.agent(topic)
    async def count(stream: Any) -> None:
        seen = 0
        async for batch in stream.take(TAKE, within=WITHIN_S):
            if not seen:
                measure.begin()
            for raw in batch:
                _add(minutes, decode(raw))
            seen += len(batch)
            if seen >= measure.job.expected:
                measure.leave(seen, minutes)


def by_table(app: Any, topic: Any, measure: meter.Meter) -> None:
    """A tumbling table in memory with its changelog. The key holds the partition, because the topic
    is not keyed.
    """
    # The time of the log in hand: the value on the stream is bytes, not a record with a field.
    now = [0.0]
    made = app.Table("minutes", default=lambda: [0, 0], partitions=12).tumbling(
        60.0, expires=dt.timedelta(hours=6)
    )
    table = made.relative_to(lambda _event: now[0])

    @app.agent(topic)
    async def count(stream: Any) -> None:
        seen = 0
        async for event in stream.events():
            if not seen:
                measure.begin()
            seen += 1
            log = serving_log.fast(event.value)
            if log:
                now[0] = log[0].timestamp()
                key = f"{log[1]}|{log[2]}|{event.message.partition}"
                before, latency_us = table[key].value()
                table[key] = [before + 1, latency_us + log[3]]
            if seen == measure.job.expected:
                measure.stop()
                measure.leave(seen, _minutes(table.table))


def _minutes(table: Any) -> Any:
    return meter.merged(
        ((int(begin) // 60, *key.split("|")[:2]), pane)
        for (key, (begin, _end)), pane in table.items()
    )


def _add(minutes: dict[tuple[int, str, str], list[int]], log: serving_log.Found | None) -> None:
    if log:
        pane = minutes.setdefault((serving_log.minute(log[0]), log[1], log[2]), [0, 0])
        pane[0] += 1
        pane[1] += log[3]


def main() -> None:
    """Run one worker until the last log has been counted."""
    job = meter.job()
    if job.setting not in ("event", "take"):
        mode.loop.use("uvloop")
    app, measure = app_for(job), meter.Meter(job)
    topic = app.topic(
        job.topic, value_type=bytes, value_serializer="raw", key_type=bytes, key_serializer="raw"
    )
    if job.setting == "tables":
        by_table(app, topic, measure)
    else:
        decode = serving_log.fast if job.setting.endswith("tuned") else serving_log.plain
        {"event": by_event, "take": by_take}[job.setting.removesuffix("_tuned")](
            app, topic, measure, decode
        )
    faust.Worker(app, loglevel="WARN", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
