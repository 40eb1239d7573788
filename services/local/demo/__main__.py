"""`make demo`: two weeks of traffic in minutes on a real Kafka and a real PostgreSQL, and the whole loop from a message to the next champion.

MESSAGES=DIR plays that directory's base.jsonl.gz and later.jsonl.gz instead of invented messages; JSON=FILE writes the summary and every
decision; KEEP=1 leaves everything up until Ctrl-C; SHORT=1 plays nine smaller days.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from schemas import settings, times, topics
from services import ports, store
from services.local import jars, supervisor, topology
from services.local.demo import invent, play, recount, report, stage, story, tables, traffic

_SEED = 20260420
_ALWAYS_ON = ("streams", "gateway", "scheduler", "retrain", "notifier", "dashboard")


def run(chosen: argparse.Namespace) -> int:
    """The whole demo; 0 only if the loop closed."""
    begun = time.monotonic()
    base, later = tables.read(chosen.messages) if chosen.messages else invent.tables(_SEED)
    told = story.plan(base, later, seed=_SEED, days=story.SHORT_DAYS, most=story.SHORT_A_DAY) if chosen.short else story.plan(base, later, seed=_SEED)
    with stage.up(None, {}) as on:
        on.start_sandbox()
        for name in _ALWAYS_ON:
            on.start(name)
        pids = {child.name: child.process.pid for child in on.owner.children}
        on.wait(lambda: ports.listening(on.port("GATEWAY_PORT")), "the gateway")
        playing = play.Play(on, told, traffic.Customers(on.port("GATEWAY_PORT")))
        playing.first_champion()
        on.wait(playing.serving, "the gateway to serve the first champion")
        playing.all_days()
        playing.settle()
        summary = summarise(on, playing, pids)
        summary["seconds"] = round(time.monotonic() - begun)
        failed = report.problems(summary)
        finish(chosen, on, summary, failed)
    return 1 if failed else 0


def summarise(on: stage.Stage, playing: play.Play, pids: dict[str, int]) -> dict[str, Any]:
    """Every figure of the last line, from Postgres and from Kafka."""
    days = playing.settled()
    taken = on.rows(store.decisions)
    runs = [row for row in on.rows(store.runs) if row["decision_id"]]
    counted = recount.compare(recount.logs(on.addresses.kafka, topics.SERVING_LOG.name), on.rows(store.windows, horizon="1d"))
    first = days[0].window["model"]
    kinds = {
        "acc_stable": [d for d in days if d.kind == story.STABLE],
        "acc_drifted": [d for d in days if d.kind == story.LATER and d.window["model"] == first],
    }
    kinds["acc_after"] = [d for d in days if d.kind == story.LATER and d.window["model"] != first]
    early = play.BEGIN + play.DAY * playing.told.kinds.index(story.LATER)
    gateway = next(child for child in on.owner.children if child.name == "gateway")
    sent, unsent = playing.messages()
    accuracies = {name: report.accuracy(chosen) for name, chosen in kinds.items()}
    return {
        "events": counted.events,
        "windows": len(on.rows(store.windows)),
        "lost": counted.lost + max(0, len(playing.customers.truth) - counted.events),  # an answer whose log never reached Kafka is lost too
        "duplicated": counted.duplicated,
        "decisions": len(taken),
        "retrains": sum(row["decision"] == "retrain" for row in taken),
        "promoted": sum(bool(row["promoted"]) for row in runs),
        **{name: found["mean"] for name, found in accuracies.items()},
        "accuracies": accuracies,
        "later_from": early,
        "early_retrains": sum(row["decision"] == "retrain" and row["at"] <= early for row in taken),
        "swaps": len(playing.customers.models),
        "slack_sent": sent,
        "slack_unsent": unsent,
        "same_process": gateway.process.poll() is None and gateway.process.pid == pids["gateway"],
        "all_decisions": taken,
        "runs": runs,
    }


def finish(chosen: argparse.Namespace, on: stage.Stage, summary: dict[str, Any], failed: list[str]) -> None:
    """Summary, addresses, the last line; wait if asked to."""
    for name, found in summary["accuracies"].items():
        print(report.accuracy_line(name, found))
    for row in summary["runs"]:
        print(report.run_line(row))
    print(f"Slack        {summary['slack_sent']} messages sent, {summary['slack_unsent']} not: http://{ports.HOST}:{on.slack_port}/")
    print(f"dashboard    http://{ports.HOST}:{on.port('DASHBOARD_PORT')}/")
    print(f"gateway      http://{ports.HOST}:{on.port('GATEWAY_PORT')}/readyz")
    print(f"{'':12} these three {'answer until Ctrl-C' if chosen.keep else 'close as this ends; KEEP=1 leaves them up'}")
    print(report.outcome(summary, failed))
    if chosen.json:
        chosen.json.write_text(json.dumps(summary, default=times.rfc3339, indent=1))
    print(report.last_line(summary), flush=True)
    if chosen.keep:
        print("\n".join(f"export {name}={value}" for name, value in on.environment.items()))
        print("intentwatch: everything stays up until Ctrl-C", file=sys.stderr, flush=True)
        on.keep()


def main() -> None:
    """Parse; turn what can go wrong outside into one line."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--messages", type=Path, metavar="DIR", help="play these tables instead of invented messages")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the summary and every decision")
    parser.add_argument("--keep", action="store_true", help="leave everything up until Ctrl-C")
    parser.add_argument("--short", action="store_true", help="nine smaller days instead of fourteen")
    chosen = parser.parse_args()
    if chosen.json and not chosen.json.absolute().parent.is_dir():  # said before the minutes of work, not after them
        settings.refuse(f"cannot write {chosen.json}: there is no such folder; make it or name another with JSON", 2)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a day's row shows when the day is over, also in a pipe
    try:
        with supervisor.terminable(settings.EXIT_INTERRUPTED):
            code = run(chosen)
    except KeyboardInterrupt:
        raise SystemExit(settings.EXIT_INTERRUPTED) from None
    except story.TooFewRowsError as error:
        settings.refuse(str(error), 2)
    except topology.InUse as error:
        settings.refuse(str(error), settings.EXIT_TRY_AGAIN)
    except (supervisor.NotReady, jars.BadJar) as error:
        settings.refuse(str(error), settings.EXIT_DEPENDENCY)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
