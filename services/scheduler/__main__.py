"""`python -m services.scheduler`: do the monitors as they fall due by the stream's clock; `incident
open|close|list` records what the business sees, `again [T]` takes up hours that were set aside.

APScheduler only ticks; job_run rows in Postgres decide who does what, so replicas are safe and a
stopped scheduler catches up.
"""

import argparse
import datetime as dt
import logging
import signal
import sys
import time
from collections.abc import Callable

import sqlalchemy as sa
from apscheduler.schedulers.blocking import BlockingScheduler

from retrain import log
from schemas import settings, times
from services.alarms import causes
from services.alarms import store as alarms_store
from services.scheduler import incidents, monitor, store
from streams import database, outbox
from streams.stages import patience, rounds, stage

_TICK_S, _WATCH_S = 0.5, 5.0


def serve() -> None:
    """Tick until SIGTERM."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    loaded = settings.load("database_url")
    engine = database.opened(loaded.database_url, writes=True)
    rules = settings.rules(loaded)
    say = log.LogLines(loaded.log_format)
    watch = monitor.Monitor(engine, rules, say, rounds.this_process())

    ticker = BlockingScheduler(timezone=dt.UTC)
    for job, seconds in (
        (_ticks(watch), _TICK_S),
        (_watches(engine, loaded.topic), _WATCH_S),
    ):
        ticker.add_job(
            job,
            "interval",
            seconds=seconds,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )

    signal.signal(signal.SIGTERM, lambda *_: ticker.shutdown(wait=False))
    print("intentwatch: scheduler ready", file=sys.stderr, flush=True)
    ticker.start()


def _ticks(watch: monitor.Monitor) -> Callable[[], None]:
    """Judge what is due, and say that a scheduler lives."""
    ticks = rounds.Rounds(watch.engine, stage.SCHEDULER, patience=patience.Patience())
    beaten = -_WATCH_S

    def tick() -> None:
        nonlocal beaten
        with ticks.round():
            try:
                watch.tick()
            finally:
                # One that fails lives all the same, and says so as a failing stage; one that hangs
                # does not come here.
                if time.monotonic() - beaten >= _WATCH_S:
                    with watch.engine.begin() as connection:
                        store.keep_beating(connection, watch.owner)
                    beaten = time.monotonic()

    return tick


def _watches(engine: sa.Engine, topic: str) -> Callable[[], None]:
    """An alarm for everything that should move and does not, and that it is over: each once,
    however many schedulers look.
    """
    looks = rounds.Rounds(engine, f"{stage.SCHEDULER} watch", patience=patience.Patience())
    lasting = causes.Lasting()
    begun = time.monotonic()

    def look() -> None:
        with looks.round(), engine.begin() as connection:
            facts = alarms_store.facts(connection, topic)
            now = time.monotonic()
            for alarm in causes.alarms(facts, now - begun):
                outbox.tell(connection, alarm)
            for alarm in lasting.alarms(facts, now):
                outbox.tell(connection, alarm)
            for ended in alarms_store.over(connection, facts, topic):
                outbox.tell(connection, ended)

    return look


def again(chosen: argparse.Namespace) -> None:
    """Let what was set aside be judged after all."""
    engine = database.opened(settings.load("database_url").database_url)
    with engine.begin() as connection:
        hours = store.take_up(connection, chosen.hour)
    if not hours:
        ended = f" that ended {times.rfc3339(chosen.hour)}" if chosen.hour else ""
        settings.refuse(
            f"no hour{ended} is set aside;"
            " `python -m services.doctor scheduler` names those that are",
            2,
        )
    print(hours)


def main() -> None:
    """Parse; without a sub-command, serve."""
    parser = argparse.ArgumentParser(prog="python -m services.scheduler", description=__doc__)
    commands = parser.add_subparsers()

    once_more = commands.add_parser(
        "again",
        help="judge hours that were set aside after three failures",
    )
    once_more.add_argument(
        "hour",
        type=times.instant,
        metavar="T",
        nargs="?",
        help="the end of the hour; without it every one",
    )
    once_more.set_defaults(do=again)

    incident = commands.add_parser("incident", help="record a business incident or a pause")
    incidents.arguments(incident)

    chosen = parser.parse_args()
    if hasattr(chosen, "do"):
        chosen.do(chosen)
    else:
        serve()


if __name__ == "__main__":
    with database.refusing():
        main()
