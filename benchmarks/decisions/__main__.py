"""`python -m benchmarks.decisions`: is the right thing decided, in time, and nothing else?
Scenarios with a known truth. `make bench-decisions` runs it.
"""

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import document
from benchmarks.decisions import champions, figures, processes, scenario, tables, trial
from benchmarks.stream import procfs

JSON = document.RESULTS / "decisions.json"
_QUIET_DAYS = 28


def main() -> int:
    """Play the scenarios, print and write the tables."""
    given = _arguments().parse_args()
    for name in [given.only] if given.only else PARTS:
        print(f"\n{name}, seeds from {_first(given)}", file=sys.stderr)
        measured = {"machine": procfs.machine(), "date": document.now()} | part(name, given)
        print(TABLES[name](measured))
        if given.tuning:
            print(tables.wrong(measured))
        else:
            write(name, measured)
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decisions", description=__doc__)
    parser.add_argument("--scenarios", type=_some, default=8, help="of each kind and champion")
    parser.add_argument("--years", type=_some, default=3, help="quiet ones of each champion")
    parser.add_argument("--only", choices=PARTS, help="measure this alone")
    parser.add_argument("--kinds", type=_names(tables.ORDER), help="of what happens, by commas")
    names = [each.name for each in champions.ALL]
    parser.add_argument("--champions", type=_names(names), help="by commas")
    parser.add_argument(
        "--tuning",
        action="store_true",
        help="seeds that may be tuned on, ours alone, with every wrong case; writes nothing",
    )
    return parser


def part(name: str, given: argparse.Namespace) -> dict[str, Any]:
    """Measure one part."""
    kinds = [kind for kind in PARTS[name] if kind in (given.kinds or PARTS[name])]
    many = given.scenarios
    if name == "quiet":
        many = math.ceil(given.years * 365 / _QUIET_DAYS / len(PARTS[name]))
    seeds = range(_first(given), _first(given) + many)
    told = [
        scenario.drawn(kind, champion, seed, _QUIET_DAYS)
        for seed in seeds
        for kind in kinds
        for champion in champions.ALL
        if champion.name in (given.champions or champion.name)
    ]
    with tempfile.TemporaryDirectory() as scratch:
        played = list(processes.each(trial.played, told, Path(scratch), name))
    outcomes = [each for several in played for each in several]
    outcomes.sort(key=lambda one: _place(one.scenario))
    return {"seeds": [seeds.start, seeds.stop - 1], "rows": figures.rows(outcomes)}


def _place(told: scenario.Scenario) -> tuple[int, int, int]:
    return champions.ALL.index(told.champion), tables.ORDER.index(told.kind), told.seed


def _first(given: argparse.Namespace) -> int:
    """The first seed: those that are reported were never tuned on."""
    return 0 if given.tuning else scenario.REPORTED


def write(name: str, measured: Mapping[str, Any]) -> None:
    """Put a part's figures into the results and its table into the document."""
    stored = dict(json.loads(JSON.read_text())) if JSON.exists() else {}
    kept = {part: stored[part] for part in PARTS if "rows" in stored.get(part, {})}
    kept |= {name: measured}
    JSON.write_text(json.dumps(kept, indent=1) + "\n")
    text = "\n\n".join(TABLES[part](kept[part]) for part in PARTS if part in kept)
    document.put("bench-decisions", text)


def _some(text: str) -> int:
    """A number of things, one at least, and no more than leave the reported seeds alone."""
    number = int(text)
    if not 1 <= number < scenario.REPORTED:
        raise ValueError(text)
    return number


def _names(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Names by commas, all of them known."""

    def names(text: str) -> list[str]:
        given = text.split(",")
        if unknown := [name for name in given if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown: {unknown}; known: {', '.join(known)}")
        return given

    return names


PARTS: Mapping[str, Sequence[str]] = {
    "incidents": scenario.INCIDENTS,
    "falls": scenario.FALLS,
    "quiet": scenario.QUIET,
}
TABLES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "incidents": tables.incidents,
    "falls": tables.falls,
    "quiet": tables.quiet,
}


if __name__ == "__main__":
    raise SystemExit(main())
