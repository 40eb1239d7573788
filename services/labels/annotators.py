"""`python -m services.labels annotators add NAME [--by NAME] | list [--json]`: whose labels are
taken. While nobody is registered everybody's are.
"""

import argparse
import json
import sys
from collections.abc import Callable, Collection, Iterable, Iterator

import sqlalchemy as sa

from retrain.intake import labels as files
from schemas import events, settings, times
from services.labels.registry import store as registry

REMEDY = "`python -m services.labels annotators add NAME` registers one"


def arguments(parser: argparse.ArgumentParser, name: Callable[[str], str]) -> None:
    """The actions and their options; `name`: what an annotator may be called."""
    actions = parser.add_subparsers(required=True)
    adding = actions.add_parser("add", help="take the labels of this name; once one is added only")
    adding.add_argument("name", type=name)
    adding.add_argument("--by", type=name, help="who registers it")
    adding.set_defaults(do=add)

    listing = actions.add_parser("list", help="who is registered")
    listing.add_argument("--json", action="store_true", help="one object a line")
    listing.set_defaults(do=show)


def add(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """Register a name; once more changes nothing."""
    with engine.begin() as connection:
        registry.register(connection, chosen.name, chosen.by)
    print(chosen.name)
    return 0


def show(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """Everybody who is registered, the first one first."""
    with engine.connect() as connection:
        rows = registry.registered(connection)
    if not rows:
        sys.stderr.write(f"nobody is registered, so any name's labels are taken; {REMEDY}\n")
    for row in rows:
        if chosen.json:
            print(json.dumps(row, default=times.rfc3339))
        else:
            print(row["name"])
    return 0


def quarantined(lines: Iterable[files.Line], known: Collection[str]) -> Iterator[files.Line]:
    """The lines, those of a name that is not registered as malformed ones; where nobody is
    registered as they are.

    >>> label = events.human_label(b'{"req_id":"r","annotator":"eve","labelled_at":'
    ...     b'"2026-04-20T10:00:00Z","intent":"faq"}')
    >>> [line] = quarantined([files.Line(1, label)], {"ana"})
    >>> line.parsed.reason, line.parsed.detail
    (<Reason.UNREGISTERED: 'unregistered'>, "annotator 'eve'")
    """
    for line in lines:
        parsed = line.parsed
        if known and isinstance(parsed, events.HumanLabel) and parsed.annotator not in known:
            detail = f"annotator {parsed.annotator!r}"
            yield files.Line(line.number, events.Malformed(events.Reason.UNREGISTERED, detail))
        else:
            yield line


def known_or_refuse(connection: sa.Connection, name: str) -> None:
    """Exit 2 for a name that is not registered while others are."""
    known = registry.annotators(connection)
    if known and name not in known:
        settings.refuse(f"annotator {name!r} is not registered; {REMEDY}", 2)
