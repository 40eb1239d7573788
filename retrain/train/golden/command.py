"""`python retrain/run.py golden add | retire | review | list`: the golden set by hand."""

import argparse
import datetime as dt
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from retrain.intake import read, unpack
from retrain.train.golden import rows
from retrain.train.golden import store as kept
from schemas import escaping, events, settings
from streams import database


@dataclass(slots=True)
class Report:
    """What became of a file: how many lines were read, added, there already; which were not taken
    and why.
    """

    read: int = 0
    added: int = 0
    already: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, line: int, reason: str) -> None:
        """One line that is not taken."""
        self.rejected.append({"line": line, "reason": reason})


def arguments(commands: Any) -> None:
    """The command's own parser, with its four parts."""
    of_all = commands.add_parser("golden", help="the sentences that judge every candidate")
    parts = of_all.add_subparsers(required=True)

    more = parts.add_parser("add", help="put sentences in force that a person has reviewed")
    more.add_argument("file", type=Path, help='JSON Lines {"text","intent","stratum"}')
    more.add_argument("--reviewer", required=True, metavar="NAME")
    more.set_defaults(do=add)

    out = parts.add_parser("retire", help="take a sentence out")
    out.add_argument("id")
    out.add_argument("--by", required=True, metavar="NAME")
    out.set_defaults(do=retire)

    seen = parts.add_parser("review", help="say that you have looked at sentences again")
    seen.add_argument("ids", nargs="+", metavar="ID")
    seen.add_argument("--by", required=True, metavar="NAME")
    seen.set_defaults(do=review)

    every = parts.add_parser("list", help="all sentences, with who reviewed them when")
    every.add_argument("--json", action="store_true")
    every.set_defaults(do=listed)


def add(chosen: argparse.Namespace) -> int:
    """Add a file; exit 5 if a line was rejected, the others committed."""
    report = Report()
    with _engine().begin() as connection:
        before = {each.id: each for each in kept.in_force(connection)}
        new = _new(chosen.file, before, report)
        kept.add(connection, list(new.values()), _name(chosen.reviewer), dt.datetime.now(dt.UTC))
        lacking = rows.missing(kept.in_force(connection))
    told = {
        "read": report.read,
        "added": report.added,
        "already": report.already,
        "rejected": report.rejected[:100],
        "missing": lacking,
    }
    sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    return settings.EXIT_INTEGRITY if report.rejected else 0


def _new(
    file: Path,
    before: Mapping[str, rows.Sentence],
    report: Report,
) -> dict[str, rows.Sentence]:
    """The sentences of a file that are not in force, by id; what is wrong with the other lines goes
    into the report.
    """
    new: dict[str, rows.Sentence] = {}
    try:
        with read.opened(file) as opened:
            _sort(opened.rows, before, new, report)
    except unpack.WrongFile as error:
        report.refuse(1, str(error))
    except unpack.Unreadable as error:
        settings.refuse(str(error), 2)
    report.added = len(new)
    return new


def _sort(
    lines: Iterable[read.Row],
    before: Mapping[str, rows.Sentence],
    new: dict[str, rows.Sentence],
    report: Report,
) -> None:
    """Each line into `new`, or into the report."""
    for number, raw in lines:
        report.read += 1
        parsed = raw.detail if isinstance(raw, events.Malformed) else rows.sentence(raw)
        if isinstance(parsed, str):
            report.refuse(number, parsed)
            continue
        other = before.get(parsed.id) or new.get(parsed.id)
        if other is None:
            new[parsed.id] = parsed
        elif (other.intent, other.stratum) == (parsed.intent, parsed.stratum):
            report.already += 1
        else:
            said = f"{other.intent}, {other.stratum}"
            report.refuse(number, f"{other.id} says {said}: retire it first")


def retire(chosen: argparse.Namespace) -> int:
    """Take one out; exit 2 if there is none of that id in force."""
    with _engine().begin() as connection:
        done = kept.retire(connection, chosen.id, _name(chosen.by), dt.datetime.now(dt.UTC))
    if not done:
        settings.refuse(f"no golden sentence {chosen.id} is in force; see `golden list`", 2)
    sys.stdout.write(json.dumps({"retired": chosen.id}) + "\n")
    return 0


def review(chosen: argparse.Namespace) -> int:
    """Record a second look, at all of these or at none; exit 2 if one of them is not in force."""
    wanted = sorted(set(chosen.ids))
    with _engine().begin() as connection:
        known = {each.id for each in kept.in_force(connection)}
        for identity in wanted:
            if identity not in known:
                settings.refuse(f"no golden sentence {identity} is in force; see `golden list`", 2)
        n = kept.reviewed(connection, wanted, _name(chosen.by), dt.datetime.now(dt.UTC))
    sys.stdout.write(json.dumps({"reviewed": n}) + "\n")
    return 0


def listed(chosen: argparse.Namespace) -> int:
    """Every sentence that ever was."""
    with _engine().connect() as connection:
        every = kept.listed(connection)
    if chosen.json:
        sys.stdout.write(json.dumps(every, default=str, ensure_ascii=False) + "\n")
        return 0
    for row in every:
        out = f"retired by {row['retired_by']}" if row["retired_at"] else "in force"
        by = f"{row['reviewer']} {row['reviewed_at']:%Y-%m-%d}"
        words = (row["id"], row["stratum"], row["intent"], by, out, escaping.printable(row["text"]))
        sys.stdout.write("  ".join(words) + "\n")
    return 0


def _engine() -> sa.Engine:
    return database.opened(settings.load("database_url").database_url)


def _name(of: str) -> str:
    """A person's name, as it was typed. Refuses an empty one."""
    name = of.strip()
    if not name:
        settings.refuse("whose name? it is empty", 2)
    return name
