"""`python -m benchmarks.asking`: what labels teach that our queue asks for, against labels of
messages drawn at random. `make bench-queue MESSAGES=DIR` runs it.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from tqdm import tqdm

from benchmarks import document
from benchmarks.asking import curve, embed, rows
from benchmarks.stream import procfs
from services.local import topology

JSON: Final = document.RESULTS / "queue.json"
KEPT: Final = topology.ROOT / ".local" / "bench" / "queue"
SITUATIONS: Final = {"later": False, "half later": True}
# Beyond these the mixed traffic of the public tables is all asked about.
_MIXED_SIZES: Final = tuple(size for size in curve.SIZES if size <= 400)
FIGURES: Final = (
    "later_accuracy",
    "later_macro_f1",
    "later_rare_recall",
    "home_accuracy",
)


def main() -> int:
    """Measure, and write the results and the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.asking", description=__doc__)
    parser.add_argument("--messages", type=Path, metavar="DIR", required=True)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()

    messages = rows.read(given.messages)
    points = measured(messages, KEPT, range(given.seeds))
    result = {
        "machine": procfs.machine(),
        "date": document.now(),
        "seeds": given.seeds,
        "rows": averaged(points),
    }
    JSON.write_text(json.dumps(result, indent=1) + "\n")
    text = table(result)
    print(text)
    document.put("bench-queue", text)
    return 0


def measured(messages: rows.Rows, kept: Path, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Every point of every seed, in traffic that is all later and in traffic that is half so."""
    features = embed.features(messages.texts, kept)
    tokens = embed.tokens(messages.texts)
    points = []
    for seed in tqdm(seeds, unit="seed", file=sys.stderr):
        for situation, mixed in SITUATIONS.items():
            cut = rows.cut(messages, seed, mixed=mixed)
            sizes = _MIXED_SIZES if mixed else curve.SIZES
            for point in curve.curve(messages, features, tokens, cut, seed, sizes):
                points.append(point | {"traffic": situation, "seed": seed})
    return points


def averaged(points: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a kind of traffic, arm and size: the mean of each figure over the seeds, and how it
    differs from that of random messages with the standard error of the paired difference.
    """
    places = dict.fromkeys((point["traffic"], point["arm"], point["labels"]) for point in points)
    means = []
    for traffic, arm, labels in places:
        row: dict[str, Any] = {"traffic": traffic, "arm": arm, "labels": labels}
        for name in FIGURES:
            mine = _of(points, traffic, arm, labels, name)
            row[name] = float(mine.mean())
            if labels and arm != "random":
                gains = mine - _of(points, traffic, "random", labels, name)
                row[f"{name}_gain"] = float(gains.mean())
                row[f"{name}_gain_se"] = _error(gains)
        means.append(row)
    return means


def _of(
    points: Sequence[Mapping[str, Any]],
    traffic: str,
    arm: str,
    labels: int,
    name: str,
) -> Any:
    """A figure of each seed, in the seeds' order."""
    wanted = (traffic, arm, labels)
    return np.array(
        [
            point[name]
            for point in points
            if (point["traffic"], point["arm"], point["labels"]) == wanted
        ]
    )


def _error(gains: Any) -> float | None:
    """The standard error of a mean; none of a single seed."""
    if len(gains) < 2:
        return None
    return float(gains.std(ddof=1) / np.sqrt(len(gains)))


def table(result: Mapping[str, Any]) -> str:
    """The curve in Markdown: each cell accuracy / macro-F1 / rare recall, in percent."""
    lines = [f"Measured {result['date'][:10]} on {result['machine']}, {result['seeds']} seeds."]
    for traffic in SITUATIONS:
        mine = [row for row in result["rows"] if row["traffic"] == traffic]
        if mine:
            lines += ["", *_curve(traffic, mine)]
    return "\n".join(lines) + "\n"


def _curve(traffic: str, mine: Sequence[Mapping[str, Any]]) -> list[str]:
    """One kind of traffic: arms by sizes."""
    sizes = sorted({row["labels"] for row in mine if row["labels"]})
    heads = " | ".join(f"{size:,} labels" for size in sizes)
    champion = next(row for row in mine if not row["labels"])
    lines = [
        f"Traffic {traffic}; without labels {_cell(champion)}.",
        "",
        f"| asked about | {heads} | before, after the last |",
        "|---|" + "---|" * (len(sizes) + 1),
    ]
    for arm in dict.fromkeys(row["arm"] for row in mine if row["labels"]):
        of_arm = [row for row in mine if row["arm"] == arm]
        cells = " | ".join(map(_cell, of_arm))
        kept = f"{_percent(champion['home_accuracy'])}, {_percent(of_arm[-1]['home_accuracy'])}"
        lines.append(f"| {arm} | {cells} | {kept} |")
    return lines


def _cell(row: Mapping[str, Any]) -> str:
    return " / ".join(_percent(row[name]) for name in FIGURES[:3])


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.1f}"


if __name__ == "__main__":
    raise SystemExit(main())
