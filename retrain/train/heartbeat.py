"""Keep the lease of the run in hand, from a thread: export, quantising and load test take longer
than a lease and have no loop to beat in.
"""

import contextlib
import threading
from collections.abc import Iterator

import sqlalchemy as sa

from schemas import settings
from streams import leases
from streams.worker import ending


@contextlib.contextmanager
def kept(engine: sa.Engine, owner: str, seconds: int) -> Iterator[None]:
    """Renew `retrain` until the block ends. Lost to somebody else, the process ends at once: two
    must not write one run.
    """
    stop = threading.Event()
    thread = threading.Thread(
        target=_beat, args=(engine, owner, seconds, stop), name="heartbeat", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _beat(engine: sa.Engine, owner: str, seconds: int, stop: threading.Event) -> None:
    while not stop.wait(seconds / 6):
        try:
            with engine.begin() as connection:
                mine = leases.hold(connection, "retrain", owner, seconds)
        except sa.exc.SQLAlchemyError:
            continue  # an outage takes the lease from nobody: whoever comes back first renews it
        if not mine:
            ending.end_process("another worker has taken this run over", settings.EXIT_FENCED)
