"""However a run's try ends, it is told, and only whoever has the right to the run writes of it."""

import dataclasses
import datetime as dt
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest
import safetensors
import sqlalchemy as sa
import tinybert
from onnxruntime.capi import onnxruntime_pybind11_state as ort
from shops import corpus

from retrain import log, store
from retrain.train import attempts, heartbeat, job, limits, promote, recipe, workshop
from retrain.train.compile import manifest
from schemas import policy, runs, settings
from services.labels import ingest
from services.labels import store as labels_store
from streams import leases

AT = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
UNFORESEEN = (
    ort.InvalidGraph("this graph cannot be loaded"),
    KeyError("temperature"),
    MemoryError(),
    ZeroDivisionError("division by zero"),
    safetensors.SafetensorError("incomplete metadata"),
)


class Broken(log.LogLines):
    """Log lines of a run that ends in `error` when its audit is told."""

    def __init__(self, error: BaseException) -> None:
        super().__init__("line")
        self.error = error

    def line(self, tag: str, fields: Mapping[str, Any]) -> None:
        raise self.error


def shop_of(
    engine: sa.Engine, models: Path, lines: log.LogLines, **changed: Any
) -> workshop.Workshop:
    rules = policy.parse("[labels]\nmin_to_train = 100")
    return workshop.Workshop(engine, models, rules, recipe.Recipe(**changed), lines, "one")


def tiny(number: int) -> str:
    """A message of its own in the words that the smallest encoder knows."""
    return f"w{number % 40} w{number // 40} w{7 * number % 40}"


@pytest.fixture
def queued(engine: sa.Engine) -> sa.Engine:
    """A database with a run `ft_1` that has all it needs."""
    told = [each | {"text": tiny(number)} for number, each in enumerate(corpus(600))]
    parsed = [ingest.corpus_row(json.dumps(each).encode()) for each in told]
    with engine.begin() as connection:
        rows = [each for each in parsed if not isinstance(each, str)]
        labels_store.add_corpus(connection, rows)
        store.queue_run(connection, run_id="ft_1", decision_id=None, as_of=AT)
    return engine


def row(engine: sa.Engine) -> Any:
    with engine.connect() as connection:
        return store.run(connection, "ft_1")


class End:
    """What the heartbeat ended the process for; unlike the end itself it comes back."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []
        self.came = threading.Event()

    def __call__(self, cause: str, code: int) -> NoReturn:  # type: ignore[misc]
        self.told.append((cause, code))
        self.came.set()


@pytest.mark.parametrize("error", UNFORESEEN, ids=lambda error: type(error).__name__)
def test_whatever_a_run_by_hand_ends_in_is_its_cause(
    queued: sa.Engine, tmp_path: Path, error: Exception
) -> None:
    shop = shop_of(queued, tmp_path, Broken(error))
    assert attempts.by_hand(shop, "ft_1") is runs.State.FAILED
    run = row(queued)
    assert run["state"] == runs.State.FAILED
    assert run["error"].startswith(type(error).__name__)
    assert run["ended"] is not None


def test_whatever_a_workers_tries_end_in_the_third_is_the_last(
    queued: sa.Engine, tmp_path: Path
) -> None:
    for number, error in enumerate(UNFORESEEN[:2], start=1):
        with pytest.raises(type(error)):
            attempts.by_worker(shop_of(queued, tmp_path, Broken(error)), "ft_1")
        run = row(queued)
        assert (run["state"], run["attempts"]) == (runs.State.QUEUED, number)
        assert run["error"].startswith(type(error).__name__)
    last = shop_of(queued, tmp_path, Broken(MemoryError()))
    assert attempts.by_worker(last, "ft_1") is runs.State.FAILED
    assert row(queued)["error"] == "MemoryError (3 tries)"


def test_a_run_over_its_limit_of_memory_ends_with_that_cause_and_is_not_tried_again(
    queued: sa.Engine, tmp_path: Path
) -> None:
    shop = shop_of(queued, tmp_path, log.LogLines("line"), memory_mib=1)
    with workshop.held(shop, "ft_1") as mine:
        beat = heartbeat.noting(mine.held, mine.recipe)
        with pytest.raises(limits.OverLimit, match="the recipe's memory_mib is 1"):
            beat({"epoch": 1, "step": 1, "steps": 9})
    over = shop_of(queued, tmp_path, Broken(limits.OverLimit("it has taken 7.0 minutes")))
    assert attempts.by_worker(over, "ft_1") is runs.State.FAILED
    run = row(queued)
    assert (run["attempts"], run["error"]) == (1, "it has taken 7.0 minutes")


def taken_over(engine: sa.Engine) -> None:
    """The lease of `retrain` runs out, and a second worker takes it."""
    with engine.begin() as connection:
        connection.execute(sa.text("update lease set expires_at = now() - interval '1 second'"))
        second = leases.taken(connection, "retrain", "two", 30)
    assert second is not None


def test_nothing_that_a_zombie_writes_is_accepted(queued: sa.Engine, tmp_path: Path) -> None:
    shop = shop_of(queued, tmp_path, log.LogLines("line"))
    with heartbeat.kept(queued, "one", "ft_1", 3_000) as tenure:
        mine = dataclasses.replace(shop, tenure=tenure)
        workshop.advance(mine, "ft_1", runs.State.TRAINING)
        taken_over(queued)
        for write in (
            lambda: workshop.advance(mine, "ft_1", runs.State.REGISTERED, promoted=True),
            lambda: job.fail(mine, "ft_1", "whatever"),
            lambda: promote.promote(mine.held.begin, tmp_path, "ft_1", by="policy"),
        ):
            with pytest.raises(leases.Lost, match="another process has taken it since epoch 1"):
                write()
    run = row(queued)
    assert (run["state"], run["promoted"], run["error"]) == (runs.State.TRAINING, False, None)


def test_the_same_owner_at_another_epoch_is_a_zombie_too(queued: sa.Engine) -> None:
    """Host and process id come again when a container is started anew."""
    with queued.begin() as connection:
        first = leases.taken(connection, "retrain", "one", 30)
        assert first == leases.taken(connection, "retrain", "one", 30), "renewed, it is the same"
    taken_over(queued)
    with queued.begin() as connection:
        connection.execute(sa.text("update lease set expires_at = now() - interval '1 second'"))
        again = leases.taken(connection, "retrain", "one", 30)
        assert again == leases.Lease("retrain", "one", 3)
        leases.guard(connection, again)
        assert first is not None
        with pytest.raises(leases.Lost):
            leases.guard(connection, first)


def test_while_another_process_is_at_it_a_run_is_not_begun(
    queued: sa.Engine, tmp_path: Path
) -> None:
    with queued.begin() as connection:
        assert leases.hold(connection, "retrain", "two", 30)
    shop = shop_of(queued, tmp_path, Broken(AssertionError("it was begun")))
    for tried in (attempts.by_hand, attempts.by_worker):
        with pytest.raises(leases.Lost, match="another run is in progress"):
            tried(shop, "ft_1")
    assert (row(queued)["state"], row(queued)["attempts"]) == (runs.State.QUEUED, 0)


def test_a_run_that_hangs_lets_its_lease_run_out_and_leaves_its_cause(queued: sa.Engine) -> None:
    end = End()
    with heartbeat.kept(queued, "one", "ft_1", 1, silent_s=0.3, end=end):
        assert end.came.wait(30), "nothing was written, as if the work hung"
    cause = "the run has not moved for 0.3 s"
    assert end.told == [(cause, settings.EXIT_TRY_AGAIN)]
    assert row(queued)["error"] == cause
    taken_over(queued)  # nobody renews it


def test_a_run_that_moves_keeps_its_lease(queued: sa.Engine) -> None:
    """Each write counts as a move; the thread renews the lease meanwhile."""
    end = End()
    with heartbeat.kept(queued, "one", "ft_1", 1, silent_s=60, end=end) as tenure:
        before = expires(queued)
        while expires(queued) == before:
            with tenure.begin():
                pass
        assert tenure.silent_s < 60
    assert end.told == []


def expires(engine: sa.Engine) -> Any:
    with engine.connect() as connection:
        return connection.execute(sa.text("select expires_at from lease")).scalar_one()


def test_a_run_that_was_taken_over_ends_its_process(queued: sa.Engine) -> None:
    end = End()
    with heartbeat.kept(queued, "one", "ft_1", 3, end=end):
        taken_over(queued)
        assert end.came.wait(30)
    assert end.told == [("another worker has taken this run over", settings.EXIT_FENCED)]


class Killing(log.LogLines):
    """Lines of a run whose process is killed at the end of its second epoch."""

    def __init__(self, *, spared: bool) -> None:
        super().__init__("line")
        self.spared = spared
        self.epochs: list[Any] = []

    def line(self, tag: str, fields: Mapping[str, Any]) -> None:
        if tag == "VAL":
            self.epochs.append(fields["epoch"])
            if fields["epoch"] == 2 and not self.spared:
                raise SystemExit


def test_a_run_that_was_killed_goes_on_where_it_was(queued: sa.Engine, tmp_path: Path) -> None:
    """What it had noted is noted once more, and the checkpoint is no part of what it makes."""
    models = tmp_path / "models"
    encoder = tinybert.encoder(tmp_path / "encoder")

    def shop(lines: log.LogLines) -> workshop.Workshop:
        return shop_of(
            queued, models, lines, base_model=str(encoder), epochs=2, batch=64, max_tokens=32
        )

    with pytest.raises(SystemExit):
        attempts.by_worker(shop(Killing(spared=False)), "ft_1")
    (left,) = (models / ".ft_1").glob("checkpoint-*.pt")
    (models / ".ft_1" / "half.onnx").write_bytes(b"written half way")

    again = Killing(spared=True)
    assert attempts.by_worker(shop(again), "ft_1") is runs.State.REJECTED
    assert again.epochs == [2], "the first was not trained again"
    assert not left.exists()
    assert not (models / ".ft_1" / "half.onnx").exists()
    assert "checkpoint" not in (models / ".ft_1" / manifest.MANIFEST).read_text()
