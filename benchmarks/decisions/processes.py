"""Scenarios played two at a time, those of each shop in processes of its own: a process reads its
taxonomy as it begins.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from benchmarks.decisions import scenario, shops
from schemas import present

_AT_ONCE = 2
Result = TypeVar("Result")


def each(
    play: Callable[[scenario.Scenario], Result],
    told: Sequence[scenario.Scenario],
    folder: Path,
    what: str,
) -> Iterator[Result]:
    """What `play` makes of every scenario, in no order. `folder`: for the shops' taxonomies."""
    with tqdm(total=len(told), desc=what, unit="scenario", file=sys.stderr) as bar:
        for size in shops.SIZES:
            mine = [one for one in told if one.intents == size]
            if not mine:
                continue
            with _pool(size, folder) as pool:
                for result in pool.imap_unordered(play, mine):
                    bar.update()
                    yield result


def _pool(size: int, folder: Path) -> "multiprocessing.pool.Pool":
    """Processes of a shop of so many intents. They read the environment of now."""
    before = os.environ.get(present.VARIABLE)
    # Two processes on two cores: the threads of a matrix product would only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if size != shops.OURS:
        path = folder / f"shop_{size}.toml"
        path.write_text(shops.taxonomy(size))
        os.environ[present.VARIABLE] = str(path)
    else:
        os.environ.pop(present.VARIABLE, None)
    try:
        return multiprocessing.get_context("spawn").Pool(_AT_ONCE)
    finally:
        os.environ.pop(present.VARIABLE, None)
        if before is not None:
            os.environ[present.VARIABLE] = before
