"""Who runs, on which topic, in which configuration; and what each leaves out of the work that ours
does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from benchmarks.stream import dataset, environments, floor, loads, ours, peer, results, world

Measure = Callable[[world.World, loads.Load], results.Run]


@dataclass(frozen=True, slots=True)
class Contestant:
    """`load`: a name of loads.SIZES. `optional`: runs only when ONLY names it."""

    who: str
    load: str
    measure: Measure
    note: str
    optional: bool = False


def _ours(servers: world.World, load: loads.Load, more: Mapping[str, str]) -> results.Run:
    return ours.catch_up(servers, load.topic, load.n, load.records, more, ours.against(load.truth))


def _python(environment: str, module: str, setting: str = "") -> Measure:
    return partial(peer.python, environment=environment, module=module, setting=setting)


def _kafka_streams(servers: world.World, load: loads.Load, mode: str, threads: int) -> results.Run:
    return peer.java(servers, load, environments.java_classpath(), mode, threads)


_OURS = (
    "panes with 10 intents, latency and confidence histograms, dead letters, windows; "
    "committed to Postgres with fsync"
)
_MINUTES = "count and latency sum by minute, model and intent, kept in memory"
_OUR_PANES = "our decoding and panes, kept in memory: no Postgres, no group, no rebalance"

CONTESTANTS: tuple[Contestant, ...] = (
    Contestant("ours_single", "large", partial(_ours, more={}), _OURS),
    Contestant(
        "ours_envelope",
        "envelopes",
        partial(_ours, more={}),
        f"{_OURS}; {dataset.ENVELOPE} logs a record",
    ),
    Contestant(
        "ours_stock_transport",
        "small",
        partial(_ours, more={"TRANSPORT": "stock"}),
        f"{_OURS}; Faust's own kafka:// transport",
        optional=True,
    ),
    Contestant(
        "faust_event",
        "small",
        _python("faust", "faust_agent", "event"),
        f"{_MINUTES}; defaults, json",
    ),
    Contestant(
        "faust_event_tuned",
        "small",
        _python("faust", "faust_agent", "event_tuned"),
        f"{_MINUTES}; uvloop, msgspec",
    ),
    Contestant(
        "faust_take",
        "small",
        _python("faust", "faust_agent", "take"),
        f"{_MINUTES}; defaults, json, take(1000)",
    ),
    Contestant(
        "faust_take_tuned",
        "small",
        _python("faust", "faust_agent", "take_tuned"),
        f"{_MINUTES}; uvloop, msgspec, larger polls and buffers",
    ),
    Contestant(
        "faust_tables",
        "tiny",
        _python("faust", "faust_agent", "tables"),
        f"{_MINUTES}; a tumbling table in memory, changelog in Kafka; uvloop, msgspec",
    ),
    Contestant(
        "quix_tumbling",
        "keyed",
        _python("quix", "quix_tumbling"),
        f"{_MINUTES}; RocksDB state, changelog in Kafka, keyed topic",
    ),
    Contestant(
        "bytewax_tumbling",
        "medium",
        _python("bytewax", "bytewax_tumbling"),
        f"{_MINUTES}; no recovery store, windows close at the end",
    ),
    Contestant(
        "kafka_streams_dsl_1",
        "medium",
        partial(_kafka_streams, mode="dsl", threads=1),
        f"{_MINUTES}; repartition topic, changelog in Kafka",
    ),
    Contestant(
        "kafka_streams_dsl_2",
        "medium",
        partial(_kafka_streams, mode="dsl", threads=2),
        f"{_MINUTES}; repartition topic, changelog in Kafka",
    ),
    Contestant(
        "kafka_streams_papi_1",
        "large",
        partial(_kafka_streams, mode="papi", threads=1),
        f"{_MINUTES}; changelog in Kafka",
    ),
    Contestant(
        "kafka_streams_papi_2",
        "large",
        partial(_kafka_streams, mode="papi", threads=2),
        f"{_MINUTES}; changelog in Kafka",
    ),
    Contestant(
        "aiokafka_bare",
        "large",
        _python("clients", "bare_client", "aiokafka"),
        f"{_OUR_PANES}; getmany, uvloop",
    ),
    Contestant(
        "kafka_python_bare",
        "medium",
        _python("clients", "bare_client", "kafka_python"),
        f"{_OUR_PANES}; poll",
    ),
    Contestant(
        "confluent_bare",
        "large",
        _python("clients", "bare_client", "confluent"),
        f"{_OUR_PANES}; consume, tuned",
    ),
    Contestant(
        "floor_single",
        "large",
        partial(floor.measured, envelope=1),
        "CPU of a tuned librdkafka fetch plus our decoding and bins, one core",
    ),
    Contestant(
        "floor_envelope",
        "envelopes",
        partial(floor.measured, envelope=dataset.ENVELOPE),
        "the same on envelopes",
    ),
)
