"""`labels import` and `labels corpus`: files that people hand in."""

import argparse
import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from retrain.intake import labels as files
from retrain.intake import mapping, read, tools, unpack
from schemas import escaping, events, settings, times
from services.labels import accept, annotators, ingest, store


def options(command: argparse.ArgumentParser) -> None:
    """What `import` takes."""
    command.add_argument("file", type=Path)
    command.add_argument(
        "--from",
        dest="source",
        metavar="TOOL|MAPPING.toml",
        help=f"{', '.join(tools.TOOLS)}, or a file that says which column is what;"
        " without it the file is read as what it looks like",
    )
    command.add_argument(
        "--zone",
        type=zone,
        help="of times that have none: Asia/Tokyo, +09:00",
    )
    command.add_argument("--annotator", type=name, help="whose labels these are, if it is not told")
    command.add_argument(
        "--at",
        type=times.instant,
        metavar="T",
        help="when these were labelled, if it is not told",
    )
    command.add_argument("--dry-run", action="store_true", help="report, and store nothing")
    command.add_argument("--json", action="store_true")
    command.set_defaults(do=labels)


def name(text: str) -> str:
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


def zone(text: str) -> str:
    """A zone that this machine knows, as it was written."""
    try:
        mapping.zone(text)
    except mapping.MappingError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def labels(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """Commit the good lines, report the others; exit 5 if there are any."""
    loaded = settings.load()
    # Simulated time is not the time of arrival.
    received = None if loaded.test_clock else dt.datetime.now(dt.UTC)
    of = source(chosen)
    try:
        with files.opened(chosen.file, of) as file:
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

    text = json.dumps(report) if chosen.json else readable(report)
    sys.stdout.write(text + "\n")
    if any(each["reason"].startswith(events.Reason.UNREGISTERED) for each in report["rejected"]):
        sys.stderr.write(f"labels of names that are not registered; {annotators.REMEDY}\n")
    if chosen.dry_run:
        sys.stderr.write("intentwatch: a dry run: nothing was stored\n")
    return settings.EXIT_INTEGRITY if report["rejected"] else 0


def source(chosen: argparse.Namespace) -> files.Source:
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
    """A mapping with what the command says beside it."""
    always = dict(told.always)
    if chosen.annotator:
        always["annotator"] = chosen.annotator
    if chosen.at:
        always["labelled_at"] = times.rfc3339(chosen.at)
    return mapping.with_told(told, always, chosen.zone or told.zone)


def readable(report: dict[str, Any]) -> str:
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


def corpus(engine: sa.Engine, chosen: argparse.Namespace) -> int:
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
    sys.stdout.write(json.dumps(report) + "\n")
    return settings.EXIT_INTEGRITY if rejected.n else 0
