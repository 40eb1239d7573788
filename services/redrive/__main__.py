"""`python -m services.redrive ls | show | replay | accept | anew | back`: look at dead letters,
count those that are serving logs after all, let a stopped worker go on.
"""

import argparse
import base64
import dataclasses
import datetime as dt
import json
import sys
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from tqdm import tqdm

from schemas import escaping, events, settings, times
from services import show
from services.redrive import addressed, anew, letters, redeliver, store
from streams import database
from streams.worker import failpoints

_COLUMNS = ("letter", "reason", "at", "size", "detail")
_SHOWN_BYTES = 4096  # more would only scroll; --json has all
_SHOWN_OF_ONE = ("reason", "detail", "at", "redriven_at", "size", "sha256")
_METAVAR = "TOPIC/PART/OFFSET[:LINE][@TOPIC_ID]"


def ls(
    engine: sa.Engine,
    loaded: settings.Settings,
    chosen: argparse.Namespace,
) -> int:
    """Letters, newest last."""
    with engine.connect() as connection:
        rows = store.listed(connection, loaded.topic, chosen.reason, settled=chosen.all)
    if chosen.json:
        for row in rows:
            print(_json(_plain(row)))
        return 0

    shown = []
    for row in rows:
        shown.append({"letter": addressed.shown(row), **row})
    columns = (*_COLUMNS, "redriven_at") if chosen.all else _COLUMNS
    print(show.table(shown, columns))
    return 0


def show_one(
    engine: sa.Engine,
    _loaded: settings.Settings,
    chosen: argparse.Namespace,
) -> int:
    """One letter with its bytes."""
    with engine.connect() as connection:
        (row,) = addressed.rows(connection, [chosen.letter])
        place = addressed.place(row)
        raw = store.raw(connection, [place]).get(place)
    if chosen.json:
        encoded = None if raw is None else base64.b64encode(raw).decode()
        print(_json(_plain(row) | {"raw": encoded}))
        return 0

    print(f"{'letter':12} {_cell(str(chosen.letter))}")
    for name in _SHOWN_OF_ONE:
        print(f"{name:12} {_cell(row[name])}")
    print(_bytes(row, raw))
    return 0


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, dt.datetime):
        return escaping.printable(times.rfc3339(value))
    return escaping.printable(str(value))


def _bytes(row: Any, raw: bytes | None) -> str:
    if row["reason"] == events.Reason.DELETED_UNREAD:
        return "no bytes: the records were deleted from the topic before anybody read them"
    if raw is None:
        return "no bytes: past their retention, only their size and sha256 are kept"
    text = escaping.printable(raw[:_SHOWN_BYTES])
    more = len(raw) - _SHOWN_BYTES
    if more > 0:
        return f"{text}\n... and {more} bytes more; --json has all of them"
    return text


def again(
    engine: sa.Engine,
    loaded: settings.Settings,
    chosen: argparse.Namespace,
) -> int:
    """Decode the chosen letters again and count those that are serving logs; exit 5 if some are
    not.
    """
    report = redeliver.Report()
    redrive = redeliver.Redrive(
        engine,
        topic=loaded.topic,
        now=dt.datetime.now(dt.UTC),
        check_time=not loaded.test_clock,
        points=failpoints.Failpoints(loaded.test_failpoint),
    )
    waiting = _waiting(engine, loaded.topic, chosen, report)
    batches = list(letters.batches(waiting))
    for batch in tqdm(batches, disable=None, unit="batch"):
        redrive.batch(batch, report)

    _warn_of_gaps(waiting)
    if chosen.json:
        still_bad = dict(sorted(report.still_bad.items()))
        print(json.dumps(dataclasses.asdict(report) | {"still_bad": still_bad}))
    else:
        print(_readable(report))
    return settings.EXIT_INTEGRITY if report.still_bad else 0


def _waiting(
    engine: sa.Engine,
    topic: str,
    chosen: argparse.Namespace,
    report: redeliver.Report,
) -> list[letters.Letter]:
    """The letters to redrive; of those named, what has been redriven already is only counted as
    skipped.
    """
    rows: Sequence[Any]
    with engine.connect() as connection:
        if chosen.letter:
            rows = addressed.rows(connection, chosen.letter, topic)
        else:
            rows = store.listed(connection, topic, chosen.reason, settled=False)

    waiting = []
    for row in rows:
        letter = addressed.letter(row)
        if row["redriven_at"] is None and chosen.reason in (None, letter.reason):
            waiting.append(letter)

    report.read += len(rows) - len(waiting)
    report.skipped += len(rows) - len(waiting)
    return waiting


def _warn_of_gaps(waiting: Sequence[letters.Letter]) -> None:
    gone = [letter for letter in waiting if letter.reason == events.Reason.DELETED_UNREAD]
    if gone:
        cause = f"{len(gone)} letter(s) stand for records deleted before anybody read them"
        print(f"intentwatch: {cause}: without bytes, nothing can be redriven", file=sys.stderr)


def _readable(report: redeliver.Report) -> str:
    reasons = []
    for reason, n in sorted(report.still_bad.items()):
        reasons.append(f"{escaping.printable(reason)} {n}")
    parts = [
        f"read {report.read} letter(s)",
        f"counted {report.counted} log(s)",
        f"still bad {', '.join(reasons) or 'none'}",
        f"skipped {report.skipped}",
    ]
    if report.envelopes:
        parts.append(f"{report.envelopes} envelope(s) taken apart")
    return ", ".join(parts)


def accept(
    engine: sa.Engine,
    _loaded: settings.Settings,
    chosen: argparse.Namespace,
) -> int:
    """Let bad records before an offset pass the breaker."""
    topic, part = chosen.partition
    until: int = chosen.until
    with engine.begin() as connection:
        # A refusal ends the transaction: what it has changed is undone.
        offsets = store.accept(connection, topic, part, until)
        if offsets is None:
            place = f"{escaping.printable(topic)}/{part}"
            remedy = "`python -m services.show offsets` lists the partitions"
            settings.refuse(f"no worker has read {place}; {remedy}", 2)
        next_offset, _ = offsets
        if until <= next_offset:
            read = f"{topic}/{part} has been read up to offset {next_offset}"
            settings.refuse(f"{read}: nothing before {until} is left to accept", 2)

    passing = f"bad records among the next {until - next_offset}"
    between = f"from offset {next_offset} to {until}"
    print(
        f"{topic}/{part}: {passing}, {between}, no longer stop the worker; it keeps them as dead "
        "letters, which `python -m services.redrive replay` can count later. "
        "Start `python -m streams worker` again."
    )
    return 0


def begin_anew(
    engine: sa.Engine,
    _loaded: settings.Settings,
    chosen: argparse.Namespace,
) -> int:
    """Count a topic that was made anew from its first record."""
    print(anew.begun(engine, chosen.topic))
    return 0


def go_back(
    engine: sa.Engine,
    _loaded: settings.Settings,
    chosen: argparse.Namespace,
) -> int:
    """Read a partition on from where its log parts from what was read."""
    topic, part = chosen.partition
    print(anew.gone_back(engine, topic, part, chosen.to))
    return 0


def _plain(row: Any) -> dict[str, Any]:
    """A row by the names that the contract gives its columns."""
    plain = {}
    for name, value in row.items():
        if name == "lives":
            continue
        key = "partition" if name == "part" else name
        plain[key] = value
    return plain


def _json(row: dict[str, Any]) -> str:
    return json.dumps(row, default=times.rfc3339)  # ASCII: safe on a terminal too


def _offset(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 2**63):
        raise argparse.ArgumentTypeError(f"{escaping.printable(text)!r} is no offset")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.redrive", description=__doc__)
    commands = parser.add_subparsers(required=True)

    listing = commands.add_parser("ls", help="dead letters that wait, newest last")
    listing.add_argument(
        "--all",
        action="store_true",
        help="also those that have been redriven",
    )
    listing.set_defaults(do=ls)

    single = commands.add_parser("show", help="one letter with its bytes")
    single.add_argument(
        "letter",
        type=letters.place,
        metavar=_METAVAR,
    )
    single.set_defaults(do=show_one)

    replaying = commands.add_parser(
        "replay", help="count those that are serving logs after all, each once"
    )
    replaying.add_argument(
        "--letter",
        type=letters.place,
        action="append",
        default=[],
        metavar=_METAVAR,
    )
    replaying.set_defaults(do=again)

    _add_moving(commands)
    for command in (listing, replaying):
        command.add_argument(
            "--reason",
            choices=events.DEAD_LETTER,
            metavar="R",
            help=f"only letters with this reason: {', '.join(events.DEAD_LETTER)}",
        )
    for command in (listing, single, replaying):
        command.add_argument("--json", action="store_true")
    return parser


def _add_moving(commands: Any) -> None:
    """What changes where a stopped worker goes on."""
    accepting = commands.add_parser(
        "accept", help="let a worker go on that has stopped at too many bad records"
    )
    accepting.add_argument(
        "partition",
        type=letters.partition,
        metavar="TOPIC/PART",
    )
    accepting.add_argument(
        "--until",
        type=_offset,
        required=True,
        metavar="OFFSET",
        help="the first offset that is not accepted",
    )
    accepting.set_defaults(do=accept)

    beginning = commands.add_parser("anew", help="count a topic that was made anew")
    beginning.add_argument("topic", metavar="TOPIC")
    beginning.set_defaults(do=begin_anew)

    going_back = commands.add_parser("back", help="read on from where the log parts")
    going_back.add_argument("partition", type=letters.partition, metavar="TOPIC/PART")
    going_back.add_argument(
        "--to",
        type=_offset,
        required=True,
        metavar="OFFSET",
        help="the first offset to be read again",
    )
    going_back.set_defaults(do=go_back)


def main() -> None:
    """Parse, connect, do."""
    chosen = _parser().parse_args()
    loaded = settings.load("database_url")
    # A terminal may not know every letter.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        with settings.readable_in_part():
            status = chosen.do(database.opened(loaded.database_url), loaded, chosen)
        sys.exit(status)
    except sa.exc.SQLAlchemyError as error:
        told = database.meant(error)
        settings.refuse(f"{told.sentence}; what was counted stays counted", told.code)
    except KeyboardInterrupt:
        raise SystemExit(settings.EXIT_INTERRUPTED) from None


if __name__ == "__main__":
    main()
