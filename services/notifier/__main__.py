"""`python -m services.notifier [--once]`: carry the outbox to Slack, once a second, until SIGTERM;
--once delivers what is due and exits.

Exit 75 after --once: something is still to be sent.
"""

import argparse
import logging
import signal
import sys
import threading

import sqlalchemy as sa

from schemas import settings
from services.alarms import causes
from services.alarms import store as alarms_store
from services.notifier import deliver, slack, store
from streams import database, outbox
from streams.stages import patience, rounds, stage
from streams.stages import store as stages_store

_POLL_S = 1.0


def _slack(loaded: settings.Settings) -> slack.Slack:
    """Slack itself with a token, the sandbox with an address alone."""
    if loaded.slack_token is None and loaded.slack_base_url is None:
        settings.refuse(
            "neither INTENTWATCH_SLACK_TOKEN nor INTENTWATCH_SLACK_BASE_URL is set;"
            " set the bot's token, or start"
            " `python -m services.local.slack_sandbox --port 8082`"
            " and set INTENTWATCH_SLACK_BASE_URL=http://127.0.0.1:8082/api/"
        )
    token = loaded.slack_token or slack.SANDBOX_TOKEN
    return slack.Slack(token, loaded.slack_channel, loaded.slack_base_url or slack.SLACK)


def once(carrier: deliver.Carrier) -> None:
    """Deliver what is due; exit 75 if something is left."""
    carrier.drain(lambda: False)
    with carrier.engine.connect() as connection:
        left = store.waiting(connection)
    if left:
        why = left[0] or "not tried yet"
        settings.refuse(
            f"{len(left)} messages are still to be sent ({why}); try again",
            settings.EXIT_TRY_AGAIN,
        )


def serve(carrier: deliver.Carrier) -> None:
    """Deliver until SIGTERM. Slack being away does not end it, nor Postgres for a while."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    print("intentwatch: notifier ready", file=sys.stderr, flush=True)
    delivering = rounds.Rounds(carrier.engine, stage.NOTIFIER, patience=patience.Patience())
    pause = 0.0
    while not stop.wait(pause):
        pause = _POLL_S
        with delivering.round():
            watch_scheduler(carrier.engine)
            pause = max(_POLL_S, carrier.drain(stop.is_set))


def watch_scheduler(engine: sa.Engine) -> None:
    """The schedulers raise every other alarm; that none of them lives, or that their own rounds
    fail, is told from here.
    """
    with engine.begin() as connection:
        dead = causes.unattended(alarms_store.beat(connection))
        schedulers = []
        for failing in stages_store.failing(connection):
            if stage.process(failing.name) == stage.SCHEDULER:
                schedulers.append(failing)
        for alarm in causes.failing(schedulers):
            outbox.tell(connection, alarm)
        if dead:
            outbox.tell(connection, dead)


def main() -> None:
    """Parse; without --once, serve."""
    parser = argparse.ArgumentParser(prog="python -m services.notifier", description=__doc__)
    parser.add_argument("--once", action="store_true", help="deliver what is due and exit")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    loaded = settings.load("database_url")
    client = _slack(loaded)
    engine = database.opened(loaded.database_url, writes=True)
    carrier = deliver.Carrier(engine, client, loaded.dashboard_url)
    if chosen.once:
        once(carrier)
    else:
        serve(carrier)


if __name__ == "__main__":
    try:
        with database.refusing():
            main()
    except KeyboardInterrupt:
        raise SystemExit(settings.EXIT_INTERRUPTED) from None
