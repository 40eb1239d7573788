"""Pure. The board's figures as Prometheus text. A figure nobody has is no sample: a gauge never
says 0 for "unknown".
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import prometheus_client
from prometheus_client import metrics_core, registry

from services.alarms import causes
from services.dashboard import board, facts

Metric = metrics_core.Metric

_HELP: Final = {
    board.Unit.MS: "milliseconds",
    board.Unit.RATIO: "a ratio",
    board.Unit.NATS: "nats",
    board.Unit.LOGS: "logs",
}


class _Collector(registry.Collector):
    def __init__(self, shown: board.Board | None, stream: facts.Stream | None) -> None:
        self._shown = shown
        self._stream = stream

    def collect(self) -> Iterator[Metric]:
        yield _gauge(
            "intentwatch_database_up",
            "Whether Postgres answers and has its tables",
            0.0 if self._shown is None else 1.0,
        )
        if self._shown is not None:
            for panel in self._shown.panels:
                yield from _panel(panel)
        if self._stream is not None:
            yield from _streamed(self._stream)


def text(shown: board.Board | None, stream: facts.Stream | None) -> bytes:
    """What a scrape gets; without a board only that the database is down."""
    collectors = prometheus_client.CollectorRegistry(auto_describe=False)
    collectors.register(_Collector(shown, stream))
    return prometheus_client.generate_latest(collectors)


def _gauge(
    name: str,
    about: str,
    value: float,
    labels: Mapping[str, str] | None = None,
) -> Metric:
    """A gauge with one sample."""
    labels = labels or {}
    gauge = metrics_core.GaugeMetricFamily(name, about, labels=list(labels))
    gauge.add_metric(list(labels.values()), value)
    return gauge


def _by(
    label: str,
    name: str,
    about: str,
    samples: Mapping[str, float],
) -> Metric:
    """A gauge with a sample for each value of its label."""
    gauge = metrics_core.GaugeMetricFamily(name, about, labels=[label])
    for value, sample in samples.items():
        gauge.add_metric([value], float(sample))
    return gauge


def _panel(panel: board.Panel) -> Iterator[Metric]:
    if panel.unit is board.Unit.MODEL or panel.model is None or panel.end is None:
        return
    in_breach = None
    if panel.limit is not None:
        in_breach = float(panel.state is board.State.BREACH)

    newest = f"{panel.name} of the newest complete window, {_HELP[panel.unit]}"
    figures = (
        ("", newest, panel.value),
        ("_n", f"How many {panel.counted} are behind it", panel.n),
        ("_limit", "The policy's limit", panel.limit),
        ("_noise_floor", "What chance alone would show", panel.noise_floor),
        ("_window_end_timestamp_seconds", "The end of its window", panel.end.timestamp()),
        ("_in_breach", "1 while in breach", in_breach),
    )
    labels = {"model": panel.model, "horizon": panel.horizon or ""}
    for suffix, about, value in figures:
        if value is not None:
            yield _gauge(f"intentwatch_{panel.key}{suffix}", about, float(value), labels)


@dataclass(frozen=True, slots=True)
class _OfStream:
    """A gauge of the stream: its name, its help, and how it is read; None: nobody has it.

    A mapping has a sample for each value of the label.
    """

    name: str
    about: str
    read: Callable[[facts.Stream], float | Mapping[str, float] | None]
    label: str = ""


def _scheduler_age_s(stream: facts.Stream) -> float | None:
    return None if stream.scheduler is None else stream.scheduler.age_s


def _watermark_at(stream: facts.Stream) -> float | None:
    return None if stream.watermark is None else stream.watermark.timestamp()


def _watermark_age_s(stream: facts.Stream) -> float | None:
    if stream.watermark is None:
        return None
    return (stream.now - stream.watermark).total_seconds()


def _last_record_age_s(stream: facts.Stream) -> float | None:
    last = causes.newest(stream.partitions)
    return None if last is None else last.still_s


def _data_missing(stream: facts.Stream) -> float | None:
    if causes.newest(stream.partitions) is None:
        return None
    return causes.missing(stream.partitions) is not None


_STREAM: Final = (
    _OfStream(
        "intentwatch_stream_lag_records",
        "Records no window counts yet",
        lambda stream: stream.lag,
    ),
    _OfStream(
        "intentwatch_unjudged_hours",
        "Complete hours without their monitors",
        lambda stream: stream.unjudged,
    ),
    _OfStream(
        "intentwatch_scheduler_beat_age_seconds",
        "Since a scheduler last ticked",
        _scheduler_age_s,
    ),
    _OfStream(
        "intentwatch_decision_delay_seconds",
        "From the end of the newest judged hour to its decision",
        lambda stream: stream.decided_s,
    ),
    _OfStream(
        "intentwatch_watermark_timestamp_seconds",
        "The stream's clock",
        _watermark_at,
    ),
    _OfStream(
        "intentwatch_watermark_age_seconds",
        "The stream's clock behind the wall clock",
        _watermark_age_s,
    ),
    _OfStream(
        "intentwatch_clock_age_seconds",
        "Since a stream worker last wrote its clock",
        lambda stream: stream.beat_s,
    ),
    _OfStream(
        "intentwatch_partition_lag_records",
        "Records no window counts yet",
        lambda stream: {str(each.part): each.lag for each in stream.partitions},
        label="partition",
    ),
    _OfStream(
        "intentwatch_partition_stuck",
        "1 while unread records stand still",
        lambda stream: {str(each.part): each.stuck for each in stream.partitions},
        label="partition",
    ),
    _OfStream(
        "intentwatch_dead_letters_last_hour",
        "Dead letters of the last hour, not redriven",
        lambda stream: stream.dead,
        label="reason",
    ),
    _OfStream(
        "intentwatch_open_alarms",
        "Alarms told whose cause still holds",
        lambda stream: stream.open_alarms,
    ),
    _OfStream(
        "intentwatch_last_record_age_seconds",
        "Since the last record came",
        _last_record_age_s,
    ),
    _OfStream(
        "intentwatch_data_missing",
        "1 while no serving log comes",
        _data_missing,
    ),
)


def _streamed(stream: facts.Stream) -> Iterator[Metric]:
    for gauge in _STREAM:
        value = gauge.read(stream)
        if isinstance(value, Mapping):
            yield _by(gauge.label, gauge.name, gauge.about, value)
        elif value is not None:
            yield _gauge(gauge.name, gauge.about, float(value))
