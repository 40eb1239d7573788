"""`python -m benchmarks.decisions`: is the right thing decided, in time, and nothing else? Incidents with a known truth. `make bench-decisions` runs it."""

import argparse
import contextlib
import dataclasses
import datetime as dt
import json
import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tqdm import tqdm

from benchmarks import document, environments
from benchmarks.decisions import coverage, delays, scenario, trial, years
from benchmarks.stream import procfs

TOOLS = Path(__file__).with_name("tools.py")
JSON = document.RESULTS / "decisions.json"
SCORING = 1_000  # seeds from here on score; the rules were tuned on some under 200


def main() -> int:
    """Play the scenarios, print and write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decisions", description=__doc__)
    parser.add_argument("--scenarios", type=_some, default=210)
    parser.add_argument("--years", type=_some, default=8, help="quiet years in all, a quarter of them at each volume")
    parser.add_argument("--rounds", type=_some, default=20, help="of each change of a known size")
    parser.add_argument("--only", choices=tuple(PARTS), help="measure this alone; what else stands in the results stays")
    given = parser.parse_args()
    for name in [given.only] if given.only else PARTS:
        found = results() | {name: {"machine": procfs.machine(), "date": document.now()} | PARTS[name](given)}
        JSON.parent.mkdir(parents=True, exist_ok=True)
        JSON.write_text(json.dumps(found, indent=1) + "\n")
        print(TABLES[name](found[name]))
    document.put("bench-decisions", "\n".join(TABLES[name](results()[name]) for name in PARTS if name in results()))
    return 0


def results() -> dict[str, Any]:
    """What stands in the results."""
    return dict(json.loads(JSON.read_text())) if JSON.exists() else {}


def incidents(given: argparse.Namespace) -> dict[str, Any]:
    """Who finds which incident."""
    seeds = range(SCORING, SCORING + given.scenarios)
    print(f"scoring seeds {seeds.start} to {seeds.stop - 1}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as scratch, multiprocessing.get_context("spawn").Pool(2) as pool:
        played = pool.imap(trial.played, [(seed, Path(scratch)) for seed in seeds])
        outcomes = [outcome for each in tqdm(played, total=len(seeds), unit="scenario", file=sys.stderr) for outcome in each]
        outcomes += tools(seeds, Path(scratch))
    estimate = coverage.figures(SCORING)
    rows = [row(who, [o for o in outcomes if o.who == who]) for who in dict.fromkeys(o.who for o in outcomes)]
    return {"seeds": [seeds.start, seeds.stop - 1], "rows": rows, "live_accuracy": dataclasses.asdict(estimate)}


def tools(seeds: Sequence[int], folder: Path) -> list[trial.Outcome]:
    """What other tools say of the scenarios, by their own code: two processes, half of the scenarios each."""
    python = environments.python(TOOLS.with_name("requirements") / "peers.txt")
    files = [str(folder / f"{seed}.npz") for seed in seeds]
    with contextlib.ExitStack() as stack:
        halves = [stack.enter_context(subprocess.Popen([python, TOOLS, *files[i::2]], stdout=subprocess.PIPE, text=True)) for i in (0, 1)]
        lines = [json.loads(line) for half in tqdm(halves, unit="half", file=sys.stderr) for line in half.stdout or ()]
    if len(lines) != len(files):
        raise RuntimeError(f"the tools looked at {len(lines)} of {len(files)} scenarios; what they said stands above")
    return [
        trial.watched(who, scenario.drawn(int(Path(line["file"]).stem)), [scenario.BEGIN + dt.timedelta(seconds=at) for at in alarms])
        for line in lines
        for who, alarms in line["alarms"].items()
    ]


def row(who: str, mine: Sequence[trial.Outcome]) -> dict[str, Any]:
    """One contestant over all scenarios: false alarms a year, found and median delay by kind, and how often the first act named the right cause."""
    kinds: dict[str, Any] = {}
    for kind in scenario.INCIDENTS:
        of_kind = [o for o in mine if o.kind == kind]
        delays = [o.delay_hours for o in of_kind if o.delay_hours is not None]
        kinds[kind] = {"n": len(of_kind), "found": sum(o.found for o in of_kind), "median_delay_hours": round(median(delays), 1) if delays else None}
    named = [o.named for o in mine if o.named is not None]
    quiet = [o for o in mine if o.kind in scenario.QUIET]
    years = sum(o.days for o in quiet) / 365
    false = {kind: sum(o.false_alarms for o in quiet if o.kind == kind) for kind in scenario.QUIET}
    return {
        "who": who,
        "kinds": kinds,
        "false_alarms": false,
        "quiet_years": round(years, 2),
        "false_alarms_a_year": round(sum(false.values()) / years, 2) if years else None,
        "cause_named": [sum(named), len(named)] if named else None,
    }


def table(found: Mapping[str, Any]) -> str:
    """The results in Markdown."""
    lines = [
        f"Incidents, measured {_where(found)}.",
        "",
        "| who | mix | language | pipeline | bad release | false alarms: nothing, famine, flood | right cause |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in found["rows"]:
        cells = [f"{k['found']}/{k['n']}" + (f", {k['median_delay_hours']:g} h" if k["found"] else "") for k in each["kinds"].values()]
        false = ", ".join(str(each["false_alarms"][kind]) for kind in scenario.QUIET)
        cause = "none named" if each["cause_named"] is None else f"{each['cause_named'][0]}/{each['cause_named'][1]}"
        lines.append(f"| {each['who']} | {' | '.join(cells)} | {false} in {each['quiet_years']:g} years | {cause} |")
    a = found["live_accuracy"]
    lines += [
        "",
        f"Live accuracy from {a['labels']:.0f} labels a week, {a['rounds']} weeks: the 95 % interval covers the truth in {100 * a['coverage']:.1f} %, "
        f"bias {a['bias']:+.2f} points, width {a['width']:.2f} points. The naive mean has a bias of {a['naive_bias']:+.2f}, a uniform sample of the same size "
        f"a width of {a['uniform_width']:.2f}, and one drawn for accuracy alone, rare intents left as rare as they are, could not be narrower than "
        f"{a['least_width']:.2f}.",
    ]
    return "\n".join(lines) + "\n"


def soon(given: argparse.Namespace) -> dict[str, Any]:
    """How soon a change of a known size is found."""
    return {"seeds": [delays.FIRST_SEED, delays.FIRST_SEED + given.rounds - 1], "rows": delays.figures(given.rounds)}


def quiet(given: argparse.Namespace) -> dict[str, Any]:
    """What is raised in years in which nothing happens."""
    rows = years.figures(given.years)
    return {"seeds": [years.FIRST_SEED, years.FIRST_SEED + rows[0]["years"] - 1], "rows": rows}


def soon_table(found: Mapping[str, Any]) -> str:
    """The delays in Markdown."""
    return f"Changes of a known size, measured {_where(found)}; found within three weeks.\n\n{delays.table(found['rows'])}"


def quiet_table(found: Mapping[str, Any]) -> str:
    """The quiet years in Markdown."""
    total = sum(row["years"] for row in found["rows"])
    acts = sum(row["acts"] for row in found["rows"])
    return f"{total:g} years without an incident, measured {_where(found)}; {acts} needless acts of ours.\n\n{years.table(found['rows'])}"


def _where(found: Mapping[str, Any]) -> str:
    return f"{found['date'][:10]} on {found['machine']}, seeds {found['seeds'][0]} to {found['seeds'][1]}"


def _some(text: str) -> int:
    """A number of things, one at least."""
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


PARTS: Mapping[str, Callable[[argparse.Namespace], dict[str, Any]]] = {"incidents": incidents, "delays": soon, "quiet_years": quiet}
TABLES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {"incidents": table, "delays": soon_table, "quiet_years": quiet_table}


if __name__ == "__main__":
    raise SystemExit(main())
