"""From produce to visible: how long after a log was handed to the producer a committed transaction
in Postgres holds it.
"""

import contextlib
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.stream import dataset, ours, paced, store, world
from streams import database

RATE = 50_000
_SECONDS, _QUICK_RATE, _QUICK_SECONDS = 20.0, 2_000, 6.0
_POLL_S = 0.01
_SETTLE_S = 2.0  # left out: the producer's and the worker's first seconds
_METHOD = (
    "polls committed offsets every 10 ms; "
    "a log counts as visible at the first poll that covers it; first 2 s left out"
)


def produce_to_visible(servers: world.World, quick: bool) -> dict[str, Any]:
    """Percentiles in seconds at a steady rate."""
    rate, seconds = (_QUICK_RATE, _QUICK_SECONDS) if quick else (RATE, _SECONDS)
    topic = paced.topic(servers)
    with (
        servers.database() as url,
        contextlib.closing(database.engine(url).connect()) as connection,
        ours.worker(servers, url, topic) as running,
    ):
        running.wait("the claim", lambda: ours.claimed(connection, topic) == dataset.PARTITIONS)
        with paced.producing(servers, topic, rate, seconds) as source:
            polls: list[tuple[float, dict[int, int]]] = []

            def all_visible() -> bool:
                offsets = {
                    part: offset for part, (_, offset) in store.positions(connection, topic).items()
                }
                polls.append((time.monotonic(), offsets))
                return sum(offsets.values()) >= source.n

            running.wait("every paced log", all_visible, poll_s=_POLL_S)
            source.process.wait(60)
    delays = visible_after(np.load(source.out), polls)
    p50, p99, p999 = np.quantile(delays, [0.5, 0.99, 0.999])
    return {
        "rate": rate,
        "n": len(delays),
        "p50_s": _ms(p50),
        "p99_s": _ms(p99),
        "p999_s": _ms(p999),
        "max_s": _ms(delays.max()),
        "method": _METHOD,
    }


def visible_after(
    sent: npt.NDArray[np.float64], polls: list[tuple[float, dict[int, int]]]
) -> npt.NDArray[np.float64]:
    """Seconds between sending and the first poll that covers each log. `sent`: partition and
    instant, in the order of offsets.
    """
    times = np.array([at for at, _ in polls])
    delays = []
    for part in np.unique(sent[:, 0]).astype(int).tolist():
        mine = sent[sent[:, 0] == part, 1]
        reached = np.array([offsets.get(part, 0) for _, offsets in polls])
        delays.append(times[np.searchsorted(reached, np.arange(len(mine)), side="right")] - mine)
    first = sent[:, 1].min() + _SETTLE_S
    later: npt.NDArray[np.float64] = np.concatenate(delays)[
        np.concatenate([sent[sent[:, 0] == part, 1] for part in np.unique(sent[:, 0])]) > first
    ]
    return later


def _ms(seconds: float) -> float:
    return round(float(seconds), 3)
