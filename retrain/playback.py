"""`retrain/run.py replay`: read history from Postgres or from files, walk it under each policy, print what would have been decided. Writes nothing."""

import argparse
import dataclasses
import datetime as dt
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from tqdm import tqdm

from retrain import baselines, replay
from retrain.history import files, scenes
from retrain.history import store as history
from retrain.report import page
from schemas import decisions, events, policy, settings, times
from streams import database

EXIT_FIRES = 10
_WARM_UP = dt.timedelta(days=28)  # how far back verdicts are remembered

Source = Callable[[policy.Policy], Iterator[replay.Scene]]


def arguments(parser: argparse.ArgumentParser) -> None:
    """The contract's options."""
    parser.add_argument("--from", dest="since", type=times.instant, metavar="T")
    parser.add_argument("--to", dest="until", type=times.instant, metavar="T")
    parser.add_argument("--policy", type=Path, action="append", default=[], metavar="F", help="may be given several times")
    parser.add_argument("--incidents", type=Path, metavar="F", help="score the decisions against these")
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with timelines and scores")
    parser.add_argument("--logs", type=Path, metavar="F")
    parser.add_argument("--labels", type=Path, metavar="F")
    parser.add_argument("--reference", type=Path, metavar="F")
    parser.add_argument("--reference-until", type=times.instant, metavar="T")


def run(chosen: argparse.Namespace) -> int:
    """Replay; exit 10 if any decision is retrain."""
    try:
        policies = [(str(path), policy.load(path)) for path in chosen.policy] or [("default", settings.rules(settings.load()))]
        known = files.incidents(chosen.incidents) if chosen.incidents else []
        source = _from_files(chosen) if chosen.logs else _from_postgres(chosen, database.opened(settings.load("database_url").database_url))
    except policy.PolicyError as error:
        settings.refuse(str(error))
    except files.BadHistory as error:
        settings.refuse(str(error), 2)
    played = [_played(name, rules, source(rules), known, chosen) for name, rules in policies]
    first = played[0]
    beside = baselines.scores(first.taken, known, first.rules) if chosen.incidents else ()
    if chosen.incidents:  # the policies last: whoever replays one finds its score in the last line
        found = [*beside, *(one.score for one in played)]
        sys.stdout.writelines(json.dumps(dataclasses.asdict(score)) + "\n" for score in found)
    if chosen.html:
        _write(chosen.html, page.render(played, known, beside))
    fired = any(decision.decision is decisions.Kind.RETRAIN for one in played for _, decision in one.taken)
    return EXIT_FIRES if fired else 0


def _played(name: str, rules: policy.Policy, found: Iterator[replay.Scene], known: Sequence[events.Incident], chosen: argparse.Namespace) -> replay.Played:
    taken = []
    for scene, decision in replay.walk(_shown(found), rules):
        if _inside(decision.at, chosen):
            print(_line(decision, name, as_json=chosen.json))
            taken.append((replay.bare(scene), decision))
    return replay.Played(name, rules, taken, replay.score(name, taken, known, rules))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        settings.refuse(f"cannot write {path}: {error.strerror}; name a file in a folder that can be written", 2)


def _from_files(chosen: argparse.Namespace) -> Source:
    if not chosen.labels or not (chosen.reference or chosen.reference_until):
        raise files.BadHistory("--logs needs --labels and one of --reference and --reference-until")
    logs, labels = files.serving_logs(chosen.logs), files.labels(chosen.labels)
    past = scenes.history(logs, labels, files.reference(chosen.reference) if chosen.reference else chosen.reference_until)
    return lambda _: scenes.scenes(past)


def _from_postgres(chosen: argparse.Namespace, engine: sa.Engine) -> Source:
    def found(rules: policy.Policy) -> Iterator[replay.Scene]:
        since = chosen.since - _WARM_UP if chosen.since else None
        with engine.connect().execution_options(postgresql_readonly=True) as connection:
            for at in history.hour_ends(connection, since, chosen.until):
                promotion = history.champion_at(connection, at)
                if promotion is not None:
                    moment = history.moment_at(connection, promotion["model"], at.astimezone(dt.UTC), rules)
                    yield replay.Scene(moment, history.past(connection, promotion, at))

    return found


def _shown(scenes: Iterator[replay.Scene]) -> Iterator[replay.Scene]:
    yield from tqdm(scenes, desc="replay", unit="h", file=sys.stderr, leave=False, delay=1)


def _inside(at: dt.datetime, chosen: argparse.Namespace) -> bool:
    return (chosen.since is None or at >= chosen.since) and (chosen.until is None or at <= chosen.until)


def _line(decision: decisions.Decision, name: str, *, as_json: bool) -> str:
    if as_json:
        body: dict[str, Any] = dataclasses.asdict(decision) | {"run_id": None, "policy": name}
        return json.dumps(body, default=times.rfc3339)
    breached = ", ".join(f"{r.signal} {r.value:.4g} (limit {r.limit:.4g}, n {r.n})" for r in decision.reasons if r.breached and r.value is not None)
    return f"{times.rfc3339(decision.at)}  {name}  {decision.model}  {decision.decision} {decision.hold_reason or decision.cause or ''}  {breached}".rstrip()
