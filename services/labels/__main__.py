"""`python -m services.labels import | next | export | status | corpus`: what people say messages mean."""

import argparse
import gzip
import json
import sys
import zlib
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from schemas import settings, times
from services.labels import accept, guideline, ingest, store
from streams import database


def _read(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        settings.refuse(f"cannot read {path}: {getattr(error, 'strerror', None) or error}", 2)


def import_labels(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """Commit the good lines, report the others; exit 5 if there are any."""
    lines = list(ingest.lines(_read(chosen.file), is_csv=chosen.file.suffix == ".csv"))
    with engine.begin() as connection:
        report = accept.labels(connection, lines)
    print(json.dumps(report) if chosen.json else _readable(report))
    return settings.EXIT_INTEGRITY if report["rejected"] else 0


def _readable(report: dict[str, Any]) -> str:
    counts = ", ".join(f"{name} {value}" for name, value in report.items() if name != "rejected")
    return "\n".join([counts, *(f"line {bad['line']} rejected: {bad['reason']}" for bad in report["rejected"])])


def import_corpus(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """Load labelled messages for training; exit 5 if a line was rejected, the others committed."""
    rows, rejected = [], []
    for number, raw in enumerate(_read(chosen.file).splitlines(), start=1):
        found = ingest.corpus_row(raw) if raw.strip() else None
        if isinstance(found, str):
            rejected.append({"line": number, "reason": found})
        elif found:
            rows.append(found)
    with engine.begin() as connection:
        added = store.add_corpus(connection, rows)
    print(json.dumps({"read": len(rows) + len(rejected), "added": added, "rejected": rejected[:100]}))
    return settings.EXIT_INTEGRITY if rejected else 0


def following(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """The next messages to label, with the guideline's rule for the two likeliest intents."""
    with engine.connect() as connection:
        waiting = store.queue(connection, chosen.limit)
    for row in waiting:
        likely = [intent for intent in (row["intent"], row["second_intent"]) if intent]
        item = {"req_id": row["req_id"], "ts": row["ts"], "queue": row["queue"], "text": row["text"], "likely": likely, "rules": guideline.rules(likely)}
        print(json.dumps(item, default=times.rfc3339, ensure_ascii=False))
    return 0


def export(engine: sa.Engine, _chosen: argparse.Namespace) -> int:
    """The label that holds for each sampled request, one object a line."""
    with engine.connect() as connection:
        for row in store.current(connection):
            print(json.dumps(dict(row), default=times.rfc3339))
    return 0


def status(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """Counts of the queue."""
    with engine.connect() as connection:
        found = store.status(connection)
    print(json.dumps(found, default=times.rfc3339) if chosen.json else "\n".join(f"{name:20} {value}" for name, value in found.items()))
    return 0


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
    queue.add_argument("--limit", type=int, default=10)
    queue.set_defaults(do=following)
    commands.add_parser("export", help="current labels").set_defaults(do=export)
    counts = commands.add_parser("status", help="counts")
    counts.add_argument("--json", action="store_true")
    counts.set_defaults(do=status)
    return parser


def main() -> None:
    """Parse, connect, do."""
    chosen = _parser().parse_args()
    sys.exit(chosen.do(database.opened(settings.load("database_url").database_url), chosen))


if __name__ == "__main__":
    main()
