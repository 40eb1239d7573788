"""Where else the numbers of a run are written, for those who would rather look there: TensorBoard's
event files and an MLflow server. Their libraries come with the extra `writers`.

The database keeps every number in any case: a writer that fails is told once and left out.
"""

import contextlib
import functools
import importlib.util
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from schemas import runs

log = logging.getLogger("intentwatch.retrain")

EXPERIMENT: Final = "intentwatch"


class Unavailable(RuntimeError):
    """A writer is asked for whose library is not installed."""


def _installed(library: str) -> bool:
    return importlib.util.find_spec(library) is not None


class Writer(Protocol):
    """One other place."""

    def put(self, rows: Sequence[runs.Metric]) -> None:
        """Write numbers."""

    def close(self) -> None:
        """The run's training is over."""


@dataclass(frozen=True, slots=True)
class Places:
    """`tensorboard`: a directory, in which each run has one of its own; `mlflow`: the address of a
    tracking server. None: not there.
    """

    tensorboard: Path | None = None
    mlflow: str | None = None

    def check(self, installed: Callable[[str], bool] = _installed) -> None:
        """Raises Unavailable where the library of one is missing."""
        for library in ("tensorboard", "mlflow"):
            if getattr(self, library) and not installed(library):
                raise Unavailable(
                    f"INTENTWATCH_{library.upper()} is set and {library} is not installed;"
                    " install intentwatch with its extra `writers`"
                )


class TensorBoard:
    """Event files, a directory a run."""

    def __init__(self, directory: Path, run_id: str) -> None:
        from torch.utils import tensorboard

        self._events: Any = tensorboard.SummaryWriter(str(directory / run_id))

    def put(self, rows: Sequence[runs.Metric]) -> None:
        """Each number as a scalar."""
        for row, value in _numbers(rows):
            self._events.add_scalar(row.name, value, step(row))
        self._events.flush()

    def close(self) -> None:
        """Close the file."""
        self._events.close()


class MLflow:
    """A run of the experiment `intentwatch`, named as ours."""

    def __init__(self, address: str, run_id: str) -> None:
        import mlflow

        self._client = mlflow.MlflowClient(tracking_uri=address)
        known = self._client.get_experiment_by_name(EXPERIMENT)
        number = known.experiment_id if known else self._client.create_experiment(EXPERIMENT)
        self._run = self._client.create_run(number, run_name=run_id).info.run_id

    def put(self, rows: Sequence[runs.Metric]) -> None:
        """Each number as a metric."""
        for row, value in _numbers(rows):
            self._client.log_metric(self._run, row.name, value, step=step(row))

    def close(self) -> None:
        """The run is finished there."""
        self._client.set_terminated(self._run)


def step(row: runs.Metric) -> int:
    """Where a number stands on the axis of steps: at its step, else its epoch, else the beginning.

    >>> step(runs.Metric(2, 40, "loss", 0.5)), step(runs.Metric(2, None, "val_loss", 0.5))
    (40, 2)
    """
    return next((place for place in (row.step, row.epoch) if place is not None), 0)


def _numbers(rows: Sequence[runs.Metric]) -> Iterator[tuple[runs.Metric, float]]:
    """What is no number has no place on a curve."""
    for row in rows:
        if math.isfinite(row.value):
            yield row, row.value


@dataclass(slots=True)
class Safely:
    """A writer whose first failure is told and is its last."""

    name: str
    writer: Writer | None = field(default=None)

    def put(self, rows: Sequence[runs.Metric]) -> None:
        """Write numbers, if it still writes."""
        if self.writer is not None:
            with self.guarded():
                self.writer.put(rows)

    def close(self) -> None:
        """Close it, if it still writes."""
        if self.writer is not None:
            with self.guarded():
                self.writer.close()

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """Whatever goes wrong in the block is told and is the end of it."""
        # Whatever a library or a server of others says, training goes on.
        try:
            yield
        except Exception as error:
            self.writer = None
            log.warning("%s takes no more numbers of this run: %s", self.name, error)


@contextlib.contextmanager
def opened(places: Places, run_id: str) -> Iterator[Sequence[Writer]]:
    """The writers of a run, until the block ends. Never raises."""
    writers = []
    if places.tensorboard:
        make = functools.partial(TensorBoard, places.tensorboard, run_id)
        writers.append(_open("TensorBoard", make))
    if places.mlflow:
        make_run = functools.partial(MLflow, places.mlflow, run_id)
        writers.append(_open("MLflow", make_run))
    try:
        yield writers
    finally:
        for each in writers:
            each.close()


def _open(name: str, make: Callable[[], Writer]) -> Safely:
    one = Safely(name)
    with one.guarded():
        one.writer = make()
    return one
