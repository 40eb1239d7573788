"""Runs as their steps leave them in Postgres: one that was gated and promoted, one that was held
against it, one that is under way, and what ended before anything was measured.
"""

import dataclasses
from typing import Any

import accounts
import sqlalchemy as sa

from retrain import store
from retrain.evaluation import confusion
from retrain.train.noted import store as noted
from schemas import runs

SEEN = accounts.validated(("faq", "promotion", "escalation"), ((80, 2, 1), (3, 90, 0), (0, 4, 20)))
BETTER = accounts.validated(
    ("faq", "promotion", "escalation"), ((82, 1, 0), (1, 92, 0), (0, 1, 23)), ece=0.021
)
SCORES = confusion.Scores(200, 0.95, 0.93, 0.8, {"faq": 0.96}, {"faq": 83}, 0.1)
LINEAR = {
    "name": "linear",
    "n": 200,
    "accuracy": 0.9,
    "macro_f1": 0.88,
    "rare_recall": 0.7,
    "ece": 0.02,
    "trained": 1200,
    "seconds": 3.1,
    "out_of_fold": {"rare_recall": 0.75, "n": 40},
}
LOAD = {"n": 1000, "p50_ms": 7.9, "p95_ms": 12.4, "p99_ms": 18.3, "error_rate": 0.0, "rps": 500.0}


def queued(connection: sa.Connection, run_id: str, **values: Any) -> None:
    """A run that waits, or is as these columns say."""
    store.queue_run(connection, run_id=run_id, decision_id=None, as_of=accounts.AT)
    if values:
        store.change_run(connection, run_id, **values)


def gated(
    connection: sa.Connection,
    run_id: str,
    state: runs.State,
    candidate: str,
    champion: str | None = None,
    seen: Any = SEEN,
) -> None:
    """A run that was trained, validated and gated."""
    verdict = accounts.Verdict.FAIL if state is runs.State.REJECTED else accounts.Verdict.PASS
    report = (accounts.gate("accuracy", 0.95, champion=0.93, margin=0.005, verdict=verdict),)
    queued(
        connection,
        run_id,
        state=state,
        started=accounts.AT,
        ended=accounts.AT,
        candidate=candidate,
        champion=champion,
        base_model="all-MiniLM-L6-v2",
        gates=store.gates(report),
        evaluation=dataclasses.asdict(SCORES)
        | {"validation": dataclasses.asdict(seen), "load_test": LOAD, "baselines": [LINEAR]},
    )
    noted.put_metrics(connection, run_id, accounts.metrics())
    noted.put_checks(connection, run_id, [accounts.check("overfitting_epochs", 0.0)])
    store.record_step(connection, run_id, runs.State.TRAINING, {"aside": []})


def champion(
    connection: sa.Connection,
    run_id: str = "ft_first",
    model: str = "v1",
    digest: str = "a" * 64,
) -> None:
    """A run that made the champion."""
    gated(connection, run_id, runs.State.CHAMPION, model)
    store.register(
        connection,
        model=model,
        run_id=run_id,
        manifest_sha256=digest,
        tokenizer_hash="b" * 12,
    )
    store.promote(connection, runs.Promotion(model, accounts.AT, run_id, "ana", "promote"))
