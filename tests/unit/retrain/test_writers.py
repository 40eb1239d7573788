"""The numbers of a run in TensorBoard's event files and in MLflow's store, by their own readers."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from retrain.train.noted import writers
from schemas import runs

ROWS = [
    runs.Metric(1, 10, "loss", 0.5),
    runs.Metric(1, 20, "loss", 0.25),
    runs.Metric(1, 20, "gradient_norm", math.nan),
    runs.Metric(1, None, "val_loss", 0.75),
    runs.Metric(None, None, "peak_memory_mib", 512.0),
]
KEPT = {"loss": [(10, 0.5), (20, 0.25)], "val_loss": [(1, 0.75)], "peak_memory_mib": [(0, 512.0)]}


def test_tensorboard_reads_every_number_of_the_run(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing import event_accumulator  # type: ignore[import-untyped]

    with writers.opened(writers.Places(tensorboard=tmp_path), "ft_1") as others:
        for other in others:
            other.put(ROWS[:2])
            other.put(ROWS[2:])

    read = event_accumulator.EventAccumulator(str(tmp_path / "ft_1"))
    read.Reload()
    told = {
        name: [(each.step, each.value) for each in read.Scalars(name)]
        for name in read.Tags()["scalars"]
    }
    assert told == KEPT


@pytest.mark.filterwarnings("ignore")  # of its own store
def test_mlflow_has_a_finished_run_of_this_name_with_every_number(tmp_path: Path) -> None:
    import mlflow

    address = f"sqlite:///{tmp_path}/mlflow.db"
    for name in ("ft_1", "ft_2"):
        with writers.opened(writers.Places(mlflow=address), name) as others:
            for other in others:
                other.put(ROWS)

    client = mlflow.MlflowClient(tracking_uri=address)
    experiment = client.get_experiment_by_name(writers.EXPERIMENT)
    assert experiment is not None
    by_name = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert sorted(by_name) == ["ft_1", "ft_2"]
    first = by_name["ft_1"].info
    told = {
        name: [(each.step, each.value) for each in client.get_metric_history(first.run_id, name)]
        for name in KEPT
    }
    assert (first.status, told) == ("FINISHED", KEPT)


def test_nobody_asks_for_a_writer_and_there_is_none() -> None:
    with writers.opened(writers.Places(), "ft_1") as others:
        assert list(others) == []


def test_a_place_that_cannot_be_written_is_told_once_and_training_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no directory")
    places = writers.Places(tensorboard=tmp_path / "file")

    with writers.opened(places, "ft_1") as others:
        for other in others:
            other.put(ROWS)

    (told,) = caplog.messages
    assert told.startswith("TensorBoard takes no more numbers of this run: ")


class Failing:
    """A place that takes one lot of numbers and then no more."""

    def __init__(self) -> None:
        self.puts = 0

    def put(self, rows: Sequence[runs.Metric]) -> None:
        self.puts += 1
        if self.puts > 1:
            raise OSError(28, "No space left on device")

    def close(self) -> None:
        raise AssertionError("it has failed already")


def test_a_writer_that_fails_in_between_is_left_out_from_then_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failing = Failing()
    one = writers.Safely("a place", failing)
    for _ in range(4):
        one.put(ROWS)
    one.close()

    assert failing.puts == 2
    assert len(caplog.messages) == 1


def test_a_library_that_is_missing_is_named_before_anything_trains() -> None:
    asked = writers.Places(mlflow="http://127.0.0.1:5000")

    with pytest.raises(writers.Unavailable, match="INTENTWATCH_MLFLOW is set and mlflow is not"):
        asked.check(lambda library: library == "tensorboard")
    asked.check()
    writers.Places().check(lambda _: False)
