"""`python -m services.labels import | next | export | status | corpus`: what people say messages
mean.
"""

import argparse
import datetime as dt
import gzip
import json
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from retrain.decide.history import store as history
from retrain.decide.missing import needs
from retrain.decide.missing import store as missing
from schemas import events, policy, settings, times
from services.labels import accept, ask, guideline, ingest, status, store
from streams import database
from streams import store as streams_store


def _read(path: Path) -> bytes:
    """The bytes of a file, unpacked; exit 2 if it cannot be read."""
    try:
        raw = path.read_bytes()
        if path.suffix == ".gz":
            raw = gzip.decompress(raw)
        return raw
    except (OSError, EOFError, zlib.error) as error:
        cause = getattr(error, "strerror", None) or error
        settings.refuse(f"cannot read {path}: {cause}", 2)


def import_labels(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """Commit the good lines, report the others; exit 5 if there are any."""
    path = chosen.file
    is_csv = path.suffix == ".csv"
    body = _read(path)
    lines = list(ingest.lines(body, is_csv=is_csv))
    with engine.begin() as connection:
        report = accept.labels(connection, lines)

    if chosen.json:
        print(json.dumps(report))
    else:
        print(_readable(report))
    return settings.EXIT_INTEGRITY if report["rejected"] else 0


def _readable(report: dict[str, Any]) -> str:
    """The counts in one line, then a line for each that was rejected."""
    counts = []
    for name, value in report.items():
        if name != "rejected":
            counts.append(f"{name} {value}")

    lines = [", ".join(counts)]
    for rejected in report["rejected"]:
        line = rejected["line"]
        reason = rejected["reason"]
        lines.append(f"line {line} rejected: {reason}")
    return "\n".join(lines)


def import_corpus(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """Load labelled messages for training; exit 5 if a line was rejected, the others committed."""
    rows = []
    rejected = []
    body = _read(chosen.file)
    for number, raw in enumerate(body.splitlines(), start=1):
        if not raw.strip():
            continue
        row = ingest.corpus_row(raw)
        if isinstance(row, str):
            rejected.append({"line": number, "reason": row})
        else:
            rows.append(row)

    with engine.begin() as connection:
        added = store.add_corpus(connection, rows)
    read = len(rows) + len(rejected)
    report = {
        "read": read,
        "added": added,
        "rejected": rejected[:100],
    }
    print(json.dumps(report))
    return settings.EXIT_INTEGRITY if rejected else 0


def following(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """Without an annotator the next messages as JSON; with one, label them here. Both show the
    guideline's rule for the two likeliest intents, and which labels are missing.
    """
    rules = _policy()
    with engine.connect() as connection:
        lacking = missing.missing(connection, rules.signals)
    wanted = needs.wanted(lacking)
    if chosen.annotator is not None:
        # What is typed may be no UTF-8.
        sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]
        # Beside a message it would tell what was predicted.
        sys.stderr.write(needs.table(lacking))
        answered = ask.session(
            engine,
            chosen.annotator,
            rules.labels.twice_share,
            chosen.limit,
            wanted=wanted,
        )
        print(json.dumps({"answered": answered}))
        return 0

    with engine.connect() as connection:
        waiting = store.queue(connection, chosen.limit, wanted)
    for row in waiting:
        line = json.dumps(
            _asked(row, lacking),
            default=times.rfc3339,
            ensure_ascii=False,
        )
        print(line)
    return 0


def _asked(row: Any, lacking: Sequence[needs.Need]) -> dict[str, Any]:
    """A message of the queue with what the guideline says of it, and why it is asked about."""
    likely = guideline.likely(row["intent"], row["second_intent"])
    return {
        "req_id": row["req_id"],
        "ts": row["ts"],
        "queue": row["queue"],
        "why": needs.why(row["queue"], likely, lacking),
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
    rules = _policy()
    most = rules.labels.per_annotator_per_day
    with engine.connect() as connection:
        counts = store.status(connection)
        held = store.standing(connection)
        waits = store.waits(connection)
        # Before the stream has a clock the newest sampled message stands in for it.
        newest = max((ts for ts, _ in waits), default=None)
        clock = streams_store.clock(connection) or newest
        aside = history.aside(connection, clock, rules.labels) if clock else ()
        lacking = missing.missing(connection, rules.signals)

    judged = status.figures(
        held,
        waits,
        clock,
        most,
        aside,
        lacking,
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


def _policy() -> policy.Policy:
    """The policy that is in force."""
    loaded = settings.load()
    return settings.rules(loaded)


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.labels", description=__doc__)
    commands = parser.add_subparsers(required=True)

    for name, do, text in (
        ("import", import_labels, "read a JSON Lines or CSV file of labels"),
        ("corpus", import_corpus, "read labelled messages to train on"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("file", type=Path)
        command.add_argument("--json", action="store_true")
        command.set_defaults(do=do)

    queue = commands.add_parser("next", help="messages to label, the measure queue first")
    queue.add_argument("--limit", type=_amount, default=10)
    queue.add_argument(
        "--annotator",
        type=_name,
        help="label here, under this name; without it the messages are printed as JSON",
    )
    queue.set_defaults(do=following)

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
        settings.refuse(
            f"Postgres has not done it ({cause}); what was committed stays, run it again",
            settings.EXIT_DEPENDENCY,
        )
    except KeyboardInterrupt:
        raise SystemExit(settings.EXIT_INTERRUPTED) from None


if __name__ == "__main__":
    main()
