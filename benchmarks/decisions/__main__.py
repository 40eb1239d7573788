"""`python -m benchmarks.decisions`: is the right thing decided, in time, and nothing else?
Scenarios with a known truth. `make bench-decisions` runs it.
"""

import argparse
import dataclasses
import functools
import json
import math
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import document
from benchmarks.decisions import (
    beside,
    champions,
    coverage,
    figures,
    processes,
    scenario,
    tables,
    trial,
    worlds,
)
from benchmarks.stream import procfs

JSON = document.RESULTS / "decisions.json"
_QUIET_DAYS, _QUICK_DAYS = 28, 14
_BESIDE = 1  # seeds of each kind and champion that everybody else sees, too
_QUICK_CHAMPIONS = 3


def main() -> int:
    """Play the scenarios, print and write the tables."""
    parser = _arguments()
    given = parser.parse_args()
    names = [given.only] if given.only else list(PARTS)
    if given.only == "messages" and not given.messages:
        parser.error("--only messages needs --messages DIR")
    for name in names:
        if name == "messages" and not given.messages:
            continue
        print(f"{name}, seeds from {_first(given)}", file=sys.stderr)
        made = {"machine": procfs.machine(), "date": document.now()}
        measured = made | (real(given) if name == "messages" else part(name, given))
        print(TABLES[name](measured))
        if given.tuning or given.quick:
            print(tables.wrong(measured))
        else:
            write(name, measured)
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decisions", description=__doc__)
    parser.add_argument("--scenarios", type=_some, default=6, help="of each kind and champion")
    parser.add_argument("--years", type=_some, default=2, help="quiet ones of each champion")
    parser.add_argument("--only", choices=PARTS, help="measure this alone")
    parser.add_argument("--kinds", type=_names(scenario.EVERY), help="of what happens, by commas")
    names = [each.name for each in champions.ALL]
    parser.add_argument("--champions", type=_names(names), help="by commas")
    parser.add_argument(
        "--messages",
        type=Path,
        metavar="DIR",
        help="tables of labelled messages, as the demo takes them: measures the part `messages`",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a seed of each kind for three champions, ours alone; writes nothing",
    )
    parser.add_argument(
        "--tuning",
        action="store_true",
        help="seeds that may be tuned on, ours alone, with every wrong case; writes nothing",
    )
    return parser


def part(name: str, given: argparse.Namespace) -> dict[str, Any]:
    """Measure one part of simulated scenarios."""
    kinds = [kind for kind in PARTS[name] if kind in (given.kinds or PARTS[name])]
    seeds = _seeds(name, given)
    told = [
        scenario.drawn(kind, champion, seed, _days(given))
        for seed in seeds
        for kind in kinds
        for champion in _champions(given)
    ]
    measured = measure(name, told, worlds.simulated, given)
    if name == "incidents" and not _alone(given):
        measured["live_accuracy"] = dataclasses.asdict(coverage.figures(seeds.start))
    return measured


def real(given: argparse.Namespace) -> dict[str, Any]:
    """The same on real messages and a real classifier's answers."""
    from benchmarks.decisions import messages

    home, later = messages.answered(given.messages)
    kinds = [kind for kind in messages.KINDS if kind in (given.kinds or messages.KINDS)]
    told = [
        messages.drawn(kind, seed, _days(given))
        for seed in _seeds("incidents", given)
        for kind in kinds
    ]
    source = worlds.Real(home.chances(), later.chances()).world
    accuracy = {"home": home.accuracy, "later": later.accuracy}
    return measure("messages", told, source, given) | {"accuracy": accuracy}


def measure(
    name: str,
    told: Sequence[scenario.Scenario],
    source: worlds.Source,
    given: argparse.Namespace,
) -> dict[str, Any]:
    """Play scenarios; of the first seeds everybody beside us, unless we tune."""
    first = _first(given)
    before = first if _alone(given) else first + _BESIDE
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        play = functools.partial(beside.played, source=source, folder=folder, before=before)
        played = [one for each in processes.each(play, told, folder, name) for one in each]
        others = [] if _alone(given) else beside.tools(told, folder)
    outcomes = sorted([*played, *others], key=_place)
    both = [one for one in outcomes if one.scenario.seed < before]
    seeds = [min(one.seed for one in told), max(one.seed for one in told)]
    ours = [one for one in outcomes if one.who == trial.OURS]
    return {"seeds": seeds, "rows": figures.rows(ours), "beside": figures.beside(both)}


def _place(one: trial.Outcome) -> tuple[int, int, int]:
    told = one.scenario
    return champions.ALL.index(told.champion), scenario.EVERY.index(told.kind), told.seed


def _champions(given: argparse.Namespace) -> list[champions.Champion]:
    """Those that are named; else all, or the first few."""
    if given.champions:
        return [each for each in champions.ALL if each.name in given.champions]
    return list(champions.ALL[: _QUICK_CHAMPIONS if given.quick else None])


def _days(given: argparse.Namespace) -> int:
    return _QUICK_DAYS if given.quick else _QUIET_DAYS


def _alone(given: argparse.Namespace) -> bool:
    """Whether nobody else looks on."""
    return bool(given.tuning or given.quick)


def _seeds(name: str, given: argparse.Namespace) -> range:
    many = 1 if given.quick else given.scenarios
    if name == "quiet" and not given.quick:
        many = math.ceil(given.years * 365 / _QUIET_DAYS / len(PARTS[name]))
    return range(_first(given), _first(given) + many)


def _first(given: argparse.Namespace) -> int:
    """The first seed: those that are reported were never tuned on."""
    return 0 if given.tuning else scenario.REPORTED


def write(name: str, measured: Mapping[str, Any]) -> None:
    """Put a part's figures into the results and its table into the document."""
    stored = dict(json.loads(JSON.read_text())) if JSON.exists() else {}
    # What an earlier form of this benchmark has left cannot be shown.
    kept = {part: stored[part] for part in PARTS if "beside" in stored.get(part, {})}
    kept |= {name: measured}
    JSON.write_text(json.dumps(kept, indent=1) + "\n")
    text = "\n".join(TABLES[part](kept[part]) for part in PARTS if part in kept)
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
    "messages": (),
}
TABLES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "incidents": tables.incidents,
    "falls": tables.falls,
    "quiet": tables.quiet,
    "messages": tables.messages,
}


if __name__ == "__main__":
    raise SystemExit(main())
