"""`python -m streams worker`: read serving logs, keep windows. SIGTERM finishes the chunk in hand,
leaves the group and exits 0.
"""

import argparse
import faulthandler
import sys

from schemas import settings
from streams import brokers


def main() -> None:
    """Check what the worker stands on, then hand over to Faust."""
    faulthandler.enable()  # a crash below Python says where every thread was
    parser = argparse.ArgumentParser(prog="python -m streams", description=__doc__)
    parser.add_subparsers(required=True).add_parser(
        "worker", help="run one worker; start more to share the partitions"
    )
    parser.parse_args()
    loaded = settings.load("kafka", "database_url")
    trouble = brokers.trouble(brokers.of(loaded), loaded.topic)
    if trouble:
        settings.refuse(trouble, settings.EXIT_DEPENDENCY)
    # Numpy and SQLAlchemy load slowly: a missing address is said first.
    from streams import database

    database.opened(loaded.database_url).dispose()
    import faust

    from streams.worker import app

    worker = faust.Worker(app.app, loglevel="WARN", redirect_stdouts=False)
    print("intentwatch: stream worker starting", file=sys.stderr, flush=True)
    # Not a task of the app: those wait for the first assignment, which may never come.
    app.app.watchdog.start()
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
