"""`retrain/run.py replay`: history from Postgres, a topic or files, walked under each policy;
prints what would have been decided, changes nothing.
"""

import argparse
import dataclasses
import datetime as dt
import json
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from retrain import progress, store
from retrain.decide import baselines, replay
from retrain.decide.history import archive, files, scenes, topic
from retrain.decide.history import store as history
from retrain.decide.report import page
from retrain.decide.view import REMEMBERED
from schemas import decisions, events, policy, settings, times
from streams import database

EXIT_FIRES = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """Where the scenes of a stretch of history come from, oldest first, and how many hours it has
    at most.
    """

    hours: int
    scenes: Callable[[policy.Policy], Iterator[replay.Scene]]


def arguments(parser: argparse.ArgumentParser) -> None:
    """The contract's options."""
    parser.add_argument("--from", dest="since", type=times.instant, metavar="T")
    parser.add_argument("--to", dest="until", type=times.instant, metavar="T")
    parser.add_argument(
        "--policy",
        type=Path,
        action="append",
        default=[],
        metavar="F",
        help="may be given several times",
    )
    parser.add_argument(
        "--incidents", type=Path, metavar="F", help="score the decisions against these"
    )
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page with timelines and scores"
    )
    parser.add_argument("--logs", type=Path, metavar="F")
    parser.add_argument(
        "--topic",
        metavar="NAME",
        help="logs from a topic of INTENTWATCH_KAFKA, --from and --to by append time",
    )
    parser.add_argument("--labels", type=Path, metavar="F")
    parser.add_argument("--reference", type=Path, metavar="F")
    parser.add_argument("--reference-until", type=times.instant, metavar="T")


def run(chosen: argparse.Namespace) -> int:
    """Replay; exit 10 if any decision is retrain."""
    # Said before an hour of reading, not after it.
    if chosen.html and not chosen.html.parent.is_dir():
        settings.refuse(
            f"cannot write {chosen.html}: there is no folder {chosen.html.parent}; make it or name another",
            2,
        )
    if chosen.since and chosen.until and chosen.since > chosen.until:
        settings.refuse("--from lies after --to; give the earlier time as --from", 2)
    if not (chosen.logs or chosen.topic) and (
        chosen.labels or chosen.reference or chosen.reference_until
    ):
        settings.refuse(
            "--labels and --reference go with --logs or --topic; without these the database is replayed, which has its own",
            2,
        )
    try:
        policies = [(str(path), policy.load(path)) for path in chosen.policy] or [
            _policy_in_force()
        ]
        known = files.incidents(chosen.incidents) if chosen.incidents else []
        source = (
            _from_files(chosen)
            if chosen.logs or chosen.topic
            else _from_postgres(chosen, database.opened(settings.load("database_url").database_url))
        )
    except policy.PolicyError as error:
        settings.refuse(str(error))
    except files.BadHistory as error:
        settings.refuse(str(error), 2)
    played = [_played(name, rules, source, known, chosen) for name, rules in policies]
    first = played[0]
    if not first.taken:
        print(
            "intentwatch: there is no hour with a champion's traffic in this stretch of history: nothing was decided",
            file=sys.stderr,
        )
    beside = baselines.scores(first.taken, known, first.rules) if chosen.incidents else ()
    if chosen.incidents:  # the policies last: whoever replays one finds its score in the last line
        found = [*beside, *(one.score for one in played)]
        sys.stdout.writelines(json.dumps(dataclasses.asdict(score)) + "\n" for score in found)
    if chosen.html:
        _write(chosen.html, page.render(played, known, beside))
    fired = any(
        decision.decision is decisions.Kind.RETRAIN for one in played for _, decision in one.taken
    )
    return EXIT_FIRES if fired else 0


def _policy_in_force() -> tuple[str, policy.Policy]:
    loaded = settings.load()
    return str(loaded.policy or "default"), settings.rules(loaded)


def _played(
    name: str,
    rules: policy.Policy,
    source: Source,
    known: Sequence[events.Incident],
    chosen: argparse.Namespace,
) -> replay.Played:
    taken = []
    wanted = takewhile(
        lambda scene: chosen.until is None or scene.view.at <= chosen.until, source.scenes(rules)
    )
    shown = progress.bar(f"replay {name}", source.hours, "h", iterable=wanted, delay=files.QUIET_S)
    for scene, decision in replay.walk(shown, rules):
        if _inside(decision.at, chosen):
            print(_line(decision, name, as_json=chosen.json))
            taken.append((replay.bare(scene), decision))
    return replay.Played(name, rules, taken, replay.score(name, taken, known, rules))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        settings.refuse(
            f"cannot write {path}: {error.strerror}; name a file in a folder that can be written", 2
        )


def _from_files(chosen: argparse.Namespace) -> Source:
    if chosen.logs and chosen.topic:
        raise files.BadHistory("--logs and --topic are two histories; give one of them")
    if not chosen.labels or not (chosen.reference or chosen.reference_until):
        raise files.BadHistory(
            f"{'--logs' if chosen.logs else '--topic'} needs --labels and one of --reference and --reference-until"
        )
    if chosen.reference and chosen.reference_until:
        raise files.BadHistory(
            "--reference and --reference-until are two references; give one of them"
        )
    known = files.reference(chosen.reference) if chosen.reference else chosen.reference_until
    labels = files.labels(chosen.labels)
    past = scenes.history(
        files.serving_logs(chosen.logs) if chosen.logs else _from_topic(chosen), labels, known
    )
    strange = past.strangers(labels)
    if strange:
        print(
            f"intentwatch: {strange} of {len(labels)} labels are of messages that no log gives as sampled; they measure nothing",
            file=sys.stderr,
        )
    return Source(past.hours, lambda rules: scenes.scenes(past, rules.labels))


def _from_topic(chosen: argparse.Namespace) -> archive.Block:
    """Logs appended from a week and more before --from, as decisions look back, until they could no
    longer come: the contract's two time limits.
    """
    loaded = settings.load("kafka")
    # Simulated time: when a log was appended says nothing of when it happened.
    if loaded.test_clock:
        return topic.serving_logs(str(loaded.kafka), chosen.topic, None, None)
    since = chosen.since - REMEMBERED - events.FUTURE_LIMIT if chosen.since else None
    return topic.serving_logs(
        str(loaded.kafka),
        chosen.topic,
        since,
        chosen.until + events.PAST_LIMIT if chosen.until else None,
    )


def _from_postgres(chosen: argparse.Namespace, engine: sa.Engine) -> Source:
    since = chosen.since - REMEMBERED if chosen.since else None
    with engine.connect() as connection:
        ends = history.hour_ends(connection, since, chosen.until)
        known, logs, given = history.counted(connection)

    def found(rules: policy.Policy) -> Iterator[replay.Scene]:
        with engine.connect().execution_options(postgresql_readonly=True) as connection:
            for at in ends:
                promotion = store.champion(connection, at)
                if promotion is not None:
                    here = history.view_at(connection, promotion["model"], at, rules)
                    messages = logs[bisect_right(known, at) - 1]
                    yield replay.Scene(
                        here,
                        history.past(connection, promotion, at),
                        messages,
                        bisect_right(given, at),
                    )

    return Source(len(ends), found)


def _inside(at: dt.datetime, chosen: argparse.Namespace) -> bool:
    return (chosen.since is None or at >= chosen.since) and (
        chosen.until is None or at <= chosen.until
    )


def _line(decision: decisions.Decision, name: str, *, as_json: bool) -> str:
    if as_json:
        body: dict[str, Any] = dataclasses.asdict(decision) | {"run_id": None, "policy": name}
        return json.dumps(body, default=times.rfc3339)
    breached = ", ".join(_reason(reason) for reason in decision.reasons if reason.breached)
    return f"{times.rfc3339(decision.at)}  {name}  {decision.model}  {decision.decision} {decision.hold_reason or decision.cause or ''}  {breached}".rstrip()


def _reason(reason: decisions.Reason) -> str:
    value = "no value" if reason.value is None else f"{reason.value:.4g}"
    interval = (
        ""
        if reason.low is None or reason.high is None
        else f" [{reason.low:.4g}, {reason.high:.4g}]"
    )
    return f"{reason.signal} {value}{interval} (limit {reason.limit:.4g}, n {reason.n})"
