"""What others say of the same scenarios: rules written out in rivals.py, and tools by their own
code, in an environment of their own.
"""

import contextlib
import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from tqdm import tqdm

from benchmarks import environments
from benchmarks.decisions import scenario, traffic, trial, worlds
from benchmarks.decisions.champions import Floats, Ints
from retrain.decide.history import archive, scenes
from schemas import times

_TOOLS: Final = Path(__file__).with_name("tools.py")
_AT_ONCE: Final = 2
# Tools read message by message: a busy shop shows them some of each hour's.
_MOST_AN_HOUR: Final = 100


def played(
    told: scenario.Scenario, source: worlds.Source, folder: Path, before: int
) -> list[trial.Outcome]:
    """A scenario's outcomes: ours, and of seeds before that one the written-out rules' as well,
    with a file for the tools in the folder.
    """
    drawn = trial.drawn(told, source)
    outcomes = [trial.ours(told, drawn.history)]
    if told.seed >= before:
        return outcomes
    np.savez(folder / f"{name(told)}.npz", **sight(told, drawn))
    return [*outcomes, *trial.alarms(told, drawn.history)]


def name(told: scenario.Scenario) -> str:
    """The name of a scenario's file."""
    return f"{told.kind}-{told.champion.name}-{told.seed}"


def sight(told: scenario.Scenario, drawn: traffic.Drawn) -> dict[str, Any]:
    """What tools.py reads of a scenario; times in seconds since BEGIN."""
    rng = np.random.default_rng((20261201, told.seed))
    counts = drawn.counts
    shown = np.minimum(1.0, _MOST_AN_HOUR / np.maximum(counts.sum(axis=1), 1))
    hour, cell = np.nonzero(counts)
    kept = rng.binomial(counts[hour, cell], shown[hour])
    hour, cell = np.repeat(hour, kept), np.repeat(cell, kept)
    ts = 3600 * (hour + rng.random(len(hour)))
    order = np.argsort(ts)
    meant, named, sure = traffic.MEANT[cell], traffic.NAMED[cell], traffic.SURE[cell]
    told_at, agrees = _labels(drawn.history)
    return {
        "ts": ts[order],
        "predicted": named[order],
        "confidence": sure[order],
        "right": (meant == named)[order],
        "told": told_at,
        "told_right": agrees,
        "until": np.float64(scenario.REFERENCE_DAYS * 86_400),
        "end": np.float64(3600 * told.hours),
    }


def _labels(history: scenes.History) -> tuple[Floats, Ints]:
    """When labels were given, in order, and whether they agree with the answer."""
    at, agrees = [], []
    for mine in history.archives.values():
        said = mine.said
        at.append((said.at_us - times.micros(scenario.BEGIN)) / archive.HOUR_US * 3600)
        agrees.append(mine.asked.predicted[said.row] == said.label)
    instants = np.concatenate(at)
    order = np.argsort(instants, kind="stable")
    return instants[order], np.concatenate(agrees)[order].astype(np.int64)


def tools(told: Iterable[scenario.Scenario], folder: Path) -> list[trial.Outcome]:
    """What other tools say of the scenarios that have a file."""
    by_file = {str(folder / f"{name(one)}.npz"): one for one in told}
    files = [path for path in by_file if Path(path).exists()]
    lines = list(tqdm(_said(files), desc="tools", total=len(files), file=sys.stderr))
    if len(lines) != len(files):
        missing = f"the tools looked at {len(lines)} of {len(files)} scenarios"
        raise RuntimeError(f"{missing}; what they said stands above")
    outcomes = []
    for line in lines:
        one = by_file[line["file"]]
        for who, alarms in line["alarms"].items():
            at = [scenario.BEGIN + dt.timedelta(seconds=seconds) for seconds in alarms]
            outcomes.append(trial.watched(who, one, at))
    return outcomes


def _said(files: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A line of each file: two processes, half of the files each."""
    python = environments.python(_TOOLS.with_name("requirements") / "peers.txt")
    with contextlib.ExitStack() as stack:
        halves = [
            stack.enter_context(
                subprocess.Popen([python, _TOOLS, *mine], stdout=subprocess.PIPE, text=True)
            )
            for i in range(_AT_ONCE)
            if (mine := files[i::_AT_ONCE])
        ]
        for half in halves:
            for line in half.stdout or ():
                yield json.loads(line)
