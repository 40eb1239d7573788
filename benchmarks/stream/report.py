"""Write the results: stream.json for machines, a table for people."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import document, environments
from benchmarks.stream import procfs, results

JSON = document.RESULTS / "stream.json"


def write(
    rows: Sequence[results.Row], extra: Mapping[str, Any], *, full: bool, command: str
) -> Path:
    """Into the repository for a full run, under .local/ otherwise; returns where the JSON is."""
    measured = as_json(rows, extra, procfs.machine(), document.now(), command)
    place = JSON if full else environments.HOME / "stream.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(measured, indent=1) + "\n")
    if full:
        document.put("bench-stream", table(measured))
    else:
        place.with_suffix(".md").write_text(table(measured))
    return place


def as_json(
    rows: Sequence[results.Row], extra: Mapping[str, Any], machine: str, date: str, command: str
) -> dict[str, Any]:
    """The shape of stream.json."""
    listed = [row.as_json() for row in rows]
    rates = {row["who"]: row["logs_per_s"] for row in listed}
    return {
        "machine": machine,
        "date": date,
        "command": command,
        "rows": listed,
        "ratios": results.ratios(rates),
        "extra": dict(extra),
    }


def table(measured: Mapping[str, Any]) -> str:
    """The results in Markdown."""
    rounds = max((len(row["runs"]) for row in measured["rows"]), default=0)
    head = (
        f"Measured {measured['date'][:10]} by `{measured['command']}` on {measured['machine']}; "
        f"medians of {rounds}.\n"
    )
    lines = [
        head,
        "| who | logs | logs/s | CPU us/log | broker us/log | RSS MB | exact |",
        "|---|---|---|---|---|---|---|",
        *map(_line, measured["rows"]),
    ]
    lines += ["", "What each row does:", ""]
    lines += [f"- {row['who']}: {row['note']}." for row in measured["rows"]]
    lines += ["", "| ratio | |", "|---|---|"]
    lines += [
        f"| {name} | {'not measured' if value is None else f'{value:g}'} |"
        for name, value in measured["ratios"].items()
    ]
    lines += ["", "| further | |", "|---|---|"]
    lines += [f"| {name} | {_words(value)} |" for name, value in measured["extra"].items()]
    return "\n".join(lines) + "\n"


def _line(row: Mapping[str, Any]) -> str:
    if not row["runs"]:
        return f"| {row['who']} | | not measured: {_cell(row['absent'])} | | | | |"
    exact = "yes" if row["exact"] else "no"
    said = f"{exact}: {row['missing']}" if row["missing"] else exact
    broker = "" if row["broker_cpu_us_per_log"] is None else f"{row['broker_cpu_us_per_log']:.2f}"
    ours = f"{row['n']:,} | {row['logs_per_s']:,} | {row['cpu_us_per_log']:.2f}"
    return f"| {row['who']} | {ours} | {broker} | {row['rss_mb']} | {_cell(said)} |"


def _words(value: Mapping[str, Any]) -> str:
    return _cell(
        "; ".join(
            f"{name} {figure:,}" if isinstance(figure, int | float) else f"{name}: {figure}"
            for name, figure in value.items()
        )
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "/")[:300]
