"""`python -m services.redrive ls | show | replay | accept`: look at dead letters, count those that
are serving logs after all, let a stopped worker go on.
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

from schemas import events, settings, times
from services import escaping, show
from services.redrive import letters, replay, store
from streams import database, transient
from streams.worker import failpoints

_COLUMNS = ("letter", "reason", "at", "size", "detail")
_SHOWN_BYTES = 4096  # more would only scroll; --json has all


def ls(engine: sa.Engine, loaded: settings.Settings, chosen: argparse.Namespace) -> int:
    """Letters, newest last."""
    with engine.connect() as connection:
        rows = store.listed(connection, loaded.topic, chosen.reason, settled=chosen.all)
    if chosen.json:
        sys.stdout.writelines(_json(_plain(row)) + "\n" for row in rows)
    else:
        columns = (*_COLUMNS, "redriven_at") if chosen.all else _COLUMNS
        print(show.table(({"letter": str(_letter(row).place), **row} for row in rows), columns))
    return 0


def show_one(engine: sa.Engine, _loaded: settings.Settings, chosen: argparse.Namespace) -> int:
    """One letter with its bytes."""
    with engine.connect() as connection:
        row = next(iter(store.named(connection, [chosen.letter])), None)
        raw = store.raw(connection, [chosen.letter]).get(chosen.letter)
    if row is None:
        _unknown([chosen.letter])
    if chosen.json:
        print(_json(_plain(row) | {"raw": None if raw is None else base64.b64encode(raw).decode()}))
        return 0
    plain = {
        "letter": str(chosen.letter),
        **{
            name: _plain(row)[name]
            for name in ("reason", "detail", "at", "redriven_at", "size", "sha256")
        },
    }
    for name, value in plain.items():
        print(
            f"{name:12} {'-' if value is None else escaping.printable(times.rfc3339(value) if isinstance(value, dt.datetime) else str(value))}"
        )
    print(_bytes(row, raw))
    return 0


def _bytes(row: Any, raw: bytes | None) -> str:
    if row["reason"] == events.Reason.DELETED_UNREAD:
        return "no bytes: the records were deleted from the topic before anybody read them"
    if raw is None:
        return "no bytes: past their retention, only their size and sha256 are kept"
    more = (
        f"\n... and {len(raw) - _SHOWN_BYTES} bytes more; --json has all of them"
        if len(raw) > _SHOWN_BYTES
        else ""
    )
    return escaping.printable(raw[:_SHOWN_BYTES]) + more


def again(engine: sa.Engine, loaded: settings.Settings, chosen: argparse.Namespace) -> int:
    """Decode the chosen letters again and count those that are serving logs; exit 5 if some are
    not.
    """
    report = replay.Report()
    redrive = replay.Redrive(
        engine,
        loaded.topic,
        dt.datetime.now(dt.UTC),
        not loaded.test_clock,
        failpoints.Failpoints(loaded.test_failpoint),
    )
    waiting = _chosen(engine, loaded.topic, chosen, report)
    for batch in tqdm(list(letters.batches(waiting)), disable=None, unit="batch"):
        redrive.batch(batch, report)
    gone = sum(letter.reason == events.Reason.DELETED_UNREAD for letter in waiting)
    if gone:
        print(
            f"intentwatch: {gone} letter(s) stand for records deleted before anybody read them: without bytes, nothing can be redriven",
            file=sys.stderr,
        )
    found = dataclasses.asdict(report) | {"still_bad": dict(sorted(report.still_bad.items()))}
    print(json.dumps(found) if chosen.json else _readable(found))
    return settings.EXIT_INTEGRITY if report.still_bad else 0


def _chosen(
    engine: sa.Engine, topic: str, chosen: argparse.Namespace, report: replay.Report
) -> list[letters.Letter]:
    """The letters to redrive; of those named, what has been redriven already is only counted as
    skipped.
    """
    with engine.connect() as connection:
        rows = (
            store.named(connection, chosen.letter)
            if chosen.letter
            else store.listed(connection, topic, chosen.reason, settled=False)
        )
    _unknown(
        sorted(set(chosen.letter) - {_letter(row).place for row in rows if row["topic"] == topic})
    )
    waiting = [
        _letter(row)
        for row in rows
        if row["redriven_at"] is None and chosen.reason in (None, row["reason"])
    ]
    report.read += len(rows) - len(waiting)
    report.skipped += len(rows) - len(waiting)
    return waiting


def _unknown(places: Sequence[letters.Place]) -> None:
    if places:
        settings.refuse(
            f"there is no dead letter {escaping.printable(str(places[0]))}; `python -m services.redrive ls --all` lists them",
            2,
        )


def _readable(found: dict[str, Any]) -> str:
    bad = ", ".join(f"{escaping.printable(reason)} {n}" for reason, n in found["still_bad"].items())
    apart = f", {found['envelopes']} envelope(s) taken apart" if found["envelopes"] else ""
    return f"read {found['read']} letter(s), counted {found['counted']} log(s), still bad {bad or 'none'}, skipped {found['skipped']}{apart}"


def accept(engine: sa.Engine, _loaded: settings.Settings, chosen: argparse.Namespace) -> int:
    """Let bad records before an offset pass the breaker."""
    topic, part = chosen.partition
    with engine.begin() as connection:
        stands = store.accept(connection, topic, part, chosen.until)
        if stands is None:
            settings.refuse(
                f"no worker has read {escaping.printable(topic)}/{part}; `python -m services.show offsets` lists the partitions",
                2,
            )
        if chosen.until <= stands[0]:
            settings.refuse(
                f"{topic}/{part} has been read up to offset {stands[0]}: nothing before {chosen.until} is left to accept",
                2,
            )
    print(
        f"{topic}/{part}: bad records among the next {chosen.until - stands[0]}, from offset {stands[0]} to {chosen.until}, no longer stop the worker; "
        "it keeps them as dead letters, which `python -m services.redrive replay` can count later. Start `python -m streams worker` again."
    )
    return 0


def _letter(row: Any) -> letters.Letter:
    return letters.Letter(
        letters.Place(row["topic"], row["part"], row["offset"], row["line"]),
        row["reason"],
        row["size"],
    )


def _plain(row: Any) -> dict[str, Any]:
    return {"partition" if name == "part" else name: value for name, value in row.items()}


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
    listing.add_argument("--all", action="store_true", help="also those that have been redriven")
    listing.set_defaults(do=ls)
    single = commands.add_parser("show", help="one letter with its bytes")
    single.add_argument("letter", type=letters.place, metavar="TOPIC/PART/OFFSET[:LINE]")
    single.set_defaults(do=show_one)
    replaying = commands.add_parser(
        "replay", help="count those that are serving logs after all, each once"
    )
    replaying.add_argument(
        "--letter",
        type=letters.place,
        action="append",
        default=[],
        metavar="TOPIC/PART/OFFSET[:LINE]",
    )
    replaying.set_defaults(do=again)
    accepting = commands.add_parser(
        "accept", help="let a worker go on that has stopped at too many bad records"
    )
    accepting.add_argument("partition", type=letters.partition, metavar="TOPIC/PART")
    accepting.add_argument(
        "--until",
        type=_offset,
        required=True,
        metavar="OFFSET",
        help="the first offset that is not accepted",
    )
    accepting.set_defaults(do=accept)
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


def main() -> None:
    """Parse, connect, do."""
    chosen = _parser().parse_args()
    loaded = settings.load("database_url")
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a terminal may not know every letter
    try:
        with settings.readable_in_part():
            status = chosen.do(database.opened(loaded.database_url), loaded, chosen)
        sys.exit(status)
    except sa.exc.SQLAlchemyError as error:
        origin = getattr(error, "orig", None)
        busy = getattr(origin, "sqlstate", None) is not None and transient.error(error)
        cause = str(origin or error).splitlines()[0]
        code = settings.EXIT_TRY_AGAIN if busy else settings.EXIT_DEPENDENCY
        settings.refuse(
            f"Postgres has not done it ({cause}); what was counted stays counted, run it again",
            code,
        )
    except KeyboardInterrupt:
        raise SystemExit(settings.EXIT_INTERRUPTED) from None


if __name__ == "__main__":
    main()
