"""One roll-up tick when every model has logged in the last minute."""

import datetime as dt
import time
from typing import Any

import numpy as np

from benchmarks.stream import aggregator, dataset, results, store, world
from schemas import tallies, windows
from streams import database, identity
from streams.panes import retention
from streams.panes import store as pane_store
from streams.rollup import tick

MODELS = 250
_TICKS = 9
_TOPIC = "bench.tick"
_BEGIN = dt.datetime(2026, 4, 20, 10, 0, tzinfo=dt.UTC)
_MINUTE = dt.timedelta(minutes=1)


def minute_tick(servers: world.World, quick: bool) -> dict[str, Any]:
    """Median milliseconds of a tick that brings 250 models x 4 horizons up to date, after an hour
    of history; reading and writing Postgres included.
    """
    history, tally = 5 if quick else 60, _tally()
    with servers.database() as url:
        engine = database.engine(url).execution_options(isolation_level="READ COMMITTED")
        _log_minutes(engine, [_BEGIN + _MINUTE * i for i in range(history)], tally)
        first_ms = _roll_up(engine)
        times = []
        for i in range(3 if quick else _TICKS):
            _log_minutes(engine, [_BEGIN + _MINUTE * (history + i)], tally)
            times.append(_roll_up(engine))
        engine.dispose()
    return {
        "models": MODELS,
        "horizons": len(windows.HORIZONS),
        "median_ms": round(results.median(times), 1),
        "max_ms": round(max(times), 1),
        "first_ms": round(first_ms, 1),
    }


def _tally() -> windows.Tally:
    columns = next(dataset.blocks(dataset.Plan(200)))
    counted = aggregator.Counted()
    counted.add(0, 0, dataset.values(dataset.text(columns)))
    return max((tally for *_, tally in counted.panes()), key=lambda tally: tally.n)


def _log_minutes(engine: Any, starts: list[dt.datetime], tally: windows.Tally) -> None:
    """As if a worker had flushed these minutes of every model."""
    keys = [(start, f"m{model}", "champion") for model in range(MODELS) for start in starts]
    with engine.begin() as connection:
        pane_store.make_partitions(
            connection, "pane_minute", retention.slots("pane_minute", starts)
        )
    with engine.begin() as connection:
        pane_store.add_panes(
            connection, {0: (keys, tallies.of(tally).chosen(np.zeros(len(keys), dtype=np.int64)))}
        )
        store.set_clock(connection, _TOPIC, max(starts) + _MINUTE / 2)


def _roll_up(engine: Any) -> float:
    begun = time.monotonic()
    tick.roll_up(engine, topic=_TOPIC, owner="bench", seen=identity.Topic("", {0: 1}, {0: 1}))
    return (time.monotonic() - begun) * 1000
