"""`python -m benchmarks.decisions`: is the right thing decided, in time, and nothing else?
Incidents with a known truth. `make bench-decisions` runs it.
"""

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
from benchmarks.decisions import coverage, delays, messages, scenario, trial, years
from benchmarks.stream import procfs

TOOLS = Path(__file__).with_name("tools.py")
JSON = document.RESULTS / "decisions.json"
SCORING = 1_000  # seeds from here on score; the rules were tuned on some under 200


def main() -> int:
    """Play the scenarios, print and write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decisions", description=__doc__)
    parser.add_argument("--scenarios", type=_some, default=210)
    parser.add_argument(
        "--years",
        type=_some,
        default=8,
        help="quiet years in all, a quarter of them at each volume",
    )
    parser.add_argument("--rounds", type=_some, default=20, help="of each change of a known size")
    parser.add_argument(
        "--only",
        choices=tuple(PARTS),
        help="measure this alone; what else stands in the results stays",
    )
    parser.add_argument(
        "--messages",
        type=Path,
        metavar="DIR",
        help="tables of labelled messages, as the demo takes them: measures the part `messages`",
    )
    given = parser.parse_args()
    if given.only == "messages" and not given.messages:
        parser.error("--only messages needs --messages DIR")
    for name in (
        [given.only]
        if given.only
        else [name for name in PARTS if name != "messages" or given.messages]
    ):
        stored = results() | {
            name: {"machine": procfs.machine(), "date": document.now()} | PARTS[name](given)
        }
        JSON.parent.mkdir(parents=True, exist_ok=True)
        JSON.write_text(json.dumps(stored, indent=1) + "\n")
        print(TABLES[name](stored[name]))
    document.put(
        "bench-decisions",
        "\n".join(TABLES[name](results()[name]) for name in PARTS if name in results()),
    )
    return 0


def results() -> dict[str, Any]:
    """What stands in the results."""
    return dict(json.loads(JSON.read_text())) if JSON.exists() else {}


def incidents(given: argparse.Namespace) -> dict[str, Any]:
    """Who finds which incident."""
    seeds = range(SCORING, SCORING + given.scenarios)
    estimate = coverage.figures(SCORING)
    return {
        "seeds": [seeds.start, seeds.stop - 1],
        "rows": rows(seeds, scenario.simulated),
        "live_accuracy": dataclasses.asdict(estimate),
    }


def real(given: argparse.Namespace) -> dict[str, Any]:
    """The same on real messages and a real classifier's answers."""
    world = messages.answered(given.messages)
    seeds = [
        seed
        for seed in range(SCORING, SCORING + given.scenarios)
        if scenario.drawn(seed).kind in messages.KINDS
    ]
    accuracy = {"home": float(world.home.right.mean()), "later": float(world.later.right.mean())}
    return {"seeds": [seeds[0], seeds[-1]], "rows": rows(seeds, world.draw), "accuracy": accuracy}


def rows(seeds: Sequence[int], draw: scenario.Draw) -> list[dict[str, Any]]:
    """Every contestant over the scenarios of these seeds."""
    print(f"scoring seeds {seeds[0]} to {seeds[-1]}", file=sys.stderr)
    with (
        tempfile.TemporaryDirectory() as scratch,
        multiprocessing.get_context("spawn").Pool(2) as pool,
    ):
        played = pool.imap(trial.played, [(seed, Path(scratch), draw) for seed in seeds])
        outcomes = [
            outcome
            for each in tqdm(played, total=len(seeds), unit="scenario", file=sys.stderr)
            for outcome in each
        ]
        outcomes += tools(seeds, Path(scratch))
    return [
        row(who, [o for o in outcomes if o.who == who])
        for who in dict.fromkeys(o.who for o in outcomes)
    ]


def tools(seeds: Sequence[int], folder: Path) -> list[trial.Outcome]:
    """What other tools say of the scenarios, by their own code: two processes, half of the
    scenarios each.
    """
    python = environments.python(TOOLS.with_name("requirements") / "peers.txt")
    files = [str(folder / f"{seed}.npz") for seed in seeds]
    with contextlib.ExitStack() as stack:
        halves = [
            stack.enter_context(
                subprocess.Popen([python, TOOLS, *files[i::2]], stdout=subprocess.PIPE, text=True)
            )
            for i in (0, 1)
        ]
        lines = [
            json.loads(line)
            for half in tqdm(halves, unit="half", file=sys.stderr)
            for line in half.stdout or ()
        ]
    if len(lines) != len(files):
        raise RuntimeError(
            f"the tools looked at {len(lines)} of {len(files)} scenarios; "
            "what they said stands above"
        )
    return [
        trial.watched(
            who,
            scenario.drawn(int(Path(line["file"]).stem)),
            [scenario.BEGIN + dt.timedelta(seconds=at) for at in alarms],
        )
        for line in lines
        for who, alarms in line["alarms"].items()
    ]


def row(who: str, mine: Sequence[trial.Outcome]) -> dict[str, Any]:
    """One contestant over all scenarios: false alarms a year, found and median delay by kind, and
    how often the first act named the right cause.
    """
    kinds: dict[str, Any] = {}
    for kind in scenario.INCIDENTS:
        of_kind = [o for o in mine if o.kind == kind]
        delays = [o.delay_hours for o in of_kind if o.delay_hours is not None]
        kinds[kind] = {
            "n": len(of_kind),
            "found": sum(o.found for o in of_kind),
            "median_delay_hours": round(median(delays), 1) if delays else None,
        }
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


def table(measured: Mapping[str, Any]) -> str:
    """The simulated incidents in Markdown."""
    a = measured["live_accuracy"]
    accuracy = (
        f"Live accuracy from {a['labels']:.0f} labels a week, {a['rounds']} weeks: "
        f"the 95 % interval covers the truth in {100 * a['coverage']:.1f} %, "
        f"bias {a['bias']:+.2f} points, width {a['width']:.2f} points. "
        f"The naive mean has a bias of {a['naive_bias']:+.2f}, "
        f"a uniform sample of the same size a width of {a['uniform_width']:.2f}, "
        "and one drawn for accuracy alone, rare intents left as rare as they are, "
        f"could not be narrower than {a['least_width']:.2f}."
    )
    lines = [
        f"Incidents, measured {_where(measured)}.",
        "",
        *_cells(measured["rows"]),
        "",
        accuracy,
    ]
    return "\n".join(lines) + "\n"


def real_table(measured: Mapping[str, Any]) -> str:
    """The incidents of real messages in Markdown."""
    home, later = measured["accuracy"]["home"], measured["accuracy"]["later"]
    lines = [
        f"Incidents in real messages, measured {_where(measured)}. "
        f"The classifier is right in {100 * home:.1f} % of messages like those it was trained on "
        f"and in {100 * later:.1f} % of those in later language.",
        "",
        *_cells(measured["rows"]),
    ]
    return "\n".join(lines) + "\n"


def _cells(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    kinds = [kind for kind, seen in rows[0]["kinds"].items() if seen["n"]]
    heads = " | ".join(kind.replace("_", " ") for kind in kinds)
    lines = [
        f"| who | {heads} | false alarms: nothing, famine, flood | right cause |",
        "|---|" + "---|" * (len(kinds) + 2),
    ]
    for each in rows:
        seen = [each["kinds"][kind] for kind in kinds]
        cells = " | ".join(
            f"{k['found']}/{k['n']}" + (f", {k['median_delay_hours']:g} h" if k["found"] else "")
            for k in seen
        )
        false = ", ".join(str(each["false_alarms"][kind]) for kind in scenario.QUIET)
        quiet = f"{false} in {each['quiet_years']:g} years"
        named = each["cause_named"]
        cause = "none named" if named is None else f"{named[0]}/{named[1]}"
        lines.append(f"| {each['who']} | {cells} | {quiet} | {cause} |")
    return lines


def soon(given: argparse.Namespace) -> dict[str, Any]:
    """How soon a change of a known size is found."""
    return {
        "seeds": [delays.FIRST_SEED, delays.FIRST_SEED + given.rounds - 1],
        "rows": delays.figures(given.rounds),
    }


def quiet(given: argparse.Namespace) -> dict[str, Any]:
    """What is raised in years in which nothing happens."""
    rows = years.figures(given.years)
    return {"seeds": [years.FIRST_SEED, years.FIRST_SEED + rows[0]["years"] - 1], "rows": rows}


def soon_table(measured: Mapping[str, Any]) -> str:
    """The delays in Markdown."""
    head = f"Changes of a known size, measured {_where(measured)}; found within three weeks."
    return f"{head}\n\n{delays.table(measured['rows'])}"


def quiet_table(measured: Mapping[str, Any]) -> str:
    """The quiet years in Markdown."""
    total = sum(row["years"] for row in measured["rows"])
    acts = sum(row["acts"] for row in measured["rows"])
    head = f"{total:g} years without an incident, measured {_where(measured)}"
    return f"{head}; {acts} needless acts of ours.\n\n{years.table(measured['rows'])}"


def _where(measured: Mapping[str, Any]) -> str:
    first, last = measured["seeds"]
    return f"{measured['date'][:10]} on {measured['machine']}, seeds {first} to {last}"


def _some(text: str) -> int:
    """A number of things, one at least."""
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


PARTS: Mapping[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "incidents": incidents,
    "messages": real,
    "delays": soon,
    "quiet_years": quiet,
}
TABLES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "incidents": table,
    "messages": real_table,
    "delays": soon_table,
    "quiet_years": quiet_table,
}


if __name__ == "__main__":
    raise SystemExit(main())
