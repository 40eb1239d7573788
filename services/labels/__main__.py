"""`python -m services.labels import | next | tasks | export | status | corpus`: what people say
messages mean.
"""

import argparse
import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from retrain.decide.history import store as history
from retrain.intake import labels as files
from retrain.intake import mapping, read, tools, unpack
from schemas import events, policy, settings, times
from services import escaping
from services.labels import accept, ask, guideline, ingest, status, store, tasks
from streams import database
from streams import store as streams_store


def import_labels(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """Commit the good lines, report the others; exit 5 if there are any."""
    loaded = settings.load()
    # Simulated time is not the time of arrival.
    received = None if loaded.test_clock else dt.datetime.now(dt.UTC)
    source = _source(chosen)
    try:
        with files.opened(chosen.file, source) as file:
            with engine.begin() as connection:
                report = accept.labels(
                    connection,
                    file.lines,
                    received,
                    write=not chosen.dry_run,
                )
            report |= {"encoding": file.encoding, "format": file.format}
    except unpack.WrongFile as error:
        report = accept.refused(str(error))
    except unpack.Unreadable as error:
        settings.refuse(str(error), 2)

    print(json.dumps(report) if chosen.json else _readable(report))
    if chosen.dry_run:
        print("intentwatch: a dry run: nothing was stored", file=sys.stderr)
    return settings.EXIT_INTEGRITY if report["rejected"] else 0


def _source(chosen: argparse.Namespace) -> files.Source:
    """Which tool the file is from and what is told of it; exit 3 for a mapping that is none."""
    told = mapping.Mapping()
    tool = chosen.source
    try:
        if tool is not None and tool not in tools.TOOLS:
            told = mapping.parse(Path(tool).read_text(encoding="utf-8"))
            tool = None
        return files.Source(tool, _told(told, chosen))
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or error
        names = ", ".join(tools.TOOLS)
        settings.refuse(f"cannot read {tool}: {cause}; --from is one of {names} or a file", 2)
    except mapping.MappingError as error:
        settings.refuse(f"mapping {chosen.source}: {error}")


def _told(told: mapping.Mapping, chosen: argparse.Namespace) -> mapping.Mapping:
    """A mapping with what the command says beside it. Raises mapping.MappingError."""
    always = dict(told.always)
    if chosen.annotator:
        always["annotator"] = chosen.annotator
    if chosen.at:
        always["labelled_at"] = times.rfc3339(chosen.at)
    if chosen.zone:
        mapping.zone(chosen.zone)
    return mapping.with_told(told, always, chosen.zone or told.zone)


def _readable(report: dict[str, Any]) -> str:
    """The counts in one line, then a line for each that was rejected."""
    counts = []
    for name, value in report.items():
        if name != "rejected" and value is not None:
            counts.append(f"{name} {value}")

    lines = [", ".join(counts)]
    for rejected in report["rejected"]:
        line = rejected["line"]
        reason = escaping.printable(rejected["reason"])
        lines.append(f"line {line} rejected: {reason}")
    return "\n".join(lines)


def import_corpus(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """Load labelled messages for training; exit 5 if a line was rejected, the others committed."""
    rows = []
    rejected = accept.Rejected()
    try:
        with read.opened(chosen.file) as file:
            for number, raw in file.rows:
                row = raw.detail if isinstance(raw, events.Malformed) else ingest.corpus_row(raw)
                if isinstance(row, str):
                    rejected.add(number, row)
                else:
                    rows.append(row)
    except unpack.WrongFile as error:
        rejected.add(1, str(error))
    except unpack.Unreadable as error:
        settings.refuse(str(error), 2)

    with engine.begin() as connection:
        added = store.add_corpus(connection, rows)
    total = len(rows) + rejected.n
    report = {
        "read": total,
        "added": added,
        "rejected": rejected.told(total)[:100],
    }
    print(json.dumps(report))
    return settings.EXIT_INTEGRITY if rejected.n else 0


def show_tasks(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """The next messages as tasks of a labelling tool."""
    with engine.connect() as connection:
        waiting = store.queue(connection, chosen.limit)
    sys.stdout.write(tasks.written(waiting, chosen.to))
    return 0


def following(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """Without an annotator the next messages as JSON; with one, label them here. Both show the
    guideline's rule for the two likeliest intents.
    """
    if chosen.annotator is not None:
        # What is typed may be no UTF-8.
        sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]
        rules = _rules()
        answered = ask.session(
            engine,
            chosen.annotator,
            rules.twice_share,
            chosen.limit,
        )
        print(json.dumps({"answered": answered}))
        return 0

    with engine.connect() as connection:
        waiting = store.queue(connection, chosen.limit)
    for row in waiting:
        line = json.dumps(
            _asked(row),
            default=times.rfc3339,
            ensure_ascii=False,
        )
        print(line)
    return 0


def _asked(row: Any) -> dict[str, Any]:
    """A message of the queue with what the guideline says of it."""
    likely = guideline.likely(row["intent"], row["second_intent"])
    return {
        "req_id": row["req_id"],
        "ts": row["ts"],
        "queue": row["queue"],
        "text": row["text"],
        "likely": likely,
        "rules": guideline.rules(likely),
        "between": guideline.between(likely),
        "two_wishes": guideline.TWO_WISHES,
    }


def export(engine: sa.Engine, _chosen: argparse.Namespace) -> int:
    """The label that holds for each sampled request, one object a line."""
    with engine.connect() as connection:
        for row in store.current(connection):
            print(json.dumps(row, default=times.rfc3339))
    return 0


def show_status(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """Counts of the queue, how long labels take, how far annotators agree, and whose labels are too
    many or too odd to count.
    """
    rules = _rules()
    most = rules.per_annotator_per_day
    with engine.connect() as connection:
        counts = store.status(connection)
        held = store.standing(connection)
        waits = store.waits(connection)
        # Before the stream has a clock the newest sampled message stands in for it.
        newest = max((ts for ts, _ in waits), default=None)
        clock = streams_store.clock(connection) or newest
        aside = history.aside(connection, clock, rules) if clock else ()

    judged = status.figures(
        held,
        waits,
        clock,
        most,
        aside,
    )
    figures = counts | judged
    if chosen.json:
        print(json.dumps(figures, default=_json))
    else:
        print(status.table(figures))
    return 0


def _json(value: dt.date) -> str:
    """An instant or a day as JSON has it."""
    if isinstance(value, dt.datetime):
        return times.rfc3339(value)
    return value.isoformat()


def _rules() -> policy.Labels:
    """What the policy says of labels."""
    loaded = settings.load()
    return settings.rules(loaded).labels


def _name(text: str) -> str:
    """A name that a label can carry: asked of the decoder itself, which knows the rule."""
    fields = {
        "req_id": "r",
        "annotator": text,
        "labelled_at": "2026-01-01T00:00:00Z",
        "action": "retract",
    }
    line = json.dumps(fields)
    label = events.human_label(line.encode())
    if isinstance(label, events.Malformed):
        raise argparse.ArgumentTypeError("an annotator's name has 1 to 200 letters")
    return text


def _amount(text: str) -> int:
    # isdigit alone takes the digits of any script.
    is_number = text.isascii() and text.isdigit()
    if not is_number or int(text) >= 2**31:
        raise argparse.ArgumentTypeError("a limit is a whole number")
    return int(text)


def _import_options(command: argparse.ArgumentParser) -> None:
    """What `import` takes."""
    command.add_argument("file", type=Path)
    command.add_argument(
        "--from",
        dest="source",
        metavar="TOOL|MAPPING.toml",
        help=f"{', '.join(tools.TOOLS)}, or a file that says which column is what;"
        " without it the file is read as what it looks like",
    )
    command.add_argument("--zone", help="of times that have none: Asia/Tokyo, +09:00")
    command.add_argument(
        "--annotator", type=_name, help="whose labels these are, if it is not told"
    )
    command.add_argument(
        "--at",
        type=times.instant,
        metavar="T",
        help="when these were labelled, if it is not told",
    )
    command.add_argument("--dry-run", action="store_true", help="report, and store nothing")
    command.add_argument("--json", action="store_true")
    command.set_defaults(do=import_labels)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.labels", description=__doc__)
    commands = parser.add_subparsers(required=True)

    _import_options(commands.add_parser("import", help="read a file of labels"))

    corpus = commands.add_parser("corpus", help="read labelled messages to train on")
    corpus.add_argument("file", type=Path)
    corpus.add_argument("--json", action="store_true")
    corpus.set_defaults(do=import_corpus)

    queue = commands.add_parser("next", help="messages to label, the measure queue first")
    queue.add_argument("--limit", type=_amount, default=10)
    queue.add_argument(
        "--annotator",
        type=_name,
        help="label here, under this name; without it the messages are printed as JSON",
    )
    queue.set_defaults(do=following)

    out = commands.add_parser("tasks", help="messages to label, for a labelling tool to import")
    out.add_argument("--to", choices=tasks.TOOLS, default=tasks.TOOLS[0])
    out.add_argument("--limit", type=_amount, default=100)
    out.set_defaults(do=show_tasks)

    commands.add_parser("export", help="current labels").set_defaults(do=export)

    counts = commands.add_parser("status", help="counts")
    counts.add_argument("--json", action="store_true")
    counts.set_defaults(do=show_status)
    return parser


def main() -> None:
    """Parse, connect, do."""
    chosen = _parser().parse_args()
    try:
        with settings.readable_in_part():
            loaded = settings.load("database_url")
            engine = database.opened(loaded.database_url)
            code = chosen.do(engine, chosen)
        sys.exit(code)
    except sa.exc.SQLAlchemyError as error:
        text = str(getattr(error, "orig", None) or error)
        cause = text.splitlines()[0]
        if isinstance(error, sa.exc.DataError):
            settings.refuse(
                f"Postgres cannot keep a value of the file ({cause}): nothing was stored",
                settings.EXIT_INTEGRITY,
            )
        settings.refuse(
            f"Postgres has not done it ({cause}); what was committed stays, run it again",
            settings.EXIT_DEPENDENCY,
        )
    except KeyboardInterrupt:
        raise SystemExit(settings.EXIT_INTERRUPTED) from None


if __name__ == "__main__":
    main()
