"""A person looks at a run, refuses its candidate, or stops it: by the commands, in every state, and
in the middle of a training.
"""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import processes
import pytest
import recorded
import sqlalchemy as sa
from shops import corpus

from retrain import log, store
from retrain.train import attempts, job, origin, recipe, workshop
from retrain.train.ended import guard, person
from retrain.train.report import lineage
from retrain.train.report import store as told
from schemas import policy, runs, tables
from services.labels import ingest
from services.labels import store as labels_store

State = runs.State


def put(engine: sa.Engine, state: runs.State, run_id: str = "ft_1") -> None:
    with engine.begin() as connection:
        recorded.queued(connection, run_id, state=state, candidate="v2", champion="v1")


def row(engine: sa.Engine, run_id: str = "ft_1") -> Any:
    with engine.connect() as connection:
        return store.run(connection, run_id)


def said(engine: sa.Engine) -> list[str]:
    """The states that are told of, in order."""
    with engine.connect() as connection:
        outbox = tables.outbox
        payloads = connection.execute(sa.select(outbox.c.payload).order_by(outbox.c.id)).scalars()
        return [payload["state"] for payload in payloads]


def command(database: str, *words: str) -> tuple[int, str]:
    """Its exit code, and its last line."""
    done = processes.run(["retrain/run.py", *words], {"INTENTWATCH_DATABASE_URL": database})
    return done.returncode, (done.stdout or done.stderr).splitlines()[-1]


@pytest.mark.parametrize("state", list(State))
def test_a_review_is_recorded_of_a_run_in_any_state_and_changes_nothing_else(
    engine: sa.Engine, state: runs.State
) -> None:
    put(engine, state)

    person.review(engine, "ft_1", by="ana", note="the mistakes are those of v1")
    person.review(engine, "ft_1", by="ben")

    assert row(engine)["state"] == state
    assert said(engine) == []
    with engine.connect() as connection:
        known = told.told(connection, "ft_1")
    assert known is not None
    page = "".join(lineage.parts(known))
    assert "reviewed by ana" in page
    assert "ana: the mistakes are those of v1" in page
    assert "reviewed by ben" in page


@pytest.mark.parametrize("state", [State.GATED, State.REGISTERED])
def test_a_candidate_that_waits_is_refused_with_who_and_why(
    engine: sa.Engine, state: runs.State
) -> None:
    put(engine, state)

    assert person.reject(engine, "ft_1", by="ana", why="slow on long messages") == "v2"

    run = row(engine)
    assert (run["state"], run["error"]) == (State.REJECTED, "by ana: slow on long messages")
    assert run["ended"] is not None
    assert run["closed_as_of"] is not None, "for the trigger it is over"
    assert said(engine) == ["rejected"]


@pytest.mark.parametrize(
    "state", [State.QUEUED, State.TRAINING, State.CHAMPION, State.REJECTED, State.FAILED]
)
def test_a_run_without_a_candidate_that_waits_cannot_be_refused(
    engine: sa.Engine, state: runs.State
) -> None:
    put(engine, state)

    with pytest.raises(person.TooLate, match=f"ft_1 is {state}: no candidate of it waits"):
        person.reject(engine, "ft_1", by="ana", why="slow")
    assert row(engine)["state"] == state


@pytest.mark.parametrize("state", person.CANCELLABLE)
def test_what_waits_or_is_under_way_can_be_stopped(engine: sa.Engine, state: runs.State) -> None:
    put(engine, state)

    person.cancel(engine, "ft_1", by="ana")

    run = row(engine)
    assert (run["state"], run["error"]) == (State.CANCELLED, "by ana")
    assert said(engine) == ["cancelled"]
    with engine.connect() as connection:
        assert store.unfinished_run(connection) is None, "no worker takes it"


@pytest.mark.parametrize("state", [*runs.ENDED, State.REGISTERED])
def test_what_is_over_cannot_be_stopped(engine: sa.Engine, state: runs.State) -> None:
    put(engine, state)

    with pytest.raises(person.TooLate, match="nothing of it is under way"):
        person.cancel(engine, "ft_1", by="ana")
    assert row(engine)["state"] == state


def test_the_commands_say_what_they_did_and_refuse_with_the_contracts_codes(
    engine: sa.Engine, database: str
) -> None:
    put(engine, State.REGISTERED)
    put(engine, State.QUEUED, "ft_2")
    by = ("--by", "ana")

    assert command(database, "review", "ft_1", *by) == (0, json.dumps({"reviewed": "ft_1"}))
    code, line = command(database, "cancel", "ft_1", *by)
    assert (code, line.endswith("under way; `reject` ends it")) == (5, True)
    refused = command(database, "reject", "ft_1", *by, "--why", "slow")
    assert refused == (0, json.dumps({"rejected": "v2"}))
    assert command(database, "reject", "ft_1", *by, "--why", "slow")[0] == 5
    assert command(database, "cancel", "ft_2", *by) == (0, json.dumps({"cancelled": "ft_2"}))
    assert command(database, "reject", "ft_1", *by)[0] == 2, "it has to be said why"
    for words in (("review", "ft_9"), ("cancel", "ft_9"), ("reject", "ft_9", "--why", "slow")):
        code, line = command(database, *words, *by)
        assert (code, "no run ft_9" in line) == (2, True)


class _CancelledMeanwhile(log.LogLines):
    """Log lines of a run that a person stops as soon as it has begun."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__("line")
        self.engine = engine

    def line(self, tag: str, fields: Any) -> None:
        if tag == "DATA_AUDIT":
            person.cancel(self.engine, "ft_1", by="ana")


def test_a_training_stops_at_its_next_beat_and_is_not_tried_again(
    engine: sa.Engine, tmp_path: Path
) -> None:
    rules = policy.parse("[labels]\nmin_to_train = 100")
    lines = _CancelledMeanwhile(engine)
    shop = workshop.Workshop(engine, tmp_path / "models", rules, recipe.Recipe(), lines, "test")
    parsed = [ingest.corpus_row(json.dumps(each).encode()) for each in corpus(600)]
    with engine.begin() as connection:
        rows = [each for each in parsed if not isinstance(each, str)]
        labels_store.add_corpus(connection, rows)
        store.queue_run(connection, run_id="ft_1", decision_id=None, as_of=dt.datetime.now(dt.UTC))

    assert attempts.by_worker(shop, "ft_1") is State.CANCELLED

    run = row(engine)
    assert (run["state"], run["error"], run["attempts"]) == (State.CANCELLED, "by ana", 1)
    assert (run["evaluation"], run["gates"]) == (None, None)
    assert said(engine) == ["training", "cancelled"]
    with engine.connect() as connection:
        known = told.told(connection, "ft_1")
    assert known is not None
    begun = known.step(State.TRAINING)
    assert begun is not None
    made_with = origin.of(rules)
    assert {name: begun.detail[name] for name in made_with} == made_with


def test_no_step_of_a_worker_revives_what_a_person_has_ended(
    engine: sa.Engine, tmp_path: Path
) -> None:
    put(engine, State.CANCELLED)
    shop = workshop.Workshop(
        engine, tmp_path, policy.Policy(), recipe.Recipe(), log.LogLines("line"), "test"
    )

    with workshop.held(shop, "ft_1") as mine:
        with pytest.raises(guard.Ended):
            workshop.advance(mine, "ft_1", State.EVALUATED)
        assert job.fail(mine, "ft_1", "out of memory") is State.CANCELLED
    assert (row(engine)["state"], row(engine)["error"]) == (State.CANCELLED, None)
