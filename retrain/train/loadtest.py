"""Time a compiled model the way it will serve: one message after another, tokenisation included.
Bounded in count and time.

Each message is timed twice: by the wall clock, and by the CPU time of this thread, in which the
session does all of its work. On a machine of its own the two agree; what the first has over the
second, others had (docs/decisions/0014).
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from retrain.train.compile import session

_WARM_UP: Final = 10
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class LoadTest:
    """Latencies in milliseconds (rank ceil(q n)), the share of failed answers, answers a second.

    work_p95_ms: the p95 of the CPU times. core_share: how much of a core the slowest twentieth got,
    in [0, 1]: it is what p95 speaks of.
    """

    n: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    error_rate: float
    rps: float
    work_p95_ms: float
    core_share: float


def run(
    model: session.Session,
    texts: list[str],
    *,
    requests: int = 1000,
    seconds: float = 20.0,
    clock: Clock = time.perf_counter,
    work: Clock = time.thread_time,
) -> LoadTest:
    """At most `requests` messages and `seconds`; the first ten warm up and are not counted."""
    for text in texts[:_WARM_UP]:
        model.classify([text])
    took: list[tuple[float, float]] = []
    errors, begun = 0, clock()
    for i in range(requests):
        start, worked = clock(), work()
        if start - begun > seconds:
            break
        try:
            model.classify([texts[i % len(texts)]])
        except Exception:
            errors += 1
        took.append(((clock() - start) * 1000, (work() - worked) * 1000))
    return _measured(took, errors, clock() - begun)


def _measured(took: Sequence[tuple[float, float]], errors: int, seconds: float) -> LoadTest:
    walls = sorted(wall for wall, _ in took)
    p50, p95, p99 = (_ranked(walls, q) for q in (0.50, 0.95, 0.99))
    slowest = [(wall, worked) for wall, worked in took if wall >= p95]
    waited, worked = (math.fsum(part) for part in zip(*slowest, strict=True))
    share = min(1.0, worked / waited) if waited else 1.0
    return LoadTest(
        len(took),
        p50,
        p95,
        p99,
        errors / len(took),
        len(took) / seconds,
        _ranked(sorted(worked for _, worked in took), 0.95),
        share,
    )


def _ranked(ordered: Sequence[float], q: float) -> float:
    return ordered[math.ceil(q * len(ordered)) - 1]
