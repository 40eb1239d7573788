"""`python -m services.labels gold add REQ_ID --intent INTENT --by NAME [--at T] | retire REQ_ID
--by NAME [--at T] | list [--json]`: messages whose intent reviewers have verified.
"""

import argparse
import datetime as dt
import difflib
import json
import sys
from collections.abc import Callable

import sqlalchemy as sa

from schemas import present, settings, times
from services import show
from services.labels.gold import store as gold
from streams import store as streams_store

COLUMNS = ("req_id", "intent", "by", "at", "retired_at", "retired_by")


def arguments(parser: argparse.ArgumentParser, name: Callable[[str], str]) -> None:
    """The actions and their options; `name`: what a person may be called."""
    actions = parser.add_subparsers(required=True)
    adding = actions.add_parser("add", help="this intent is verified: ask annotators about it")
    adding.add_argument("req_id", type=_request, metavar="REQ_ID")
    adding.add_argument("--intent", type=_intent, required=True, metavar="INTENT")
    adding.set_defaults(do=add)

    retiring = actions.add_parser("retire", help="ask no more, and let its label hold no more")
    retiring.add_argument("req_id", type=_request, metavar="REQ_ID")
    retiring.set_defaults(do=retire)
    for action in (adding, retiring):
        action.add_argument("--by", type=name, required=True, metavar="NAME", help="who says so")
        action.add_argument("--at", type=times.instant, metavar="T", help="since when; now")

    listing = actions.add_parser("list", help="all that ever were")
    listing.add_argument("--json", action="store_true", help="one object a line")
    listing.set_defaults(do=show_all)


def add(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """Make a message a gold question; prints its request. Exit 2 for one that nobody sampled, and
    for one that is a gold question already, or was one later than that.
    """
    req_id = chosen.req_id
    with engine.begin() as connection:
        if not gold.is_sampled(connection, req_id):
            settings.refuse(f"no message {req_id!r} was sampled; `labels export` names some", 2)
        row = {
            "req_id": req_id,
            "at": _at(connection, chosen),
            "intent": chosen.intent,
            "by": chosen.by,
        }
        added = gold.verify(connection, row)
    if not added:
        settings.refuse(
            f"{req_id!r} is a gold question already, or was one later than that: `gold list`"
            f" says when; `python -m services.labels gold retire {req_id} --by NAME` takes it back",
            2,
        )
    print(req_id)
    return 0


def retire(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """Take a gold question back; prints its request. Exit 2 for one that is none."""
    with engine.begin() as connection:
        at = _at(connection, chosen)
        retired = gold.retire(connection, chosen.req_id, chosen.by, at)
    if not retired:
        settings.refuse(
            f"{chosen.req_id!r} is no gold question;"
            " `python -m services.labels gold list` says what is",
            2,
        )
    print(chosen.req_id)
    return 0


def show_all(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """All gold questions, the oldest first, those that were taken back with when and by whom."""
    with engine.connect() as connection:
        rows = gold.listed(connection)
    if chosen.json:
        for row in rows:
            print(json.dumps(row, default=times.rfc3339, ensure_ascii=False))
    elif rows:
        print(show.table(rows, COLUMNS))
    else:
        sys.stderr.write("there is no gold question; `labels gold add` makes one\n")
    return 0


def _at(connection: sa.Connection, chosen: argparse.Namespace) -> dt.datetime:
    at: dt.datetime = chosen.at or streams_store.clock(connection) or dt.datetime.now(dt.UTC)
    return at


def _request(text: str) -> str:
    """What Postgres can look for: what was typed may be no UTF-8."""
    if text != text.encode(errors="replace").decode():
        raise argparse.ArgumentTypeError("a request's name is UTF-8")
    return text


def _intent(text: str) -> str:
    """One of the taxonomy's, of one that was merged that which took it over."""
    if text in present.INDEX:
        return present.survivor(text)
    near = difflib.get_close_matches(text, present.INDEX, n=1, cutoff=0)[0]
    raise argparse.ArgumentTypeError(f"no intent is called {text!r}; the nearest is {near}")
