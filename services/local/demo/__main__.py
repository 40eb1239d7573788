"""`make demo`: two weeks of traffic in minutes on a real Kafka and a real PostgreSQL, and the whole
loop from a message to the next champion.

MESSAGES=DIR plays that directory's base.jsonl.gz and later.jsonl.gz instead of invented messages;
JSON=FILE writes the summary and every decision; KEEP=1 leaves everything up until Ctrl-C; SHORT=1
plays nine smaller days; VERBOSE=1 prints what else only the log file holds.
"""

import argparse
import datetime as dt
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from schemas import present, settings, times, topics
from services import ports, provision, store
from services.local import ending, jars, supervisor, topology
from services.local.demo import (
    closing,
    invent,
    pace,
    paper,
    play,
    recount,
    report,
    screen,
    stage,
    story,
    tables,
    telling,
    traffic,
)
from streams import brokers
from streams.access import Access

SEED = 20260420
_ALWAYS_ON = ("dashboard", "gateway", "retrain", "streams", "scheduler", "notifier")
FAILURES = (
    closing.Problem,
    story.TooFewRowsError,
    topology.InUse,
    topology.LeftBehind,
    supervisor.NotReady,
    recount.Unread,
    jars.BadJar,
    brokers.Unreachable,
    brokers.Refused,
    provision.Mismatch,
    sa.exc.SQLAlchemyError,
    OSError,
)
_PLACE = topology.ROOT / ".local" / "demo"


def run(chosen: argparse.Namespace, out: screen.Screen) -> None:
    """The whole demo. Raises closing.Problem unless the loop closed."""
    if chosen.messages:
        base, later = tables.read(chosen.messages)
    else:
        base, later = invent.tables(SEED)
    days = story.DAYS
    most = story.MOST_A_DAY
    if chosen.short:
        days = story.SHORT_DAYS
        most = story.SHORT_A_DAY
    plan = story.plan(base, later, seed=SEED, days=days, most=most)
    out.say(*telling.opening(plan, play.BEGIN.date(), own=chosen.messages is not None))

    begun = time.monotonic()
    speed = pace.of(sum(map(len, plan.days)), begun)
    with (
        out.working(speed),
        stage.up(None, {}) as on,
        kept_on_failure(on.logs, out.log.with_suffix("")),
    ):
        summary = played(on, plan, out, speed)
        summary["seconds"] = round(time.monotonic() - begun)
        failed = closing.problems(summary, _short(out.log))
        finish(chosen, on, summary, failed, out)
        if failed:
            raise failed[0]


def played(
    on: stage.Stage,
    plan: story.Story,
    out: screen.Screen,
    speed: pace.Pace,
) -> dict[str, Any]:
    """Everything started, the story played to its end, and every figure of it."""
    on.start_sandbox()
    for name in _ALWAYS_ON:
        on.start(name)
    out.doing("starting the processes")
    board = on.port("DASHBOARD_PORT")
    gateway = on.port("GATEWAY_PORT")
    addresses = [board, on.slack_port, gateway]
    on.wait(
        lambda: all(map(ports.listening, addresses)),
        "the board, the Slack page and the gateway",
    )
    speed.advance(pace.Kind.START, speed.total[pace.Kind.START], time.monotonic())
    out.say(*telling.addresses(ports.HOST, *addresses))

    process = next(child.process for child in on.owner.children if child.name == "gateway")
    playing = play.Play(
        on,
        plan,
        traffic.Customers(gateway),
        out,
        speed,
        process.pid,
    )
    playing.first_champion()
    playing.all_days()
    playing.settle()
    return summarise(on, playing)


def summarise(on: stage.Stage, playing: play.Play) -> dict[str, Any]:
    """Every figure of the last line, from Postgres and from Kafka."""
    days = playing.settled()
    taken = on.rows(store.decisions)
    runs = [row for row in on.rows(store.runs) if row["decision_id"]]
    logs = recount.logs(Access(on.addresses.kafka), topics.SERVING_LOG.name)
    counted = recount.compare(logs, on.rows(store.windows, horizon="1d"))
    # An answer whose log never reached Kafka is lost too.
    answers = len(playing.customers.truth)
    unlogged = max(0, answers - counted.events)

    onset = play.BEGIN + play.DAY * playing.plan.kinds.index(story.LATER)
    retrains = [row["at"] for row in taken if row["decision"] == "retrain"]
    sent, unsent = playing.delivered()
    accuracies = _accuracies(days)
    return {
        "events": counted.events,
        "windows": len(on.rows(store.windows)),
        "lost": counted.lost + unlogged,
        "duplicated": counted.duplicated,
        "decisions": len(taken),
        "retrains": len(retrains),
        "promoted": sum(bool(row["promoted"]) for row in runs),
        **{name: accuracy["mean"] for name, accuracy in accuracies.items()},
        "accuracies": accuracies,
        "later_from": onset,
        "early_retrains": sum(at <= onset for at in retrains),
        "swaps": len(playing.customers.models),
        "slack_sent": sent,
        "slack_unsent": unsent,
        "same_process": playing.same_process(),
        "errors": {row["id"]: playing.error(row["id"]) for row in runs},
        "all_decisions": taken,
        "runs": runs,
    }


def _accuracies(days: Sequence[report.Day]) -> dict[str, dict[str, Any]]:
    """The first champion's on stable days and on new language, and the next one's on the latter."""
    first = days[0].window["model"]
    stable = []
    drifted = []
    after = []
    for day in days:
        if day.kind == story.STABLE:
            stable.append(day)
        elif day.kind == story.LATER and day.window["model"] == first:
            drifted.append(day)
        elif day.kind == story.LATER:
            after.append(day)
    return {
        "acc_stable": closing.accuracy(stable),
        "acc_drifted": closing.accuracy(drifted),
        "acc_after": closing.accuracy(after),
    }


def finish(
    chosen: argparse.Namespace,
    on: stage.Stage,
    summary: dict[str, Any],
    failed: list[closing.Problem],
    out: screen.Screen,
) -> None:
    """What happened, where to look, the last line; wait if asked to."""
    out.done()
    for line in closing.details(summary):
        out.detail(line)
    kept = _short(_PLACE / "env") if chosen.keep else None
    made = [run["id"] for run in summary["runs"]]
    shown = made[-1] if made else play.FIRST_RUN
    paper.write(on.engine, shown, out.log)
    places = telling.places(
        ports.HOST,
        on.port("DASHBOARD_PORT"),
        on.slack_port,
        keep=kept,
        log=_short(out.log),
    )
    places += paper.boards(
        f"http://{ports.HOST}:{on.port('DASHBOARD_PORT')}",
        shown,
        _short(paper.place(out.log, shown)),
        keep=chosen.keep,
    )
    if failed:
        whys = [("Why", problem.what) for problem in failed]
        out.box("The loop did not close", [*whys, *places])
    else:
        out.box("The loop closed", [*closing.box(summary), *places])

    if chosen.json:
        text = json.dumps(summary, default=times.rfc3339, indent=1)
        chosen.json.write_text(text)
    out.data(closing.last_line(summary))
    if chosen.keep:
        keep(on, _PLACE / "env")


def keep(on: stage.Stage, exports: Path) -> None:
    """Stay up until Ctrl-C, with the variables that other commands need on the screen and in a
    file.
    """
    lines = [f"export {name}={value}" for name, value in on.environment.items()]
    text = "\n".join(lines)
    exports.write_text(text + "\n")
    print(text, flush=True)
    print("intentwatch: everything stays up until Ctrl-C", file=sys.stderr, flush=True)
    try:
        on.keep()
    finally:
        exports.unlink(missing_ok=True)


@contextmanager
def kept_on_failure(logs: Path, place: Path) -> Iterator[None]:
    """What the processes wrote goes with them, unless something failed: then it is what one wants
    to read.
    """
    try:
        yield
    except Exception:
        shutil.copytree(logs, place, dirs_exist_ok=True)
        raise


def _short(path: Path) -> str:
    """As one would type it here."""
    return str(path.relative_to(topology.ROOT))


def problem(error: Exception, place: str) -> closing.Problem:
    """What has failed, as a line and an exit code of the contract."""
    text = str(error).strip()
    cause = text.splitlines()[0] if text else type(error).__name__
    match error:
        case closing.Problem():
            return error
        case story.TooFewRowsError():
            remedy = "MESSAGES names a directory with more rows of known intents"
            return closing.Problem(2, cause, remedy)
        case topology.InUse():
            return closing.Problem(settings.EXIT_TRY_AGAIN, cause, "try again")
        case supervisor.TooSlow() | recount.Unread():
            remedy = "try again when the machine has less to do"
            idle = f"if it had nothing to do, see {place}"
            return closing.Problem(settings.EXIT_TRY_AGAIN, cause, f"{remedy}; {idle}")
        case stage.Ended(status=settings.EXIT_CONFIGURATION):
            return closing.Problem(settings.EXIT_CONFIGURATION, cause, f"see {place}")
    return closing.Problem(settings.EXIT_DEPENDENCY, cause, f"see {place}, and try again")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument(
        "--messages",
        type=Path,
        metavar="DIR",
        help="play these tables instead of invented messages",
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write the summary and every decision",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave everything up until Ctrl-C",
    )
    parser.add_argument(
        "--short",
        action="store_true",
        help="nine smaller days instead of fourteen",
    )
    parser.add_argument(
        "--verbose",
        action="store_true",
        help="print every figure and reason, not only what happens",
    )
    return parser


def _checked(chosen: argparse.Namespace) -> None:
    """Refuse before the minutes of work, not after them."""
    if not chosen.messages and "chitchat" not in present.INTENTS:
        settings.refuse(
            f"the demo's own messages are MangaAssist's; unset {present.VARIABLE},"
            " or name messages of its intents with MESSAGES=DIR",
            2,
        )
    if chosen.json and not chosen.json.absolute().parent.is_dir():
        settings.refuse(
            f"cannot write {chosen.json}: there is no such folder;"
            " make it or name another with JSON",
            2,
        )


def main() -> None:
    """Parse; turn what can go wrong outside into a line and an exit code."""
    chosen = _parser().parse_args()
    _checked(chosen)
    log = _PLACE / f"{dt.datetime.now(dt.UTC):%Y%m%d-%H%M%S}.log"
    out = screen.Screen(log, verbose=chosen.verbose)
    with out, ending.terminable():
        try:
            run(chosen, out)
        except KeyboardInterrupt:
            ending.last_steps()
            settings.refuse(
                "stopped; everything that the demo started has ended", settings.EXIT_INTERRUPTED
            )
        except FAILURES as error:
            kept = _short(log.with_suffix(""))
            failure = problem(error, f"{kept}/")
            line = f"{failure.what}; {failure.remedy}"
            out.note(line)
            settings.refuse(line, failure.code)


if __name__ == "__main__":
    main()
