"""`python -m services.dashboard`: the production board at INTENTWATCH_BIND (loopback) and
INTENTWATCH_DASHBOARD_PORT, until SIGTERM.
"""

import logging
import signal
import sys

import uvicorn

from schemas import settings
from services import ports
from services.dashboard import app
from streams import database
from streams.stages import patience


def main() -> None:
    """Read the environment, say where, serve."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    loaded = settings.load("database_url")
    rules = settings.rules(loaded)
    if ports.listening(loaded.dashboard_port):
        settings.refuse(
            f"port {loaded.dashboard_port} is in use; set INTENTWATCH_DASHBOARD_PORT to a free one"
        )
    engine = database.opened(loaded.database_url)
    patience.watch(engine)
    dashboard = app.Dashboard(engine, rules, test_clock=loaded.test_clock)
    served = app.build(dashboard)
    # Uvicorn raises the signal again once it has drained: that is a good end, not a crash.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(
        f"intentwatch: dashboard at http://{loaded.bind}:{loaded.dashboard_port}/",
        file=sys.stderr,
        flush=True,
    )
    uvicorn.run(
        served,
        host=loaded.bind,
        port=loaded.dashboard_port,
        log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    with database.refusing():
        main()
