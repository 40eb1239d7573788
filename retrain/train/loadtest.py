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
from typing import Final, NamedTuple

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


class _Took(NamedTuple):
    """What one answer took by the wall clock, and what of it was work."""

    wall_ms: float
    work_ms: float


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

    took: list[_Took] = []
    errors = 0
    begun = clock()
    for i in range(requests):
        start = clock()
        worked = work()
        if start - begun > seconds:
            break
        try:
            model.classify([texts[i % len(texts)]])
        except Exception:
            errors += 1
        wall_ms = (clock() - start) * 1000
        work_ms = (work() - worked) * 1000
        took.append(_Took(wall_ms, work_ms))
    return _measured(took, errors, clock() - begun)


def _measured(took: Sequence[_Took], errors: int, seconds: float) -> LoadTest:
    n = len(took)
    walls = sorted(each.wall_ms for each in took)
    works = sorted(each.work_ms for each in took)
    p95 = _ranked(walls, 0.95)
    slowest = [each for each in took if each.wall_ms >= p95]
    return LoadTest(
        n=n,
        p50_ms=_ranked(walls, 0.50),
        p95_ms=p95,
        p99_ms=_ranked(walls, 0.99),
        error_rate=errors / n,
        rps=n / seconds,
        work_p95_ms=_ranked(works, 0.95),
        core_share=_core_share(slowest),
    )


def _core_share(took: Sequence[_Took]) -> float:
    waited = math.fsum(each.wall_ms for each in took)
    worked = math.fsum(each.work_ms for each in took)
    return min(1.0, worked / waited) if waited else 1.0


def _ranked(ordered: Sequence[float], q: float) -> float:
    return ordered[math.ceil(q * len(ordered)) - 1]
