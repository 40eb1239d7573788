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
from services import lineage, store
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
_MODEL = "model"
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


def model(loaded: settings.Settings, name: str) -> dict[str, Any]:
    """What a model is made of; exit 2 where nobody knows it."""
    with database.opened(loaded.database_url).connect() as connection:
        row = store.model(connection, name)
    if row is None:
        settings.refuse(f"no model {name}; see `python -m services.show runs`", 2)
    return lineage.of(row, loaded.models)


def parser() -> argparse.ArgumentParser:
    """What can be asked."""
    made = argparse.ArgumentParser(prog="python -m services.show", description=__doc__)
    made.add_argument("what", choices=[*READERS, _MODEL])
    made.add_argument("name", nargs="?", metavar="MODEL", help=f"of `{_MODEL}`: which one")
    made.add_argument("--model")
    made.add_argument("--horizon", choices=windows.HORIZONS)
    made.add_argument("--run", metavar="ID", help="of metrics and checks: this run's alone")
    made.add_argument("--from", dest="since", type=times.instant, metavar="T")
    made.add_argument("--to", dest="until", type=times.instant, metavar="T")
    made.add_argument("--json", action="store_true", help="one object a line")
    return made


def main() -> None:
    """Parse, read, print."""
    asked = parser()
    chosen = asked.parse_args()
    if (chosen.what == _MODEL) != bool(chosen.name):
        asked.error(f"a MODEL is named after `{_MODEL}`, and there alone")
    loaded = settings.load("database_url")
    rows = [model(loaded, chosen.name)] if chosen.name else _read(loaded, chosen)
    with settings.readable_in_part():
        if chosen.json:
            for row in rows:
                sys.stdout.write(json.dumps(row, default=times.rfc3339) + "\n")
        elif chosen.name:
            for key, value in rows[0].items():
                print(f"{key:16} {_cell(value)}")
        else:
            print(table(rows, COLUMNS[chosen.what]))


def _read(loaded: settings.Settings, chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows that were asked for."""
    wanted = store.Wanted(chosen.model, chosen.horizon, chosen.since, chosen.until, chosen.run)
    read = READERS[chosen.what]
    with database.opened(loaded.database_url).connect() as connection:
        return list(read(connection, wanted))


if __name__ == "__main__":
    with database.refusing():
        main()
