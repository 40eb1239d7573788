"""`python -m benchmarks.serve`: the gateway under an open-loop load over HTTP, beside bare servers
with the same artefact, and the model alone. `make bench-serve` runs it.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from benchmarks import document, environments
from benchmarks.serve import contestants, figures, models
from benchmarks.stream import procfs
from schemas import tables
from services.local import topology
from services.local.demo import invent
from streams import database

JSON: Final = document.RESULTS / "serve.json"
_QUICK: Final = environments.HOME / "serve.json"
_SEED: Final = 20260420
_TEXTS: Final = 6_000
_SWAP_RPS: Final = 200


@dataclass(frozen=True, slots=True)
class Size:
    """How long and how often. `alone_s`: for each runtime of the model alone."""

    rates: tuple[int, ...]
    own_rates: tuple[int, ...]
    seconds: float
    rounds: int
    alone_s: float


FULL: Final = Size((300, 500, 700), (100,), seconds=6.0, rounds=2, alone_s=4.0)
QUICK: Final = Size((100, 300), (), seconds=1.5, rounds=1, alone_s=0.5)


@dataclass(slots=True)
class Bench:
    """What all measurements share, and what they have brought."""

    size: Size
    directory: Path
    environment: Mapping[str, str]
    texts: Sequence[str]
    rows: list[figures.Row] = field(default_factory=list)
    further: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def models(self) -> Path:
        """Where champions lie."""
        return self.directory / "models"

    def promote(self, model: str) -> None:
        """Make it champion."""
        url = self.environment["INTENTWATCH_DATABASE_URL"]
        with database.engine(url).begin() as connection:
            row = {"model": model, "kind": "promote", "at": sa.func.now(), "by": "benchmark"}
            connection.execute(tables.promotion.insert().values(row))

    def loaded(self, server: contestants.Server, who: str, rps: int) -> figures.Row:
        """One load; its row is kept."""
        before = server.cpu_s()
        argv = ["benchmarks.serve.load", str(server.port), str(rps), str(self.size.seconds)]
        took = _told([*argv, str(len(self.rows))], self.texts)
        # One second of warming up is in the processor's time and not in the answers.
        share = self.size.seconds / (self.size.seconds + 1)
        row = figures.row(who, rps, took, (server.cpu_s() - before) * share)
        self.rows.append(row)
        print(json.dumps(row), file=sys.stderr)
        return row

    @contextlib.contextmanager
    def ours(self) -> Iterator[contestants.Server]:
        """The gateway."""
        with contestants.ours(self.environment, self.directory / "ours.log") as server:
            yield server


def _told(argv: Sequence[str], texts: Sequence[str], python: Path | None = None) -> dict[str, Any]:
    """What a module of ours prints as JSON. Raises environments.Unbuildable."""
    done = subprocess.run(
        [str(python or sys.executable), "-m", *argv],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=False,
        cwd=topology.ROOT,
    )
    if done.returncode:
        raise environments.Unbuildable(f"{argv[0]} failed: {done.stderr.strip()[-400:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def over_http(bench: Bench, peers: Sequence[contestants.Peer]) -> None:
    """Round by round everybody in turn, so that a slow minute meets all alike."""
    for _ in range(bench.size.rounds):
        with bench.ours() as server:
            for rps in (*bench.size.own_rates, *bench.size.rates):
                bench.loaded(server, contestants.OURS, rps)
        for each in peers:
            if each.name in bench.missing:
                continue
            log = bench.directory / f"{each.name}.log"
            try:
                with contestants.peer(each, bench.models / "v1", log) as server:
                    for rps in bench.size.rates:
                        bench.loaded(server, each.name, rps)
            except environments.Unbuildable as error:
                bench.missing[each.name] = " ".join(str(error).split())[-200:]


def knee(bench: Bench) -> None:
    """Up from the highest rate until ours holds it no more."""
    rps, held = bench.size.rates[-1], 0
    with bench.ours() as server:
        while rps < 3_000:
            row = bench.loaded(server, contestants.OURS, rps)
            if not figures.holds(row):
                break
            held, rps = rps, int(rps * 1.15)
    bench.further["knee: the highest rate with p95 < 50 ms and <= 1 % shed"] = f"{held} rps"


def swap(bench: Bench) -> None:
    """A promotion in the midst of a load: nobody may notice."""
    models.copied(bench.models, "v1", "v2")
    with bench.ours() as server:
        promotion = threading.Timer(1 + bench.size.seconds / 3, bench.promote, ("v2",))
        promotion.start()
        row = bench.loaded(server, "ours_swapped", _SWAP_RPS)
        promotion.join()
    words = f"{row['failed']:.2%} failed, {row['shed']:.2%} shed, p99 {row['p99_ms']} ms"
    bench.further[f"champion swapped at {_SWAP_RPS} rps"] = words
    bench.promote("v1")


def cold(bench: Bench) -> None:
    """From the start of the process to the first /readyz that is 200, of five."""
    took = []
    for _ in range(5 if bench.size is FULL else 1):
        begun = time.perf_counter()
        with bench.ours():
            took.append(time.perf_counter() - begun)
    bench.further["start to the first answer, median"] = f"{sorted(took)[len(took) // 2]:.2f} s"


def distilbert(bench: Bench) -> None:
    """The larger shape through the same gateway, and alone."""
    models.written(bench.models, "v3", "distilbert")
    bench.promote("v3")
    with bench.ours() as server:
        for rps in (100, 200):
            bench.loaded(server, "ours_distilbert", rps)
    alone(bench, "distilbert", "v3")


def alone(bench: Bench, shape: str, model: str) -> None:
    """The model without a server, by each runtime."""
    for runtime in ("ours", "onnx_int8", "onnx_fp32", "torch", "openvino"):
        argv = ["benchmarks.serve.alone", runtime, str(bench.models / model)]
        try:
            python = contestants.python("openvino") if runtime == "openvino" else None
            took = _told([*argv, str(bench.size.alone_s)], bench.texts[:500], python)
        except environments.Unbuildable as error:
            bench.missing[f"{shape} alone, {runtime}"] = " ".join(str(error).split())[-200:]
            continue
        row = {"who": f"alone_{shape}_{runtime}", **took, "shed": 0.0, "failed": 0.0}
        bench.rows.append(row)
        print(json.dumps(row), file=sys.stderr)


def result(bench: Bench, load: float) -> dict[str, Any]:
    """All of it."""
    rows = figures.medians(bench.rows)
    return {
        "machine": procfs.machine(),
        "date": document.now(),
        "load": load,
        "runs": bench.size.rounds,
        "rows": rows,
        "ratios": figures.ratios(rows),
        "further": bench.further,
        "missing": bench.missing,
    }


def main() -> int:
    """Measure, and write the results and the table; QUICK and ONLY write beside them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serve", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", help="peers, by name and comma")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    chosen = given.only.split(",") if given.only is not None else None
    if given.quick and chosen is None:
        chosen = ["bare_fastapi"]
    peers = [each for each in contestants.PEERS if chosen is None or each.name in chosen]

    base, _ = invent.tables(_SEED)
    texts = [row["text"] for row in base][:_TEXTS]
    with (
        topology.embedded() as (addresses, _owner),
        tempfile.TemporaryDirectory(prefix="serve-") as made,
    ):
        topology.prepare(addresses)
        directory = Path(made)
        told = addresses.environment() | {"INTENTWATCH_MODELS": str(directory / "models")}
        bench = Bench(QUICK if given.quick else FULL, directory, told, texts)
        models.written(bench.models, "v1", "minilm")
        bench.promote("v1")
        cold(bench)
        over_http(bench, peers)
        knee(bench)
        swap(bench)
        alone(bench, "minilm", "v1")
        distilbert(bench)

    told_all = result(bench, load)
    whole = not given.quick and given.only is None
    target = JSON if whole else _QUICK
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(told_all, indent=1) + "\n")
    text = figures.table(told_all)
    print(text)
    if whole:
        document.put("bench-serve", text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
