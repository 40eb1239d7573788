"""`python -m benchmarks.train`: how many examples a second a fine-tune takes, beside the Trainer of
transformers on the same rows in the same run; and how good the model of a default retrain is,
beside a linear one. `make bench-train MESSAGES=DIR` runs it; without MESSAGES on the demo's own
messages.
"""

import argparse
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks import document, environments
from benchmarks.asking import rows as tables
from benchmarks.stream import procfs
from benchmarks.train import cut, quality, verdict
from benchmarks.train.verdict import spread
from retrain.train.fit import speed
from services.local import topology
from services.local.demo import invent, story
from services.local.demo import tables as read

JSON: Final = document.RESULTS / "train.json"
NAMES: Final = (
    "ours",
    "ours_before",
    "hf_defaults",
    "hf_best",
    "hf_best_bf16",
)
_REQUIREMENTS: Final = Path(__file__).with_name("requirements") / "trainer.txt"
_SEED: Final = 20260420  # of the demo's messages
Took = dict[str, Any]


def main() -> int:
    """Measure, and write the results and the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train", description=__doc__)
    parser.add_argument("--messages", type=Path, metavar="DIR")
    parser.add_argument("--rows", type=int, default=640, help="of an epoch that is timed")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()

    if given.messages is None:
        print("no MESSAGES: on the demo's invented messages", file=sys.stderr)
        base, later = invent.tables(_SEED)
    else:
        base, later = read.read(given.messages)
    whole = cut.tables(base, later)
    threads = speed.free()
    took = taken(base, later, whole, given, threads)
    one = cut.cut(whole, cut.SIZE, 0)
    result = {
        "machine": procfs.machine(),
        "date": document.now(),
        "messages": "invented" if given.messages is None else "tables",
        "seeds": len({row["seed"] for row in took}),
        "rows_an_epoch": given.rows,
        "train_rows": len(one.part("train")),
        "test_rows": len(one.part("test")),
        "later_rows": len(one.later),
        "new_rows": int(one.later["new"].sum()),
        "threads": threads,
        "load": os.getloadavg()[0],
        **judged(took),
        **verdict.judged(took),
        "rows": took,
    }
    JSON.write_text(json.dumps(result, indent=1) + "\n")
    text = f"{table(result)}\n{verdict.table(result)}"
    print(text)
    document.put("bench-train", text)
    return 0


def taken(
    base: Sequence[story.Row],
    later: Sequence[story.Row],
    whole: pd.DataFrame,
    given: argparse.Namespace,
    threads: int,
) -> list[Took]:
    """Speed and quality of seed after seed. Ctrl-C ends it with the seeds that are complete."""
    people = [row for row in base if row["kind"] == "human"]
    messages = tables.rows(people, later)
    took: list[Took] = []
    try:
        for seed in tqdm(range(given.seeds), unit="seed", file=sys.stderr):
            fast = list(measured(messages, given.rows, seed, threads))
            took += [*fast, *quality.measured(whole, cut.SIZE, seed)]
    except KeyboardInterrupt:
        if not took:
            raise
    return took


def measured(messages: tables.Rows, size: int, seed: int, threads: int) -> Iterator[Took]:
    """Every contestant on the rows of a seed, one after another, in an order drawn anew each time:
    what else the machine does meets all alike.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.choice(tables.cut(messages, seed).train, size, replace=False)
    texts = [messages.texts[row] for row in chosen]
    body = json.dumps({"texts": texts, "labels": messages.intent[chosen].tolist()})
    for name in rng.permutation(NAMES).tolist():
        took = _epoch(name, threads, body)
        speeds = {"per_s": size / took["wall_s"], "per_cpu_s": size / took["cpu_s"]}
        yield {"part": "speed", "contestant": name, "seed": seed, **speeds}


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
    fast = [each for each in took if each["part"] == "speed"]
    for name in dict.fromkeys(each["contestant"] for each in fast):
        speeds[name] = {of: spread(_of(fast, name, of)) for of in ("per_s", "per_cpu_s")}
    return {
        "speeds": speeds,
        "ratios": _ratios(fast, "per_s"),
        "cpu_ratios": _ratios(fast, "per_cpu_s"),
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


def table(result: Mapping[str, Any]) -> str:
    """Speeds and ratios in Markdown."""
    lines = [
        f"Measured {result['date'][:10]} on {result['machine']}, "
        f"{verdict.seeds(result['seeds'])} of {result['rows_an_epoch']} rows, "
        f"{result['threads']} threads, load {result['load']:.1f}.",
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
