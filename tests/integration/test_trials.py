"""`ablate` and `bench-models` on labelled rows of a database: what they print, which exit code, and
that nothing of them stays.
"""

import json
from pathlib import Path

import processes
import pytest
import sqlalchemy as sa
import tinybert

from schemas import loglines, present, tables, training_tables
from streams import database as postgres

RECIPE = 'base_model = "{}"\nepochs = 1\nlearning_rate = 3e-3\nmax_tokens = 32\n'
POLICY = "[labels]\nmin_to_train = 100\n[costs.monthly]\nminilm = 95\n"


@pytest.fixture
def told(database: str, tmp_path: Path) -> dict[str, str]:
    """The environment of the commands; no row is labelled yet."""
    encoder = tinybert.encoder(tmp_path / "encoder")
    (tmp_path / "recipe.toml").write_text(RECIPE.format(encoder))
    (tmp_path / "policy.toml").write_text(POLICY)
    (tmp_path / "scratch").mkdir()
    return {
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_MODELS": str(tmp_path / "models"),
        "INTENTWATCH_RECIPE": str(tmp_path / "recipe.toml"),
        "INTENTWATCH_POLICY": str(tmp_path / "policy.toml"),
        "TMPDIR": str(tmp_path / "scratch"),
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def imported(told: dict[str, str], file: Path) -> None:
    rows = tinybert.rows(700)
    lines = [
        json.dumps({"text": text, "intent": present.INTENTS[label], "kind": "human"})
        for text, label in zip(rows.texts, rows.labels, strict=True)
    ]
    file.write_text("\n".join(lines))
    assert processes.run(["-m", "services.labels", "corpus", str(file)], told).returncode == 0


def test_losses_and_encoders_are_compared_and_nothing_stays(
    told: dict[str, str], tmp_path: Path
) -> None:
    imported(told, tmp_path / "corpus.jsonl")
    argv = ["retrain/run.py", "ablate", "--losses", "focal,cross_entropy,focal", "--rows", "300"]
    done = processes.run(argv, told, timeout_s=300)
    assert done.returncode == 0, done.stderr
    lines = [loglines.parse(line) for line in done.stdout.splitlines()]
    assert [tag for tag, _ in lines] == ["ABLATION", "ABLATION", "DECISION"]
    assert [fields["loss"] for _, fields in lines[:2]] == ["focal", "cross_entropy"]
    assert "held-out rows" in str(lines[-1][1]["reason"])

    own = str(tmp_path / "encoder")
    argv = ["retrain/run.py", "bench-models", "--encoders", own, "--rows", "300", "--json"]
    done = processes.run(argv, told, timeout_s=300)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    (row,) = answer["rows"]
    assert (row["model"], row["weights"], row["monthly_cost"]) == (own, "trained", None)
    assert row["p95_ms"] > 0
    assert answer["decision"].keys() >= {"selected", "gamma", "reason", "ties"}

    engine = postgres.engine(told["INTENTWATCH_DATABASE_URL"])
    with engine.connect() as connection:
        for table in (tables.run, training_tables.split_side):
            n = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            assert n == 0, table.name
    engine.dispose()
    # ONNX Runtime leaves a file of its own there.
    assert [left for left in (tmp_path / "scratch").iterdir() if left.is_dir()] == []
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (["ablate", "--losses", "focal,huber"], 2, "'huber'; the known ones are cross_entropy, "),
        (["bench-models", "--encoders", "bert"], 2, "'bert'; the known ones are minilm, tinybert"),
        (["ablate", "--rows", "0"], 2, "expected 1 or more"),
        (["ablate"], 75, "there is no labelled message"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    argv: list[str], code: int, says: str, told: dict[str, str]
) -> None:
    done = processes.run(["retrain/run.py", *argv], told)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr.splitlines()[-1]
