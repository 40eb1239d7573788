"""Keep the lease of the run in hand while it gets on: a thread renews it, as export, quantising and
load test take longer than a lease; but only as long as the run itself still writes something down.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from retrain import store
from retrain.train import limits
from retrain.train import recipe as recipes
from retrain.train.ended import guard
from retrain.train.fit import telemetry
from schemas import settings
from streams import end as ending
from streams import leases

# A training writes every other second, a compilation once it is done: minutes, on a slow machine
# with many held-out rows.
_SILENT_S: Final = 900.0
_NOTED_S: Final = 2.0


@dataclass(slots=True)
class Tenure:
    """The right to do one run, and when it was last made use of (monotonic seconds)."""

    engine: sa.Engine
    run_id: str
    lease: leases.Lease
    begun: float = field(default_factory=time.monotonic)
    _written: float = field(default_factory=time.monotonic)

    @contextlib.contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A transaction that only whoever has the right can end. Raises leases.Lost."""
        with self.engine.begin() as connection:
            leases.guard(connection, self.lease)
            yield connection
        self._written = time.monotonic()

    @property
    def silent_s(self) -> float:
        """Seconds since the run has last written something."""
        return time.monotonic() - self._written


@contextlib.contextmanager
def kept(
    engine: sa.Engine,
    owner: str,
    run_id: str,
    seconds: int,
    *,
    silent_s: float = _SILENT_S,
    end: ending.End = ending.end_process,
) -> Iterator[Tenure]:
    """Take `retrain`, or renew it, and keep it until the block ends. Raises leases.Lost while
    somebody else has it.

    Lost to somebody else, the process ends at once: two must not write one run. It ends as well
    when the run has written nothing for `silent_s`: what hangs cannot be stopped otherwise, and the
    lease runs out.
    """
    with engine.begin() as connection:
        lease = leases.taken(connection, "retrain", owner, seconds)
    if lease is None:
        raise leases.Lost("another run is in progress; see `python -m services.show runs`")
    tenure = Tenure(engine, run_id, lease)
    stop = threading.Event()
    thread = threading.Thread(
        target=_beat, args=(tenure, seconds, silent_s, stop, end), name="heartbeat", daemon=True
    )
    thread.start()
    try:
        yield tenure
    finally:
        stop.set()
        thread.join()


def noting(tenure: Tenure, recipe: recipes.Recipe) -> Callable[[dict[str, Any]], None]:
    """What holds a run to its recipe's limits, and notes its progress every other second."""
    last = time.monotonic()

    def beat(progress: dict[str, Any]) -> None:
        nonlocal last
        minutes = (time.monotonic() - tenure.begun) / 60
        limits.check(recipe, minutes, telemetry.resident_mib())
        if time.monotonic() - last > _NOTED_S:
            last = time.monotonic()
            with tenure.begin() as connection:
                guard.check(connection, tenure.run_id)
                store.change_run(connection, tenure.run_id, progress=progress)

    return beat


def _beat(
    tenure: Tenure,
    seconds: int,
    silent_s: float,
    stop: threading.Event,
    end: ending.End,
) -> None:
    over = None
    while over is None and not stop.wait(seconds / 6):
        over = _over(tenure, seconds, silent_s)
    if over is not None:
        end(*over)


def _over(tenure: Tenure, seconds: int, silent_s: float) -> tuple[str, int] | None:
    """Renew the lease, or say why the process must end, and with which exit code."""
    if tenure.silent_s > silent_s:
        cause = f"the run has not moved for {silent_s:g} s"
        _noted(tenure, cause)
        return cause, settings.EXIT_TRY_AGAIN
    try:
        with tenure.engine.begin() as connection:
            lease = leases.taken(connection, "retrain", tenure.lease.owner, seconds)
    except sa.exc.SQLAlchemyError:
        return None  # an outage takes the lease from nobody: whoever comes back first renews it
    if lease != tenure.lease:
        return "another worker has taken this run over", settings.EXIT_FENCED
    return None


def _noted(tenure: Tenure, cause: str) -> None:
    """Leave the cause behind for whoever takes the run over. The end must come whatever Postgres
    says to it.
    """
    gone = (sa.exc.SQLAlchemyError, leases.Lost)
    with contextlib.suppress(*gone), tenure.begin() as connection:
        store.change_run(connection, tenure.run_id, error=cause)
