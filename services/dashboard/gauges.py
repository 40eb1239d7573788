"""Pure. The board's figures as Prometheus text. A figure nobody has is no sample: a gauge never
says 0 for "unknown".
"""

from collections.abc import Iterator, Mapping

import prometheus_client
from prometheus_client import metrics_core, registry

from services.alarms import causes
from services.dashboard import board, facts

_HELP = {
    board.Unit.MS: "milliseconds",
    board.Unit.RATIO: "a ratio",
    board.Unit.NATS: "nats",
    board.Unit.LOGS: "logs",
}


class _Collector(registry.Collector):
    def __init__(self, shown: board.Board | None, stream: facts.Stream | None) -> None:
        self._shown, self._stream = shown, stream

    def collect(self) -> Iterator[metrics_core.Metric]:
        yield _gauge(
            "intentwatch_database_up",
            "Whether Postgres answers and has its tables",
            [],
            [],
            0.0 if self._shown is None else 1.0,
        )
        if self._shown is not None:
            for panel in self._shown.panels:
                yield from _panel(panel)
        if self._stream is not None:
            yield from _streamed(self._stream)


def text(shown: board.Board | None, stream: facts.Stream | None) -> bytes:
    """What a scrape gets; without a board only that the database is down."""
    known = prometheus_client.CollectorRegistry(auto_describe=False)
    known.register(_Collector(shown, stream))
    return prometheus_client.generate_latest(known)


def _gauge(
    name: str, about: str, labels: list[str], values: list[str], value: float
) -> metrics_core.Metric:
    gauge = metrics_core.GaugeMetricFamily(name, about, labels=labels)
    gauge.add_metric(values, value)
    return gauge


def _labelled(
    name: str, about: str, label: str, values: Mapping[str, float]
) -> metrics_core.Metric:
    gauge = metrics_core.GaugeMetricFamily(name, about, labels=[label])
    for value, sample in values.items():
        gauge.add_metric([value], float(sample))
    return gauge


def _panel(panel: board.Panel) -> Iterator[metrics_core.Metric]:
    if panel.unit is board.Unit.MODEL or panel.model is None or panel.end is None:
        return
    labels, values, name = (
        ["model", "horizon"],
        [panel.model, panel.horizon or ""],
        f"intentwatch_{panel.key}",
    )
    wanted = {
        "": (f"{panel.name} of the newest complete window, {_HELP[panel.unit]}", panel.value),
        "_n": (f"How many {panel.counted} are behind it", panel.n),
        "_limit": ("The policy's limit", panel.limit),
        "_noise_floor": ("What chance alone would show", panel.noise_floor),
        "_window_end_timestamp_seconds": ("The end of its window", panel.end.timestamp()),
        "_in_breach": (
            "1 while in breach",
            None if panel.limit is None else float(panel.state is board.State.BREACH),
        ),
    }
    for suffix, (about, value) in wanted.items():
        if value is not None:
            yield _gauge(name + suffix, about, labels, values, float(value))


def _streamed(stream: facts.Stream) -> Iterator[metrics_core.Metric]:
    yield _gauge(
        "intentwatch_stream_lag_records", "Records no window counts yet", [], [], float(stream.lag)
    )
    yield _gauge(
        "intentwatch_unjudged_hours",
        "Complete hours without their monitors",
        [],
        [],
        float(stream.unjudged),
    )
    if stream.scheduler is not None:
        yield _gauge(
            "intentwatch_scheduler_beat_age_seconds",
            "Since a scheduler last ticked",
            [],
            [],
            stream.scheduler.age_s,
        )
    if stream.decided_s is not None:
        yield _gauge(
            "intentwatch_decision_delay_seconds",
            "From the end of the newest judged hour to its decision",
            [],
            [],
            stream.decided_s,
        )
    if stream.watermark is not None:
        yield _gauge(
            "intentwatch_watermark_timestamp_seconds",
            "The stream's clock",
            [],
            [],
            stream.watermark.timestamp(),
        )
        yield _gauge(
            "intentwatch_watermark_age_seconds",
            "The stream's clock behind the wall clock",
            [],
            [],
            (stream.now - stream.watermark).total_seconds(),
        )
    if stream.beat_s is not None:
        yield _gauge(
            "intentwatch_clock_age_seconds",
            "Since a stream worker last wrote its clock",
            [],
            [],
            stream.beat_s,
        )
    yield _labelled(
        "intentwatch_partition_lag_records",
        "Records no window counts yet",
        "partition",
        {str(p.part): p.lag for p in stream.partitions},
    )
    yield _labelled(
        "intentwatch_partition_stuck",
        "1 while unread records stand still",
        "partition",
        {str(p.part): p.stuck for p in stream.partitions},
    )
    yield _labelled(
        "intentwatch_dead_letters_last_hour",
        "Dead letters of the last hour, not redriven",
        "reason",
        stream.dead,
    )
    yield _gauge(
        "intentwatch_open_alarms", "Alarms told whose cause still holds", [], [], stream.open_alarms
    )
    last = causes.newest(stream.partitions)
    if last is not None:
        yield _gauge(
            "intentwatch_last_record_age_seconds",
            "Since the last record came",
            [],
            [],
            last.still_s,
        )
        yield _gauge(
            "intentwatch_data_missing",
            "1 while no serving log comes",
            [],
            [],
            causes.missing(stream.partitions) is not None,
        )
