"""`python -m services.labels import | next | tasks | relabel | export | status | corpus |
annotators | gold`: what people say messages mean.
"""

import argparse
import datetime as dt
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from retrain.decide.history.asked import store as queue
from retrain.decide.missing import needs
from retrain.decide.missing import store as missing
from retrain.gold import store as golden
from retrain.labels import gold
from schemas import policy, settings, times
from services.labels import (
    annotators,
    ask,
    guideline,
    hand_in,
    mix,
    relabel,
    reviewed,
    status,
    store,
    tasks,
)
from services.labels.serve import store as serve
from streams import database
from streams import store as streams_store


def show_tasks(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """The next messages as tasks of a labelling tool."""
    rules = _policy()
    with engine.connect() as connection:
        if chosen.annotator is not None:
            annotators.known_or_refuse(connection, chosen.annotator)
        plan = _plan(connection, rules)
        waiting = serve.listed(connection, chosen.limit, plan, annotator=chosen.annotator)
    sys.stdout.write(tasks.written(waiting, chosen.to))
    return 0


def following(engine: sa.Engine, chosen: argparse.Namespace) -> int:
    """Without an annotator the next messages as JSON; with one, label them here. Both show the
    guideline's rule for the two likeliest intents, and which labels are missing.
    """
    rules = _policy()
    with engine.connect() as connection:
        lacking = missing.missing(connection, rules.signals)
        plan = _plan(connection, rules)
    wanted = needs.wanted(lacking)
    if chosen.annotator is not None:
        with engine.connect() as connection:
            annotators.known_or_refuse(connection, chosen.annotator)
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
            plan=plan,
        )
        print(json.dumps({"answered": answered}))
        return 0

    with engine.connect() as connection:
        waiting = serve.listed(connection, chosen.limit, plan, wanted)
    for row in waiting:
        line = json.dumps(
            _asked(row, lacking),
            default=times.rfc3339,
            ensure_ascii=False,
        )
        print(line)
    return 0


def _plan(connection: sa.Connection, rules: policy.Policy) -> mix.Plan:
    """How gold questions are handed out: first those of the intents in which annotators contradict
    each other, as these say who is wrong.
    """
    share = rules.labels.gold_share
    clock = streams_store.clock(connection)
    if clock is None or not golden.questions(connection):
        return mix.Plan(share)
    asides = queue.aside(connection, clock, rules.labels)
    first = {source.intent for source in asides if source.intent}
    return mix.Plan(share, first)


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
        aside = queue.aside(connection, clock, rules.labels) if clock else ()
        asked = queue.answered(connection, clock, rules.labels) if clock else None
        known = golden.known(connection, [], clock) if clock else gold.NONE
        lacking = missing.missing(connection, rules.signals)

    judged = status.figures(
        held,
        waits,
        clock,
        most,
        aside,
        asked,
        lacking,
        known.answers,
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


def _amount(text: str) -> int:
    # isdigit alone takes the digits of any script.
    is_number = text.isascii() and text.isdigit()
    if not is_number or int(text) >= 2**31:
        raise argparse.ArgumentTypeError("a limit is a whole number")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.labels", description=__doc__)
    commands = parser.add_subparsers(required=True)

    hand_in.options(commands.add_parser("import", help="read a file of labels"))

    corpus = commands.add_parser("corpus", help="read labelled messages to train on")
    corpus.add_argument("file", type=Path)
    corpus.add_argument("--json", action="store_true")
    corpus.set_defaults(do=hand_in.corpus)

    queue = commands.add_parser("next", help="messages to label, the measure queue first")
    queue.add_argument("--limit", type=_amount, default=10)
    queue.add_argument(
        "--annotator",
        type=hand_in.name,
        help="label here, under this name; without it the messages are printed as JSON",
    )
    queue.set_defaults(do=following)

    out = commands.add_parser("tasks", help="messages to label, for a labelling tool to import")
    out.add_argument("--to", choices=tasks.TOOLS, default=tasks.TOOLS[0])
    out.add_argument("--limit", type=_amount, default=100)
    out.add_argument("--annotator", type=hand_in.name, help="whose tasks these will be")
    out.set_defaults(do=show_tasks)

    relabel.arguments(commands.add_parser("relabel", help="ask again about rows of a run"))
    commands.add_parser("export", help="current labels").set_defaults(do=export)

    counts = commands.add_parser("status", help="counts")
    counts.add_argument("--json", action="store_true")
    counts.set_defaults(do=show_status)
    annotators.arguments(
        commands.add_parser("annotators", help="whose labels are taken"), hand_in.name
    )
    verified = commands.add_parser("gold", help="messages whose intent is verified")
    reviewed.arguments(verified, hand_in.name)
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
        told = database.meant(error)
        settings.refuse(f"{told.sentence}; what was committed stays", told.code)
    except KeyboardInterrupt:
        raise SystemExit(settings.EXIT_INTERRUPTED) from None


if __name__ == "__main__":
    main()
