"""Time a compiled model the way it will serve: one message after another, tokenisation included. Bounded in count and time."""

import math
import time
from dataclasses import dataclass

from retrain.compile import session


@dataclass(frozen=True, slots=True)
class LoadTest:
    """Latencies in milliseconds (rank ceil(q n)), the share of failed answers, answers a second."""

    n: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    error_rate: float
    rps: float


def run(model: session.Session, texts: list[str], *, requests: int = 1000, seconds: float = 20.0) -> LoadTest:
    """At most `requests` messages and `seconds`; the first ten warm up and are not counted."""
    for text in texts[:10]:
        model.classify([text])
    took: list[float] = []
    errors, begun = 0, time.perf_counter()
    for i in range(requests):
        start = time.perf_counter()
        if start - begun > seconds:
            break
        try:
            model.classify([texts[i % len(texts)]])
        except Exception:
            errors += 1
        took.append((time.perf_counter() - start) * 1000)
    ordered = sorted(took)
    p50, p95, p99 = (ordered[math.ceil(q * len(ordered)) - 1] for q in (0.50, 0.95, 0.99))
    return LoadTest(len(took), p50, p95, p99, errors / len(took), len(took) / (time.perf_counter() - begun))
