"""What a person does after a decision: put a model back, acknowledge a mix that moved, stop
everything. On a real Postgres.
"""

import dataclasses
import datetime as dt
import json
from pathlib import Path

import numpy as np
import processes
import pytest
import sqlalchemy as sa

from retrain import store
from retrain.decide.history import store as history
from retrain.train.compile import manifest
from schemas import present, runs, tables, windows

AT = dt.datetime(2026, 4, 22, tzinfo=dt.UTC)
DECISION = {
    "id": "d_1",
    "at": AT,
    "model": "v2",
    "decision": "reweight",
    "cause": "mix",
    "reasons": [],
    "evidence": {},
    "policy_sha256": "p",
    "sha256": "s",
}
MIX = np.array([300, 50, 50, 50, 300, 50, 50, 50, 50, 50])


@pytest.fixture
def environment(database: str, tmp_path: Path) -> dict[str, str]:
    return {"INTENTWATCH_DATABASE_URL": database, "INTENTWATCH_MODELS": str(tmp_path / "models")}


@pytest.fixture
def two_champions(engine: sa.Engine, tmp_path: Path) -> Path:
    """v1 served, v2 serves; the directory of each is signed."""
    for model in ("v1", "v2"):
        directory = tmp_path / "models" / model
        directory.mkdir(parents=True)
        (directory / "tokenizer.json").write_text(f'"{model}"')
        manifest.write(directory)
    with engine.begin() as connection:
        for days, model in ((30, "v1"), (2, "v2")):
            connection.execute(
                sa.insert(tables.promotion).values(
                    dataclasses.asdict(
                        runs.Promotion(model, AT - dt.timedelta(days=days), None, "a", "promote")
                    )
                )
            )
        reference = runs.Reference("v2", 1000, dict.fromkeys(present.INTENTS, 100), accuracy=0.92)
        connection.execute(
            sa.insert(tables.reference).values(
                model="v2",
                at=AT - dt.timedelta(days=2),
                source="held_out",
                body=dataclasses.asdict(reference),
            )
        )
    return tmp_path / "models"


def champions(engine: sa.Engine) -> list[tuple[str, str, str]]:
    with engine.connect() as connection:
        return [
            (row.model, row.kind, row.by)
            for row in connection.execute(
                sa.select(tables.promotion).order_by(tables.promotion.c.id)
            )
        ]


def test_a_rollback_puts_the_champion_before_back_and_says_so(
    engine: sa.Engine, environment: dict[str, str], two_champions: Path
) -> None:
    done = processes.run(["retrain/run.py", "rollback", "--by", "ada"], environment)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"champion": "v1"}), done.stderr
    assert champions(engine)[-1] == ("v1", "rollback", "ada")
    with engine.connect() as connection:
        (told,) = connection.execute(sa.select(tables.outbox)).mappings()
    assert "v2 was rolled back to v1 by ada" in told["payload"]["cause"]


@pytest.mark.parametrize(
    ("words", "said"), [(["--to", "v9"], "no former champion v9"), ([], "v1/tokenizer.json")]
)
def test_a_rollback_to_nothing_or_to_a_damaged_model_is_refused(
    words: list[str], said: str, engine: sa.Engine, environment: dict[str, str], two_champions: Path
) -> None:
    (two_champions / "v1" / "tokenizer.json").write_text("changed")
    done = processes.run(["retrain/run.py", "rollback", "--by", "ada", *words], environment)
    assert done.returncode == 5
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert champions(engine)[-1][0] == "v2"


def test_an_acknowledged_reweight_makes_the_days_that_agree_the_reference(
    engine: sa.Engine, environment: dict[str, str], two_champions: Path
) -> None:
    # Before a gap; two of the moved mix; one that is not over.
    days = ((4, MIX, True), (2, MIX[::-1], True), (1, MIX, True), (0, MIX, True), (-1, MIX, False))
    with engine.begin() as connection:
        for back, counts, complete in days:
            tally = windows.Tally(n=1000, confidence_sum_micro=900_000_000, intent_count=counts)
            end = AT - dt.timedelta(days=back)
            day = {
                "model": "v2",
                "role": "champion",
                "horizon": "1d",
                "start": end - dt.timedelta(days=1),
                "end": end,
                "revision": 1,
                "amended": False,
                "complete": complete,
            }
            connection.execute(sa.insert(tables.window_state).values(day | windows.to_row(tally)))
        connection.execute(sa.insert(tables.decision).values(DECISION))
    done = processes.run(["retrain/run.py", "reweight", "d_1", "--by", "ada"], environment)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"reweighted": "v2"}), done.stderr
    with engine.connect() as connection:
        known = history.reference_at(connection, "v2", AT + dt.timedelta(seconds=1))
    assert known is not None
    assert [known.intent_counts[intent] for intent in present.INTENTS] == (2 * MIX).tolist()
    assert (known.accuracy, known.n) == (0.92, 2000)
    refused = processes.run(["retrain/run.py", "reweight", "d_2", "--by", "ada"], environment)
    assert refused.returncode == 5
    assert "d_2 is no reweight decision" in refused.stderr


def test_a_pause_is_an_incident_that_counts_as_no_evidence(
    engine: sa.Engine, environment: dict[str, str], two_champions: Path
) -> None:
    for kind in ("pause", "wrong_route"):
        words = [
            "-m",
            "services.scheduler",
            "incident",
            "open",
            "--kind",
            kind,
            "--at",
            "2026-04-21T00:00:00Z",
        ]
        assert processes.run(words, environment).returncode == 0
    with engine.connect() as connection:
        promotion = store.champion(connection, AT)
        past = history.past(connection, promotion, AT)
    assert (past.paused, past.incidents) == (True, 1)
    assert past.well_before == ()
