"""What a page of a run reads from Postgres: a run that waits, one under way, one that was rejected
and one that failed, with everything their steps have left there.
"""

import dataclasses
import math
from typing import Any

import accounts
import builders
import pytest
import sqlalchemy as sa

from retrain import store
from retrain.evaluation import confusion
from retrain.train.noted import store as noted
from retrain.train.report import account, page
from retrain.train.report import store as recorded
from schemas import checks, decisions, runs, tables

DOUBT = {"annotator": "a3", "start": "2026-04-01", "end": "2026-04-08", "why": "61 of 300"}
SEEN = accounts.validated(("faq", "promotion"), ((8, 2), (1, 9)))
SCORES = confusion.Scores(20, 0.85, 0.84, None, {"faq": 0.8}, {"faq": 10}, 0.1)
LOAD = account.Load(1000, 7.9, 12.4, 18.3, 0.0, 500.0)
GATES = (
    accounts.gate("accuracy", 0.85, champion=0.9, margin=0.005, verdict=runs.GateVerdict.FAIL),
    accounts.gate("p95_latency_ms", 12.4, margin=15.0),
)


def queued(connection: sa.Connection, decision_id: str | None = None, **values: Any) -> None:
    store.queue_run(connection, run_id="r1", decision_id=decision_id, as_of=accounts.AT)
    if values:
        store.change_run(connection, "r1", **values)


def told(engine: sa.Engine) -> account.Account:
    with engine.connect() as connection:
        known = recorded.told(connection, "r1")
    assert known is not None
    assert page.render(known).startswith("<!doctype html>")
    return known


def test_nobody_has_queued_it(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        assert recorded.told(connection, "r1") is None


def test_a_run_that_waits_has_its_row_and_nothing_else(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        queued(connection, "d_gone")

    known = told(engine)

    assert (known.run.state, known.run.gates, known.run.progress) == (runs.State.QUEUED, (), None)
    assert (known.steps, known.metrics, known.checks) == ((), (), ())
    assert (known.validation, known.decision) == (None, None)


def test_a_run_under_way_has_its_progress_its_numbers_and_whose_labels_it_left_out(
    engine: sa.Engine,
) -> None:
    lost = runs.Metric(1, 25, "grad_norm", math.nan)
    late = runs.Metric(2, 10, "loss", 0.5)
    whole = runs.Metric(None, None, "rows", 400.0)
    with engine.begin() as connection:
        queued(
            connection,
            state=runs.State.TRAINING,
            progress={"epoch": 2, "step": 10, "steps": 40},
        )
        store.record_step(connection, "r1", runs.State.TRAINING, {"aside": [DOUBT]})
        noted.put_metrics(connection, "r1", [late, lost, whole])

    known = told(engine)

    assert known.run.progress == account.Progress(2, 10, 40)
    assert [row.name for row in known.metrics] == ["rows", "grad_norm", "loss"]
    assert (known.metrics[0], known.metrics[2]) == (whole, late)
    assert math.isnan(known.metrics[1].value)
    (begun,) = known.steps
    assert (begun.step, begun.detail) == ("training", {"aside": [DOUBT]})


def test_a_rejected_run_has_its_gates_checks_validation_and_the_decision_that_asked(
    engine: sa.Engine,
) -> None:
    reason = dataclasses.replace(
        builders.reason("live_accuracy", 0.73, breached=True, limit=0.9), decided=True
    )
    decision = builders.decision(
        decisions.Kind.RETRAIN, cause=decisions.Cause.LANGUAGE, reasons=(reason,)
    )
    row = dataclasses.asdict(decision) | {"evidence": {}}
    del row["aside"]
    ece = accounts.check("overfitting_epochs", 2.0, checks.Level.ACT, remedy="stop early")
    audit = dataclasses.replace(ece, stage=checks.Stage.AUDIT, name="duplicate_rate", floor=0.01)
    with engine.begin() as connection:
        connection.execute(
            sa.insert(tables.decision).values(row | {"reasons": [dataclasses.asdict(reason)]})
        )
        queued(
            connection,
            decision.id,
            state=runs.State.REJECTED,
            ended=sa.func.now(),
            gates=store.gates(GATES),
            evaluation=dataclasses.asdict(SCORES)
            | {
                "validation": dataclasses.asdict(SEEN),
                "load_test": dataclasses.asdict(LOAD) | {"work_p95_ms": 4.2, "core_share": 1.0},
            },
        )
        noted.put_checks(connection, "r1", [ece, audit])

    known = told(engine)

    assert known.run.gates == GATES
    assert known.checks == (audit, ece)
    assert (known.scores, known.validation, known.load) == (SCORES, SEEN, LOAD)
    assert known.decision == decision
    assert "Rejected because of gates accuracy (fail)" in page.render(known)
    assert "73.0 %" in page.render(known)


@pytest.mark.parametrize("evaluation", [None, {"n": 40, "accuracy": 0.9}])
def test_a_failed_run_says_why_whatever_it_had_measured(
    engine: sa.Engine, evaluation: dict[str, Any] | None
) -> None:
    with engine.begin() as connection:
        queued(connection, state=runs.State.FAILED, error="disk full", evaluation=evaluation)

    known = told(engine)

    assert (known.scores, known.validation, known.load) == (None, None, None)
    assert "Failed: disk full" in page.render(known)
