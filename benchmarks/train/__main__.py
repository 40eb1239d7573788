"""`python -m benchmarks.train`: how many examples a second a fine-tune takes, beside the Trainer of
transformers on the same rows in the same run. `make bench-train MESSAGES=DIR` runs it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from tqdm import tqdm

from benchmarks import document, environments
from benchmarks.asking import rows as tables
from benchmarks.stream import procfs
from retrain.train.fit import speed
from services.local import topology

JSON: Final = document.RESULTS / "train.json"
NAMES: Final = (
    "ours",
    "ours_before",
    "hf_defaults",
    "hf_best",
    "hf_best_bf16",
)
_REQUIREMENTS: Final = Path(__file__).with_name("requirements") / "trainer.txt"
Took = dict[str, Any]


def main() -> int:
    """Measure, and write the results and the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train", description=__doc__)
    parser.add_argument("--messages", type=Path, metavar="DIR", required=True)
    parser.add_argument("--rows", type=int, default=640)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()

    messages = tables.read(given.messages)
    threads = speed.free()
    took = list(measured(messages, given.rows, given.seeds, threads))
    result = {
        "machine": procfs.machine(),
        "date": document.now(),
        "seeds": given.seeds,
        "rows_an_epoch": given.rows,
        "threads": threads,
        "load": os.getloadavg()[0],
        **judged(took),
        "rows": took,
    }
    JSON.write_text(json.dumps(result, indent=1) + "\n")
    text = table(result)
    print(text)
    document.put("bench-train", text)
    return 0


def measured(messages: tables.Rows, size: int, seeds: int, threads: int) -> Iterator[Took]:
    """Every contestant on the rows of every seed, one after another, in an order drawn anew each
    time: what else the machine does meets all alike.
    """
    for seed in tqdm(range(seeds), unit="seed", file=sys.stderr):
        rng = np.random.default_rng(seed)
        chosen = rng.choice(tables.cut(messages, seed).train, size, replace=False)
        texts = [messages.texts[row] for row in chosen]
        body = json.dumps({"texts": texts, "labels": messages.intent[chosen].tolist()})
        for name in rng.permutation(NAMES).tolist():
            took = _epoch(name, threads, body)
            speeds = {"per_s": size / took["wall_s"], "per_cpu_s": size / took["cpu_s"]}
            yield {"contestant": name, "seed": seed, **speeds}


def _epoch(name: str, threads: int, body: str) -> dict[str, float]:
    """Seconds by the wall clock, and of processor time, of one contestant's epoch."""
    python = Path(sys.executable)
    path = [str(topology.ROOT)]
    if name.startswith("hf"):
        python = environments.python(_REQUIREMENTS)
        path.append(sysconfig.get_paths()["purelib"])
    argv = [str(python), "-m", "benchmarks.train.contestant", name, str(threads)]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path),
        "OMP_NUM_THREADS": str(threads),
        # A thread that spins while it waits takes processor time for nothing.
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    done = subprocess.run(
        argv, input=body, capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise environments.Unbuildable(f"{name} failed: {done.stderr.strip()[-400:]}")
    took: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return took


def judged(took: Sequence[Took]) -> dict[str, Any]:
    """Speeds of each contestant, and ours over the Trainer's, each with mean and standard deviation
    over the seeds. A ratio is of one seed's rows, by the clock on the wall; beside it by processor
    time, which others on the machine hardly move.
    """
    speeds = {}
    for name in dict.fromkeys(each["contestant"] for each in took):
        speeds[name] = {of: spread(_of(took, name, of)) for of in ("per_s", "per_cpu_s")}
    return {
        "speeds": speeds,
        "ratios": _ratios(took, "per_s"),
        "cpu_ratios": _ratios(took, "per_cpu_s"),
    }


def _ratios(took: Sequence[Took], of: str) -> dict[str, dict[str, float | None]]:
    ratios = {}
    for peer in ("hf_defaults", "hf_best"):
        pairs = zip(_of(took, "ours", of), _of(took, peer, of), strict=True)
        ratios[f"ours/{peer}"] = spread([ours / theirs for ours, theirs in pairs])
    return ratios


def _of(took: Sequence[Took], name: str, of: str) -> list[float]:
    """A contestant's speeds in the order of seeds."""
    mine = [each for each in took if each["contestant"] == name]
    return [each[of] for each in sorted(mine, key=lambda each: int(each["seed"]))]


def spread(values: Sequence[float]) -> dict[str, float | None]:
    """Mean and standard deviation; none of a single value.

    >>> spread([1.0, 3.0])
    {'mean': 2.0, 'sd': 1.4142135623730951}
    """
    sd = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "sd": sd}


def table(result: Mapping[str, Any]) -> str:
    """Speeds and ratios in Markdown."""
    lines = [
        f"Measured {result['date'][:10]} on {result['machine']}, {result['seeds']} seeds of "
        f"{result['rows_an_epoch']} rows, {result['threads']} threads, load {result['load']:.1f}.",
        "",
        "| contestant | examples a second | a second of processor time |",
        "|---|---|---|",
    ]
    for name, each in result["speeds"].items():
        lines.append(f"| {name} | {_cell(each['per_s'])} | {_cell(each['per_cpu_s'])} |")
    for ratio, value in result["ratios"].items():
        cpu = result["cpu_ratios"][ratio]
        lines.append(f"| {ratio} | {_cell(value)} | {_cell(cpu)} |")
    return "\n".join(lines) + "\n"


def _cell(value: Mapping[str, float | None]) -> str:
    sd = value["sd"]
    return f"{value['mean']:.1f}" + ("" if sd is None else f" ± {sd:.1f}")


if __name__ == "__main__":
    raise SystemExit(main())
