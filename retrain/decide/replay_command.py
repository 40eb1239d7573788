"""`retrain/run.py replay`: history from Postgres, a topic or files, walked under each policy;
prints what would have been decided, changes nothing.
"""

import argparse
import dataclasses
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
from retrain.decide.view import EARLIER, REMEMBERED
from retrain.intake import unpack
from retrain.pages import write
from schemas import decisions, events, policy, settings, times, why, windows
from streams import brokers, database

EXIT_FIRES = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """Where the scenes of a stretch of history come from, oldest first, and how many hours it has
    at most. `left_out`: of files, how many lines are none, and labels of a wrong clock.
    """

    hours: int
    scenes: Callable[[policy.Policy], Iterator[replay.Scene]]
    left_out: dict[str, int] | None = None


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
        "--incidents",
        type=Path,
        metavar="F",
        help="score the decisions against these",
    )
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="write a page with timelines and scores",
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


def run(options: argparse.Namespace) -> int:
    """Replay; exit 10 if any decision is retrain."""
    # Said before an hour of reading, not after it.
    _refuse_contradictions(options)
    try:
        policies = _policies(options)
        incidents = files.incidents(options.incidents) if options.incidents else []
        source = _source(options)
    except policy.PolicyError as error:
        settings.refuse(str(error))
    except files.BadHistory as error:
        settings.refuse(str(error), 2)

    played = [
        _played(
            name,
            rules,
            source,
            incidents,
            options,
        )
        for name, rules in policies
    ]
    first = played[0]
    if not first.taken:
        print(
            "intentwatch: there is no hour with a champion's traffic in this stretch of history: "
            "nothing was decided",
            file=sys.stderr,
        )

    baseline_scores: Sequence[replay.Score] = ()
    if options.incidents:
        baseline_scores = baselines.scores(first.taken, incidents, first.rules)
        # The policies last: whoever replays one finds its score in the last line.
        _print_scores([*baseline_scores, *(one.score for one in played)])
    if options.html:
        write.page(options.html, page.render(played, incidents, baseline_scores))
    return EXIT_FIRES if any(map(_fires, played)) else 0


def _refuse_contradictions(options: argparse.Namespace) -> None:
    """End with exit 2 where options do not go together."""
    page_file = options.html
    if page_file and not page_file.parent.is_dir():
        settings.refuse(
            f"cannot write {page_file}: there is no folder {page_file.parent}; "
            "make it or name another",
            2,
        )
    if options.since and options.until and options.since > options.until:
        settings.refuse("--from lies after --to; give the earlier time as --from", 2)

    from_database = not (options.logs or options.topic)
    if from_database and (options.labels or options.reference or options.reference_until):
        settings.refuse(
            "--labels and --reference go with --logs or --topic; "
            "without these the database is replayed, which has its own",
            2,
        )


def _policies(options: argparse.Namespace) -> list[tuple[str, policy.Policy]]:
    """The policies to replay by name; without any the one in force."""
    if options.policy:
        return [(str(path), policy.load(path)) for path in options.policy]
    loaded = settings.load()
    name = str(loaded.policy or "default")
    return [(name, settings.rules(loaded))]


def _source(options: argparse.Namespace) -> Source:
    if options.logs or options.topic:
        return _from_files(options)
    url = settings.load("database_url").database_url
    return _from_postgres(options, database.opened(url))


def _played(
    name: str,
    rules: policy.Policy,
    source: Source,
    incidents: Sequence[events.Incident],
    options: argparse.Namespace,
) -> replay.Played:
    def is_wanted(scene: replay.Scene) -> bool:
        return options.until is None or scene.view.at <= options.until

    taken = []
    in_time = takewhile(is_wanted, source.scenes(rules))
    shown = progress.bar(
        f"replay {name}",
        source.hours,
        "h",
        iterable=in_time,
        delay=unpack.QUIET_S,
    )
    for scene, decision in replay.walk(shown, rules):
        # Earlier hours are walked as well: decisions look back.
        if options.since is None or decision.at >= options.since:
            print(_line(decision, name, source.left_out, as_json=options.json))
            taken.append((replay.bare(scene), decision))
    score = replay.score(name, taken, incidents, rules)
    return replay.Played(name, rules, taken, score)


def _fires(played: replay.Played) -> bool:
    return any(decision.decision is decisions.Kind.RETRAIN for _, decision in played.taken)


def _print_scores(scores: Sequence[replay.Score]) -> None:
    for score in scores:
        print(json.dumps(dataclasses.asdict(score)))


def _from_files(options: argparse.Namespace) -> Source:
    """Logs of a file or a topic, labels and reference of files. Raises files.BadHistory."""
    given = "--logs" if options.logs else "--topic"
    if options.logs and options.topic:
        raise files.BadHistory("--logs and --topic are two histories; give one of them")
    if not options.labels or not (options.reference or options.reference_until):
        raise files.BadHistory(
            f"{given} needs --labels and one of --reference and --reference-until"
        )
    if options.reference and options.reference_until:
        raise files.BadHistory(
            "--reference and --reference-until are two references; give one of them"
        )

    reference = options.reference_until
    if options.reference:
        reference = files.reference(options.reference)
    told = files.labels(options.labels)
    taken = files.serving_logs(options.logs) if options.logs else _from_topic(options)
    logs = taken.held
    labels = files.timely(told.held, logs.newest)
    left_out = {
        "logs": taken.malformed,
        "labels": told.malformed,
        "future_labels": len(told.held) - len(labels),
    }
    past = scenes.history(logs, labels, reference)
    strangers = past.strangers(labels)
    of_logs = str(options.logs or options.topic)
    for sentence in (
        _malformed(of_logs, taken),
        _malformed(str(options.labels), told),
        _counted(
            left_out["future_labels"],
            len(told.held),
            f"labels are dated more than {files.LABELS_AFTER.days} days after the newest log,"
            " a wrong clock; they are left out",
        ),
        _counted(
            strangers,
            len(labels),
            "labels are of messages that no log gives as sampled; they measure nothing",
        ),
    ):
        if sentence:
            print(f"intentwatch: {sentence}", file=sys.stderr)
    return Source(past.hours, lambda rules: scenes.scenes(past, rules.labels), left_out)


def _malformed(name: str, taken: files.Taken[Any]) -> str:
    """What of a file or a topic was no line of it."""
    if not taken.malformed:
        return ""
    first = f"; the first: {taken.first}" if taken.first else ""
    return f"{taken.malformed} malformed lines of {name} are left out{first}"


def _counted(n: int, total: int, what: str) -> str:
    """How many of so many; nothing where there are none."""
    return f"{n} of {total} {what}" if n else ""


def _from_topic(options: argparse.Namespace) -> files.Taken[archive.Block]:
    """Logs appended from a week and more before --from, as decisions look back, until they could no
    longer come: the contract's two time limits.
    """
    loaded = settings.load("kafka")
    since = until = None
    # Simulated time: when a log was appended says nothing of when it happened.
    if not loaded.test_clock:
        if options.since:
            # Its first verdicts compare a day with that of weeks before.
            since = options.since - REMEMBERED - EARLIER[-1] - windows.HORIZONS["1d"]
            since -= events.FUTURE_LIMIT
        if options.until:
            until = options.until + events.PAST_LIMIT
    return topic.serving_logs(brokers.of(loaded), options.topic, since, until)


def _from_postgres(options: argparse.Namespace, engine: sa.Engine) -> Source:
    since = options.since - REMEMBERED if options.since else None
    with engine.connect() as connection:
        ends = history.hour_ends(connection, since, options.until)
        counted_ends, logs_by_end, labelled_at = history.counted(connection)

    def stored_scenes(rules: policy.Policy) -> Iterator[replay.Scene]:
        with engine.connect().execution_options(postgresql_readonly=True) as connection:
            for at in ends:
                promotion = store.champion(connection, at)
                if promotion is None:
                    continue
                yield replay.Scene(
                    history.view_at(connection, promotion["model"], at, rules),
                    history.past(connection, promotion, at),
                    messages=logs_by_end[bisect_right(counted_ends, at) - 1],
                    labels=bisect_right(labelled_at, at),
                )

    return Source(len(ends), stored_scenes)


def _line(
    decision: decisions.Decision,
    name: str,
    left_out: dict[str, int] | None,
    *,
    as_json: bool,
) -> str:
    if as_json:
        body: dict[str, Any] = dataclasses.asdict(decision) | {"run_id": None, "policy": name}
        if left_out is not None:
            body["left_out"] = left_out
        return json.dumps(body, default=times.rfc3339)
    at = times.rfc3339(decision.at)
    called = decision.hold_reason or decision.cause or ""
    line = f"{at}  {name}  {decision.model}  {decision.decision} {called}"
    # Hours in which nothing is in breach are most of a history, and need no words.
    if not any(reason.breached for reason in decision.reasons):
        return line
    return "  ".join((line, *why.lines(decision)))
