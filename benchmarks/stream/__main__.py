"""`python -m benchmarks.stream`: every contestant on the same logs, then what else is promised
about the stream worker. `make bench-stream` runs it.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Never

import sqlalchemy as sa
from tqdm import tqdm

from benchmarks.stream import contestants, extras, loads, ours, report, results, world

_RUNS = 5


def main() -> int:
    """Measure, then write the results: into the repository for a full run, else under .local/."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stream", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="tiny topics, one run: to see that everything works"
    )
    parser.add_argument("--only", default="", help="names of rows, comma between them")
    parser.add_argument("--runs", type=int, default=None)
    given = parser.parse_args()
    runs = given.runs or (1 if given.quick else _RUNS)
    only = set(filter(None, given.only.split(",")))
    known = {each.who for each in contestants.CONTESTANTS} | set(extras.EXTRAS)
    if only - known:
        parser.error(
            f"no row {', '.join(sorted(only - known))}; there are {', '.join(sorted(known))}"
        )
    chosen = [
        each
        for each in contestants.CONTESTANTS
        if (each.who in only if only else not each.optional)
    ]
    more = [name for name in extras.EXTRAS if not only or name in only]
    with (
        world.running() as servers,
        tqdm(total=len(chosen) * runs + len(more), file=sys.stderr, unit="run", smoothing=0) as bar,
    ):
        ready = loads.Loads(servers, given.quick)
        rows = race(ready, chosen, runs, bar)
        further = {name: extra(servers, name, ready, bar) for name in more}
    place = report.write(rows, further, full=not (given.quick or only), command=_command(given))
    print(f"intentwatch: results in {place}", file=sys.stderr)
    return (
        0
        if all(
            row.runs and all(run.exact for run in row.runs)
            for row in rows
            if row.who.startswith("ours")
        )
        else 1
    )


def _command(given: argparse.Namespace) -> str:
    """What the reader types to see the same."""
    words = [
        "make bench-stream",
        given.quick and "QUICK=1",
        given.only and f"ONLY={given.only}",
        given.runs and f"RUNS={given.runs}",
    ]
    return " ".join(word for word in words if word)


def race(
    ready: loads.Loads, chosen: Sequence[contestants.Contestant], runs: int, bar: "tqdm[Never]"
) -> list[results.Row]:
    """Round by round, so that a slow minute of the machine meets everybody."""
    rows = {each.who: results.Row(each.who, each.note) for each in chosen}
    for _ in range(runs):
        for each in chosen:
            row = rows[each.who]
            bar.set_description(each.who)
            if not row.absent:
                attempt(ready, each, row)
            bar.update()
    return list(rows.values())


def attempt(ready: loads.Loads, each: contestants.Contestant, row: results.Row) -> None:
    """One run; a contestant that cannot run says why in its row instead of ending everything."""
    try:
        load = ready.get(each.load)
        ours.quiet()
        row.runs.append(each.measure(ready.servers, load))
        last = row.runs[-1]
        speed = f"{last.logs_per_s:,.0f} logs/s, {last.cpu_us_per_log:.2f} us"
        tqdm.write(f"{each.who}: {speed}, exact {last.exact} {last.missing}", file=sys.stderr)
    except (RuntimeError, OSError, sa.exc.SQLAlchemyError) as error:
        row.absent = str(error)
        tqdm.write(f"{each.who}: {error}", file=sys.stderr)


def extra(
    servers: world.World, name: str, ready: loads.Loads, bar: "tqdm[Never]"
) -> dict[str, object]:
    """One further measurement, or why there is none."""
    bar.set_description(name)
    try:
        figures = extras.EXTRAS[name](servers, ready.quick)
    except (RuntimeError, OSError, sa.exc.SQLAlchemyError) as error:
        figures = {"absent": str(error)}
    tqdm.write(f"{name}: {figures}", file=sys.stderr)
    bar.update()
    return figures


if __name__ == "__main__":
    raise SystemExit(main())
