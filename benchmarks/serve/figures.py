"""Pure. What the measured rows say: medians, ratios of one run, and the table."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Final

Row = dict[str, Any]
KEYS: Final = ("p50_ms", "p95_ms", "p99_ms", "shed", "failed", "cpu_ms")
# Ours over theirs, at a rate: of what a caller waits for, and of what it costs.
_BESIDE: Final = ("granian", "robyn", "bare_fastapi", "litserve", "bentoml")
_HEADLINE: Final = 500


def row(who: str, rps: float, load: Mapping[str, Any], cpu_s: float) -> Row:
    """Of one load: `shed` and `failed` are shares of its requests, cpu_ms is of an answer.

    >>> row("ours", 500, {"n": 4, "ok": 2, "shed": 1, "failed": 1, "p50_ms": 2.0, "p95_ms": 4.0,
    ...     "p99_ms": 4.0}, 0.004)["cpu_ms"]
    2.0
    """
    n = max(1, load["n"])
    return {
        "who": who,
        "rps": rps,
        "p50_ms": load["p50_ms"],
        "p95_ms": load["p95_ms"],
        "p99_ms": load["p99_ms"],
        "shed": round(load["shed"] / n, 5),
        "failed": round(load["failed"] / n, 5),
        "cpu_ms": round(cpu_s * 1000 / max(1, load["ok"]), 3),
    }


def medians(rows: Sequence[Row]) -> list[Row]:
    """One row for each who and rate, each figure the median of its runs."""
    grouped: dict[tuple[str, float], list[Row]] = {}
    for each in rows:
        grouped.setdefault((each["who"], each["rps"]), []).append(each)
    merged = []
    for (who, rps), runs in grouped.items():
        figures = {key: statistics.median(run[key] for run in runs) for key in KEYS}
        merged.append({"who": who, "rps": rps, **figures, "runs": len(runs)})
    return merged


def ratios(rows: Sequence[Row]) -> dict[str, float]:
    """Ours over each peer's at the headline's rate, of the same run."""
    at = {each["who"]: each for each in rows if each["rps"] == _HEADLINE}
    ours = at.get("ours")
    told = {}
    for name in _BESIDE:
        if ours is None or name not in at:
            continue
        for key in ("p95_ms", "cpu_ms"):
            if at[name][key] and not math.isnan(at[name][key]):
                told[f"ours/{name} {key}"] = round(ours[key] / at[name][key], 2)
    return told


def holds(of: Row) -> bool:
    """Whether a server holds a rate: a tail under 50 ms, and a hundredth at most without an
    answer.
    """
    return bool(of["p95_ms"] < 50 and of["shed"] + of["failed"] <= 0.01)


def table(result: Mapping[str, Any]) -> str:
    """In Markdown."""
    lines = [
        f"Measured {result['date'][:10]} by `make bench-serve` on {result['machine']}, load "
        f"{result['load']:.1f} before it; medians of {result['runs']}.",
        "",
        "| who | rps | p50 ms | p95 ms | p99 ms | shed | failed | CPU ms a message |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in result["rows"]:
        lines.append(
            f"| {each['who']} | {each['rps']:g} | {each['p50_ms']:.1f} | {each['p95_ms']:.1f} | "
            f"{each['p99_ms']:.1f} | {each['shed']:.2%} | {each['failed']:.2%} | "
            f"{each['cpu_ms']:.2f} |"
        )
    lines += ["", "| ratio at 500 rps | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in result["ratios"].items()]
    lines += ["", "| further | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in result["further"].items()]
    lines += [f"| {name} is missing | {why} |" for name, why in result["missing"].items()]
    return "\n".join(lines) + "\n"
