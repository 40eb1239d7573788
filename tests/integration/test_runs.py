"""The first run, and any other: one that fails in a way nobody foresaw is tried three times, then
set aside with an alarm; the next one goes on.
"""

import dataclasses
import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import processes
import pytest
import sqlalchemy as sa
from shops import corpus

from retrain import log, store
from retrain.train import attempts, job, recipe, workshop
from retrain.train.fit import model
from schemas import policy, runs
from services.alarms import causes
from services.alarms import store as alarms_store
from services.labels import ingest
from services.labels import store as labels_store
from streams import leases

AT = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)


@pytest.fixture
def torn(tmp_path: Path) -> Path:
    """An encoder whose weights were copied half way: what its library says of that is no error of
    Python's own kinds.
    """
    whole, torn = Path(model.encoder_directory(recipe.Recipe().base_model)), tmp_path / "encoder"
    shutil.copytree(whole, torn)
    (weights,) = torn.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])
    return torn


def shop_of(engine: sa.Engine, models: Path, **changed: Any) -> workshop.Workshop:
    return workshop.Workshop(
        engine,
        models,
        policy.parse("[labels]\nmin_to_train = 100"),
        recipe.Recipe(**changed),
        log.LogLines("line"),
        "test",
    )


def queue(engine: sa.Engine, run_id: str, rows: int = 0) -> None:
    with engine.begin() as connection:
        if rows:
            parsed = [ingest.corpus_row(json.dumps(each).encode()) for each in corpus(rows)]
            labels_store.add_corpus(
                connection, [each for each in parsed if not isinstance(each, str)]
            )
        store.queue_run(connection, run_id=run_id, decision_id=None, as_of=AT)


def row(engine: sa.Engine, run_id: str) -> Any:
    with engine.connect() as connection:
        return store.run(connection, run_id)


def told(engine: sa.Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        return [
            (message.kind, str(message.payload))
            for message in connection.execute(
                sa.text("select kind, payload from outbox order by id")
            )
        ]


def test_a_run_that_fails_for_an_unforeseen_reason_is_set_aside_at_the_third_failure(
    engine: sa.Engine, torn: Path, tmp_path: Path
) -> None:
    shop = shop_of(engine, tmp_path / "models", base_model=str(torn))
    queue(engine, "ft_torn", rows=600)
    for number in (1, 2):
        with pytest.raises(Exception, match=r"(?i)header|incomplete|invalid"):
            attempts.by_worker(shop, "ft_torn")
        run = row(engine, "ft_torn")
        assert (run["state"], run["attempts"], run["ended"]) == (
            runs.State.QUEUED,
            number,
            None,
        )
    assert attempts.by_worker(shop, "ft_torn") is runs.State.FAILED
    run = row(engine, "ft_torn")
    assert run["error"].endswith("(3 tries)")
    assert run["closed_as_of"] is not None, "for the trigger it is over"
    (alarm,) = [payload for kind, payload in told(engine) if kind == "alarm"]
    assert "run ft_torn is set aside after 3 tries" in alarm
    assert "python retrain/run.py show ft_torn" in alarm
    with engine.connect() as connection:
        assert store.unfinished_run(connection) is None, "what comes after it goes on"


def test_a_run_that_takes_its_worker_along_is_counted_too(
    engine: sa.Engine, tmp_path: Path
) -> None:
    queue(engine, "ft_killer")
    for number in (1, 2, 3):
        with engine.begin() as connection:
            assert store.begin_attempt(connection, "ft_killer") == number
            store.change_run(connection, "ft_killer", state=runs.State.TRAINING)
    assert attempts.by_worker(shop_of(engine, tmp_path), "ft_killer") is runs.State.FAILED
    assert "its worker ended in the middle of it" in row(engine, "ft_killer")["error"]


def test_a_first_run_without_labels_fails_at_once_and_says_what_is_missing(
    engine: sa.Engine, tmp_path: Path
) -> None:
    queue(engine, "ft_empty")
    assert attempts.by_worker(shop_of(engine, tmp_path), "ft_empty") is runs.State.FAILED
    run = row(engine, "ft_empty")
    assert (run["attempts"], run["error"]) == (
        1,
        "there is no labelled message; import some with `python -m services.labels corpus FILE`",
    )


def test_the_worker_goes_on_to_the_next_run(
    engine: sa.Engine, database: str, torn: Path, tmp_path: Path
) -> None:
    (tmp_path / "recipe.toml").write_text(f'base_model = "{torn}"\n')
    (tmp_path / "policy.toml").write_text("[labels]\nmin_to_train = 100\n")
    environment = {
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_MODELS": str(tmp_path / "models"),
        "INTENTWATCH_RECIPE": str(tmp_path / "recipe.toml"),
        "INTENTWATCH_POLICY": str(tmp_path / "policy.toml"),
    }
    queue(engine, "ft_1_torn", rows=600)
    queue(engine, "ft_2_next")
    with processes.running(["retrain/run.py", "work"], environment, tmp_path / "log") as worker:
        next_begun = lambda: row(engine, "ft_2_next")["attempts"] > 0  # noqa: E731
        assert processes.eventually(next_begun, 240), (tmp_path / "log").read_text()
        assert worker.poll() is None
    run = row(engine, "ft_1_torn")
    assert (run["attempts"], run["state"]) == (3, runs.State.FAILED)
    assert (tmp_path / "log").read_text().count("Traceback") >= 2


def test_a_run_that_no_worker_takes_is_told(engine: sa.Engine) -> None:
    queue(engine, "ft_alone")
    with engine.begin() as connection:
        connection.execute(sa.text("update run set queued_at = now() - interval '4 minutes'"))
        (alarm,) = causes.alarms(alarms_store.facts(connection))
        assert alarm.key.startswith("run:waiting:ft_alone:")
        leases.hold(connection, "retrain_worker", "one")
        assert list(causes.alarms(alarms_store.facts(connection))) == []
        connection.execute(sa.text("update lease set expires_at = now() - interval '20 seconds'"))
        assert list(causes.alarms(alarms_store.facts(connection))) == [], (
            "a worker that is restarted needs a while"
        )


def test_what_a_rejected_run_has_made_stays_for_as_long_as_the_policy_says(
    engine: sa.Engine, tmp_path: Path
) -> None:
    """Asked when the next run begins; the numbers stay."""
    shop = shop_of(engine, tmp_path / "models")
    kept, old = shop.models / ".ft_kept", shop.models / ".ft_old"
    for directory, days in ((kept, 29), (old, 31)):
        directory.mkdir(parents=True)
        (directory / "metrics.jsonl").write_text("{}\n")
        run_id = directory.name.removeprefix(".")
        queue(engine, run_id)
        with engine.begin() as connection:
            ended = sa.func.now() - dt.timedelta(days=days)
            store.change_run(connection, run_id, state=runs.State.REJECTED, ended=ended)

    queue(engine, "ft_next", rows=600)
    nowhere = dataclasses.replace(shop, recipe=recipe.Recipe(base_model="/nowhere"))
    with workshop.held(nowhere, "ft_next") as mine, pytest.raises(model.EncoderMissing):
        job._execute(mine, "ft_next")
    assert kept.exists()
    assert not old.exists()
