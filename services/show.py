"""`python -m services.show WHAT`: the read side of the contract. A table for people, `--json` for
programs; writes nothing.
"""

import argparse
import datetime as dt
import json
import sys
from collections.abc import Iterable
from typing import Any

from schemas import escaping, settings, times, windows
from services import store
from streams import database

READERS = {
    "windows": store.windows,
    "signals": store.signals,
    "quality": store.quality,
    "decisions": store.decisions,
    "runs": store.runs,
    "metrics": store.metrics,
    "checks": store.checks,
    "deadletters": store.deadletters,
    "offsets": store.offsets,
}
# What a person sees first; --json has every key.
COLUMNS = {
    "windows": (
        "model",
        "role",
        "horizon",
        "end",
        "complete",
        "n",
        "errors",
        "p50_latency_ms",
        "p95_latency_ms",
        "low_confidence_rate",
        "fallback_rate",
        "late",
    ),
    "signals": (
        "model",
        "horizon",
        "end",
        "signal",
        "intent",
        "value",
        "n",
        "low",
        "high",
        "noise_floor",
        "verdict",
        "in_breach",
        "since",
    ),
    "quality": (
        "model",
        "end",
        "metric",
        "intent",
        "estimate",
        "low",
        "high",
        "n_labels",
        "n_predictions",
        "reference",
        "maturity",
        "verdict",
        "labels_needed",
    ),
    "decisions": ("at", "model", "decision", "hold_reason", "cause", "run_id", "id"),
    "runs": ("id", "state", "started", "ended", "base_model", "candidate", "promoted"),
    "metrics": ("run", "epoch", "step", "name", "value"),
    "checks": (
        "run",
        "stage",
        "name",
        "value",
        "n",
        "low",
        "high",
        "floor",
        "healthy",
        "level",
        "remedy",
    ),
    "deadletters": ("topic", "partition", "offset", "reason", "at", "size", "detail"),
    "offsets": (
        "topic",
        "partition",
        "next_offset",
        "high_watermark",
        "lag",
        "epoch",
        "max_event_ts",
    ),
}


def table(rows: Iterable[dict[str, Any]], columns: tuple[str, ...]) -> str:
    """Rows as aligned text under their headings."""
    lines = [list(columns)]
    for row in rows:
        lines.append([_cell(row[name]) for name in columns])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]

    text = []
    for line in lines:
        padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        text.append("  ".join(padded).rstrip())
    return "\n".join(text)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return escaping.printable(str(value))


def main() -> None:
    """Parse, read, print."""
    parser = argparse.ArgumentParser(prog="python -m services.show", description=__doc__)
    parser.add_argument("what", choices=READERS)
    parser.add_argument("--model")
    parser.add_argument("--horizon", choices=windows.HORIZONS)
    parser.add_argument("--run", metavar="ID", help="of metrics and checks: this run's alone")
    parser.add_argument("--from", dest="since", type=times.instant, metavar="T")
    parser.add_argument("--to", dest="until", type=times.instant, metavar="T")
    parser.add_argument("--json", action="store_true", help="one object a line")
    chosen = parser.parse_args()
    wanted = store.Wanted(chosen.model, chosen.horizon, chosen.since, chosen.until, chosen.run)
    read = READERS[chosen.what]
    engine = database.opened(settings.load("database_url").database_url)
    with engine.connect() as connection:
        rows = list(read(connection, wanted))
    with settings.readable_in_part():
        if chosen.json:
            for row in rows:
                sys.stdout.write(json.dumps(row, default=times.rfc3339) + "\n")
        else:
            print(table(rows, COLUMNS[chosen.what]))


if __name__ == "__main__":
    main()
