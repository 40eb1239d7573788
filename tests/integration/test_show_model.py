"""`services.show model`: what a model is made of, one that serves, one that was rejected, and one
that nobody knows.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import processes
import recorded
import sqlalchemy as sa

from retrain import store
from retrain.train.compile import manifest
from schemas import present, runs

KEYS = [
    "model",
    "run",
    "snapshot_sha256",
    "taxonomy",
    "policy_sha256",
    "code",
    "signed_by",
    "digest",
    "golden",
    "cpu",
]


def directory(place: Path) -> str:
    """A signed directory of a model; the sha256 of its manifest."""
    place.mkdir(parents=True)
    (place / "taxonomy.json").write_text(json.dumps(present.TAXONOMY.body))
    golden = {"messages": ["ok", "hi"], "tokens_sha256": "e" * 64, "cpu": {"name": "a CPU"}}
    (place / "golden_logits.json").write_text(json.dumps(golden))
    return manifest.write(place)


def asked(database: str, models: Path, *words: str) -> tuple[int, str, str]:
    environment = {"INTENTWATCH_DATABASE_URL": database, "INTENTWATCH_MODELS": str(models)}
    done = processes.run(["-m", "services.show", "model", *words], environment)
    return done.returncode, done.stdout, done.stderr


def shown(database: str, models: Path, name: str) -> dict[str, Any]:
    code, out, err = asked(database, models, name, "--json")
    assert code == 0, err
    body: dict[str, Any] = json.loads(out)
    assert list(body) == KEYS
    return body


def begun(connection: sa.Connection, run_id: str) -> None:
    detail = {"aside": [], "code": "0.1.0+c0de", "policy_sha256": "9" * 64}
    store.record_step(connection, run_id, runs.State.TRAINING, detail)


def test_a_champion_has_all_of_it(engine: sa.Engine, database: str, tmp_path: Path) -> None:
    digest = directory(tmp_path / "v1")
    with engine.begin() as connection:
        recorded.champion(connection, digest=digest)
        store.change_run(connection, "ft_first", snapshot_sha256="5" * 64)
        begun(connection, "ft_first")

    body = shown(database, tmp_path, "v1")

    key = hashlib.sha256((tmp_path / ".signing_key").read_bytes()).hexdigest()
    golden = hashlib.sha256((tmp_path / "v1" / "golden_logits.json").read_bytes()).hexdigest()
    assert body == {
        "model": "v1",
        "run": "ft_first",
        "snapshot_sha256": "5" * 64,
        "taxonomy": present.TAXONOMY.version,
        "policy_sha256": "9" * 64,
        "code": "0.1.0+c0de",
        "signed_by": f"hmac-sha256:{key[:12]}",
        "digest": digest,
        "golden": {"messages": 2, "tokens_sha256": "e" * 64, "sha256": golden},
        "cpu": "a CPU",
    }


def test_a_rejected_candidate_is_told_from_where_its_run_has_worked(
    engine: sa.Engine, database: str, tmp_path: Path
) -> None:
    digest = directory(tmp_path / ".ft_2")
    with engine.begin() as connection:
        recorded.gated(connection, "ft_2", runs.State.REJECTED, "v2", "v1")

    body = shown(database, tmp_path, "v2")

    assert (body["run"], body["digest"], body["code"]) == ("ft_2", digest, None)


def test_of_a_candidate_whose_directory_is_gone_the_record_stays(
    engine: sa.Engine, database: str, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        recorded.gated(connection, "ft_2", runs.State.FAILED, "v2", "v1")
        begun(connection, "ft_2")

    body = shown(database, tmp_path, "v2")

    assert (body["code"], body["digest"], body["signed_by"]) == ("0.1.0+c0de", None, None)
    assert (body["golden"], body["cpu"], body["taxonomy"]) == ({}, None, None)


def test_what_nobody_knows_and_what_cannot_be_asked_are_usage(
    engine: sa.Engine, database: str, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        recorded.queued(connection, "ft_3", state=runs.State.TRAINING)

    code, out, err = asked(database, tmp_path, "v9")
    assert (code, out) == (2, "")
    assert err.splitlines() == ["intentwatch: no model v9; see `python -m services.show runs`"]
    assert asked(database, tmp_path)[0] == 2
    environment = {"INTENTWATCH_DATABASE_URL": database}
    assert processes.run(["-m", "services.show", "runs", "v9"], environment).returncode == 2


def test_for_people_it_is_a_line_a_key(engine: sa.Engine, database: str, tmp_path: Path) -> None:
    with engine.begin() as connection:
        recorded.champion(connection)

    code, out, _ = asked(database, tmp_path, "v1")

    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == KEYS
    assert out.splitlines()[2].split() == ["snapshot_sha256", "-"]
