"""F16: logs up to 26 hours late restate the windows they belong to, and no other."""

import datetime as dt
from typing import Any

import processes
from faults import feed, invent, lab

SEED = 116
N, LATE = 60_000, 600
HOURS = 28


def test_late_logs_restate_their_windows(site: lab.Lab) -> None:
    feed.send(site.kafka, site.topic, invent.records(N, SEED, span_s=HOURS * 3600))
    worker = site.crew.start("one")
    assert site.settled(), site.crew.said()
    before = _shown(site)
    # The newest are 26 h behind the clock.
    belated = invent.logs(LATE, SEED + 1, begin=invent.BEGIN + dt.timedelta(hours=1), span_s=3600.0)
    feed.send(site.kafka, site.topic, invent.mixed(belated, SEED))
    assert site.settled(), site.crew.said()
    after = _shown(site)
    assert worker.process.poll() is None
    restated = [key for key, window in after.items() if before.get(key, {}).get("n") != window["n"]]
    closed = [key for key in restated if before.get(key, {}).get("complete")]
    assert all(
        after[key]["amended"] and after[key]["revision"] > before[key]["revision"] for key in closed
    )
    assert all(after[key] == before[key] for key in before.keys() - set(restated))
    late = sum(window["late"] for window in after.values() if window["horizon"] == "1h") - sum(
        w["late"] for w in before.values() if w["horizon"] == "1h"
    )
    assert late == LATE
    assert closed
    site.conclude("F16", injected=late, at_least=LATE, more=f"restated={len(closed)} seed={SEED}")


def _shown(site: lab.Lab) -> dict[tuple[str, ...], dict[str, Any]]:
    windows = processes.show("windows", dict(site.crew.environment))
    return {
        tuple(window[name] for name in ("model", "role", "horizon", "end")): window
        for window in windows
    }
