"""What every peer measures the same way: from its first log to its last one, its own CPU time, its
largest memory; then its minutes, for the oracle.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn


@dataclass(frozen=True, slots=True)
class Job:
    """What the harness asks of a peer: read `expected` records of `topic`, write the result to
    `out`. `setting` selects a configuration.
    """

    bootstrap: str
    topic: str
    expected: int
    out: Path
    setting: str


def job() -> Job:
    """The job on the command line."""
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "topic", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--expected", type=int, required=True)
    parser.add_argument("--setting", default="")
    given = parser.parse_args()
    return Job(given.bootstrap, given.topic, given.expected, Path(given.out), given.setting)


class Meter:
    """`begin` with the first record in hand, `end` when the last one has been counted."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._wall = self._cpu = 0.0
        self._running = False

    def begin(self) -> None:
        """The first record has arrived, none has been counted."""
        self._wall, self._cpu = time.monotonic(), time.process_time()
        self._running = True

    def stop(self) -> None:
        """All has been counted; what follows is not measured. Stopping twice does no harm."""
        if self._running:
            self._wall, self._cpu = time.monotonic() - self._wall, time.process_time() - self._cpu
        self._running = False

    def report(self, seen: int, **counted: Any) -> None:
        """Write the result: records seen, and what was counted."""
        result = {
            "seen": seen,
            "wall_s": self._wall,
            "cpu_s": self._cpu,
            "rss_mb": _peak_mb(),
            **counted,
        }
        part = self.job.out.with_suffix(".part")
        part.write_text(json.dumps(result))
        part.rename(self.job.out)

    def leave(self, seen: int, minutes: Mapping[tuple[int, str, str], Sequence[int]]) -> NoReturn:
        """Report (logs, latency sum in us) of each minute, model and intent, and end the process at
        once: some frameworks take long to stop.
        """
        self.stop()
        self.report(seen, minutes=[[*key, *value] for key, value in minutes.items()])
        sys.stderr.flush()
        os._exit(0)


def merged(
    parts: Iterable[tuple[tuple[int, str, str], Sequence[int]]],
) -> dict[tuple[int, str, str], list[int]]:
    """Minutes that were counted in parts (by partition, or by state of a window) as one."""
    total: dict[tuple[int, str, str], list[int]] = {}
    for key, (count, latency_us) in parts:
        pane = total.setdefault(key, [0, 0])
        pane[0] += count
        pane[1] += latency_us
    return total


def _peak_mb() -> float:
    (line,) = [
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM")
    ]
    return int(line.split()[1]) / 1024
