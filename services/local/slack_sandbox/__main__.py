"""`python -m services.local.slack_sandbox --port P`: the sandbox on loopback, in the foreground
until SIGTERM.
"""

import argparse
import sys
import time

import uvicorn

from schemas import settings
from services import ports
from services.local.slack_sandbox import app, workspace


def main() -> None:
    """Parse, say where, serve."""
    parser = argparse.ArgumentParser(
        prog="python -m services.local.slack_sandbox", description=__doc__
    )
    parser.add_argument("--port", type=int, required=True, help="a free port of 127.0.0.1")
    chosen = parser.parse_args()
    if ports.listening(chosen.port):
        settings.refuse(f"port {chosen.port} is in use; choose another with --port")
    page = f"http://{ports.HOST}:{chosen.port}/"
    print(
        f"intentwatch: Slack sandbox at {page} (INTENTWATCH_SLACK_BASE_URL={page}api/)",
        file=sys.stderr,
    )
    # h11 by name: the faults close connections through its transport.
    uvicorn.run(
        app.build(workspace.Workspace(time.time)),
        host=ports.HOST,
        port=chosen.port,
        http="h11",
        log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    main()
