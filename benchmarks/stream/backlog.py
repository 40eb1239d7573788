"""A long backlog: does memory stay flat, and how long does catching up take?"""

import uuid
from typing import Any

from benchmarks.stream import oracle, ours, store, world

_LOGS, _QUICK = 50_000_000, 400_000


def caught_up(servers: world.World, quick: bool) -> dict[str, Any]:
    """Envelopes from an empty database to the last commit; every log must be counted or be a dead
    letter.
    """
    n = _QUICK if quick else _LOGS
    topic = f"bench.backlog-{uuid.uuid4().hex[:8]}"
    records = servers.preload(topic, n, "envelope")

    def check(connection: store.Connection) -> oracle.Verdict:
        accounted = store.counted(connection) + store.dead_letters(connection)
        return oracle.Verdict(accounted == n, f"{accounted:,} counted or dead")

    run = ours.catch_up(servers, topic, n, records, {}, check)
    return {
        "n": n,
        "wall_s": round(run.wall_s, 1),
        "logs_per_s": round(run.logs_per_s),
        "peak_rss_mb": round(run.rss_mb),
        "all_counted": run.exact,
    }
