"""`python -m services.scheduler`: do the monitors as they fall due by the stream's clock; `incident open|close|list` records what the business sees.

APScheduler only ticks; job_run rows in Postgres decide who does what, so replicas are safe and a stopped scheduler catches up.
"""

import argparse
import datetime as dt
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable

import sqlalchemy as sa
from apscheduler.schedulers.blocking import BlockingScheduler

from retrain import log
from schemas import settings
from services import silence
from services import store as services_store
from services.scheduler import incidents, monitor, store
from streams import database
from streams import store as streams_store

_TICK_S, _SILENCE_S = 0.5, 5.0
warn = logging.getLogger("intentwatch.scheduler").warning


def serve() -> None:
    """Tick until SIGTERM."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    loaded = settings.load("database_url")
    rules = settings.rules(loaded)
    watch = monitor.Monitor(database.opened(loaded.database_url), rules, log.LogLines(loaded.log_format), f"{socket.gethostname()}:{os.getpid()}")

    beaten = -_SILENCE_S

    def tick() -> None:
        nonlocal beaten
        watch.tick()
        if time.monotonic() - beaten >= _SILENCE_S:  # after the work: a tick that hangs or fails is no sign of life
            with watch.engine.begin() as connection:
                store.keep_beating(connection, watch.owner)
            beaten = time.monotonic()

    def attempt(job: Callable[[], object]) -> None:
        try:
            job()
        except sa.exc.SQLAlchemyError as error:
            warn("this tick failed, the next one tries again: %s", str(error).splitlines()[0])

    ticker = BlockingScheduler(timezone=dt.UTC)
    for job, seconds in ((lambda: attempt(tick), _TICK_S), (lambda: attempt(lambda: tell_silence(watch.engine, loaded.topic)), _SILENCE_S)):
        ticker.add_job(job, "interval", seconds=seconds, max_instances=1, coalesce=True, misfire_grace_time=None)
    signal.signal(signal.SIGTERM, lambda *_: ticker.shutdown(wait=False))
    print("intentwatch: scheduler ready", file=sys.stderr, flush=True)
    ticker.start()


def tell_silence(engine: sa.Engine, topic: str) -> None:
    """An alarm for each partition that stands still and for logs that do not come: one for each time, however many schedulers look."""
    with engine.begin() as connection:
        for alarm in silence.alarms(services_store.partitions(connection, topic)):
            streams_store.alarm(connection, alarm.key, alarm.cause, alarm.remedy)


def main() -> None:
    """Parse; without a sub-command, serve."""
    parser = argparse.ArgumentParser(prog="python -m services.scheduler", description=__doc__)
    commands = parser.add_subparsers()
    incidents.arguments(commands.add_parser("incident", help="record a business incident or a pause"))
    chosen = parser.parse_args()
    if hasattr(chosen, "do"):
        chosen.do(chosen)
    else:
        serve()


if __name__ == "__main__":
    main()
