"""`incident open|close|list`: what the business sees, and the pause that stops every action. The
words are a closed list: each of them acts.
"""

import argparse
import datetime as dt
import difflib
import hashlib
import json
import sys
from typing import Any

import sqlalchemy as sa

from schemas import decisions, present, settings, times
from services import show
from services.scheduler import store
from streams import database
from streams import store as streams_store

COLUMNS = ("id", "kind", "since", "intent", "count")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The contract's actions and options."""
    actions = parser.add_subparsers(required=True)
    for name, do, text in (
        ("open", begin, "from now on, or from T"),
        ("close", end, "until now, or until T"),
        ("list", list_open, "what is open"),
    ):
        action = actions.add_parser(name, help=text)
        action.set_defaults(do=do)
        if name == "list":
            action.add_argument("--json", action="store_true", help="one object a line")
            continue
        action.add_argument(
            "--kind",
            type=_kind,
            required=True,
            metavar="KIND",
            help=", ".join(decisions.Told),
        )
        action.add_argument("--intent", type=_intent, metavar="INTENT")
        action.add_argument("--at", type=times.instant, metavar="T")
        if name == "open":
            action.add_argument("--count", type=_count, metavar="N")


def begin(chosen: argparse.Namespace) -> None:
    """Open one; prints its id."""
    with _database().begin() as connection:
        at = _at(connection, chosen)
        # Of what it is about: the same command again names the same incident.
        content = f"{chosen.kind}|{chosen.intent}|{at.isoformat()}"
        row = {
            "id": hashlib.sha256(content.encode()).hexdigest()[:12],
            "kind": chosen.kind,
            "intent": chosen.intent,
            "count": chosen.count,
            "started": at,
        }
        store.open_incident(connection, row)
    print(row["id"])


def end(chosen: argparse.Namespace) -> None:
    """Close the open ones of a kind; prints how many. Exit 2 where there is none: whoever ends a
    pause must not believe in vain that it is over.
    """
    with _database().begin() as connection:
        at = _at(connection, chosen)
        closed = store.close_incidents(connection, chosen.kind, chosen.intent, at)
    if not closed:
        about = f" about {chosen.intent}" if chosen.intent else ""
        settings.refuse(
            f"nothing of kind {chosen.kind}{about} is open;"
            " `python -m services.scheduler incident list` says what is",
            2,
        )
    print(closed)


def list_open(chosen: argparse.Namespace) -> None:
    """List the open ones, the oldest first."""
    with _database().connect() as connection:
        rows = store.open_incidents(connection)
    unknown = sorted({row["kind"] for row in rows} - set(decisions.Told))
    with settings.readable_in_part():
        if chosen.json:
            for row in rows:
                sys.stdout.write(json.dumps(row, default=times.rfc3339) + "\n")
        else:
            print(show.table(rows, COLUMNS) if rows else "nothing is open")
    if unknown:
        kinds = ", ".join(map(repr, unknown))
        print(
            f"intentwatch: of kind {kinds}, from before kinds were a closed list:"
            " these count for nothing",
            file=sys.stderr,
        )


def _database() -> sa.Engine:
    return database.opened(settings.load("database_url").database_url)


def _at(connection: Any, chosen: argparse.Namespace) -> dt.datetime:
    return chosen.at or streams_store.clock(connection) or dt.datetime.now(dt.UTC)


def _intent(text: str) -> str:
    """One of the taxonomy's; an incident of before may be about one that was merged."""
    if text in present.INDEX:
        return text
    near = difflib.get_close_matches(text, present.INDEX, n=1, cutoff=0)[0]
    raise argparse.ArgumentTypeError(f"no intent is called {text!r}; the nearest is {near}")


def _count(text: str) -> int:
    # isdigit alone takes the digits of any script.
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError("a count is a whole number, below a thousand million")
    return int(text)


def _kind(text: str) -> decisions.Told:
    """One of the closed list.

    >>> _kind("paused")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    argparse.ArgumentTypeError: no kind is called 'paused'; the nearest is pause, and there are ...
    """
    kinds = list(decisions.Told)
    if text in kinds:
        return decisions.Told(text)
    near = difflib.get_close_matches(text, kinds, n=1, cutoff=0)[0]
    raise argparse.ArgumentTypeError(
        f"no kind is called {text!r}; the nearest is {near}, and there are {', '.join(kinds)}"
    )
