"""The retrain job for real, on sentences invented here: corpus -> champion; what is broken is
refused.
"""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import processes
import pytest
import sqlalchemy as sa
from shops import Shop, corpus

from retrain.train.compile import manifest, parity, session
from retrain.train.compile.backends import onnx as artefact
from schemas import loglines, present, tables, training_tables
from streams import database


def test_the_run_speaks_the_seeds_lines(shop: Shop) -> None:
    tags = [line.split("]")[0][1:] for line in shop.output.splitlines() if line.startswith("[")]
    assert [tag for i, tag in enumerate(tags) if tags.index(tag) == i] == [
        "DATA_AUDIT",
        "DECISION",
        "TRAIN",
        "VAL",
        "CHECKPOINT",
        "BASELINE",
        "LOAD_TEST",
        "DEPLOY",
    ]
    first, *_ = (line for line in shop.output.splitlines() if line.startswith("[DECISION]"))
    assert first == '[DECISION] filter_synthetic=no reason="no synthetic rows"'


def test_the_split_is_printed_and_on_record(shop: Shop) -> None:
    _, split = (line for line in shop.output.splitlines() if line.startswith("[DATA_AUDIT]"))
    _, told = loglines.parse(split)
    engine = database.engine(shop.environment["INTENTWATCH_DATABASE_URL"])
    sides = training_tables.split_side.c.side
    with engine.connect() as connection:
        query = sa.select(sides, sa.func.count()).group_by(sides)
        recorded = {row[0]: row[1] for row in connection.execute(query)}
    engine.dispose()

    assert told["leaked"] == 0
    assert {name: told[name] for name in ("train", "val", "test")} == recorded
    assert sum(recorded.values()) == told["groups"] == 600


def test_the_run_and_its_absolute_gates_are_on_record(shop: Shop) -> None:
    (run,) = processes.show("runs", shop.environment)
    assert (run["state"], run["candidate"], run["promoted"]) == ("champion", "v1", True)
    assert {gate["verdict"] for gate in run["gates"]} == {"pass"}
    assert "no champion" in run["gates"][0]["note"]
    reference = json.loads((shop.models / "v1" / "reference.json").read_text())
    assert reference["n"] == sum(reference["intent_counts"].values())
    assert sum(reference["script_counts"].values()) == reference["n"]
    assert reference["accuracy"] > 0.5


def test_its_numbers_are_rows_by_step_and_epoch_and_lie_beside_the_model_too(shop: Shop) -> None:
    rows = processes.show("metrics", shop.environment)
    names = {row["name"] for row in rows}
    assert {"loss", "grad_norm:head", "update_norm:embeddings", "tokens_per_s"} <= names
    assert {"train_loss", "val_loss", "val_macro_f1", "val_confidence_right"} <= names
    assert all(row["value"] is not None for row in rows)

    beside = (shop.models / "v1" / "metrics.jsonl").read_text().splitlines()
    assert len(beside) == len(rows)
    assert processes.show("metrics", shop.environment, "--run", "nobody") == []
    run = rows[0]["run"]
    assert processes.show("metrics", shop.environment, "--run", run) == rows


def test_it_is_set_beside_what_costs_less(shop: Shop) -> None:
    lines = [line for line in shop.output.splitlines() if line.startswith("[BASELINE]")]
    models = [loglines.parse(line)[1]["model"] for line in lines]
    assert models == ["majority", "linear", "encoder"]
    (run,) = processes.show("runs", shop.environment)
    (gate,) = (gate for gate in run["gates"] if gate["gate"] == "linear")
    assert gate["champion"] is not None
    names = {check["name"] for check in processes.show("checks", shop.environment)}
    assert {"accuracy:majority", "macro_f1:encoder", "rare_recall_out_of_fold:linear"} <= names


def test_its_checks_say_what_is_healthy_and_what_to_do(shop: Shop) -> None:
    checks = processes.show("checks", shop.environment)
    assert {check["stage"] for check in checks} == {
        "audit",
        "split",
        "training",
        "validation",
        "readiness",
    }
    assert {check["level"] for check in checks} <= {"ok", "watch", "act"}
    assert all(check["remedy"] for check in checks if check["level"] == "act")
    leaked = [check for check in checks if check["name"].startswith("leaked_")]
    assert [(check["value"], check["level"]) for check in leaked] == [(0, "ok")] * 3
    golden = [check for check in checks if check["name"].startswith("golden_")]
    assert [check["n"] for check in golden] == [34, 34, 33, 33, 32]
    (accuracy,) = (check for check in checks if check["name"] == "accuracy")
    assert (accuracy["healthy"], accuracy["level"]) == ("at least 0.5", "ok")


def test_the_whole_evaluation_is_kept(shop: Shop) -> None:
    engine = database.engine(shop.environment["INTENTWATCH_DATABASE_URL"])
    with engine.connect() as connection:
        kept = connection.execute(sa.select(tables.run.c.evaluation)).scalar_one()
    engine.dispose()
    told = kept["validation"]
    assert sum(map(sum, told["confusion"])) == kept["n"]
    assert sum(told["right"]) + sum(told["wrong"]) == kept["n"]
    assert [each["intent"] for each in told["by_intent"]] == list(present.INTENTS)
    assert kept["load_test"]["p99_ms"] > 0


def test_a_page_tells_of_the_run(shop: Shop, tmp_path: Path) -> None:
    def reported(run: str, file: str) -> "subprocess.CompletedProcess[str]":
        return processes.run(["retrain/run.py", "report", run, "--html", file], shop.environment)

    (run,) = processes.show("runs", shop.environment)
    done = reported(run["id"], str(tmp_path / "run.html"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    page = (tmp_path / "run.html").read_text()
    assert "Promoted: v1 passed every gate" in page
    assert page.count("<figure>") == 12  # nine curves, three of confidence
    assert "nothing measured" not in page
    for intent in present.INTENTS:
        assert f">{intent}<" in page

    unknown = reported("ft_nobody", str(tmp_path / "other.html"))
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr.splitlines() == [
        "intentwatch: no run ft_nobody; see `python -m services.show runs`"
    ]
    nowhere = reported(run["id"], str(tmp_path / "no" / "run.html"))
    assert nowhere.returncode == 2
    assert len(nowhere.stderr.splitlines()) == 1


def test_the_model_directory_is_what_the_contract_lists(shop: Shop) -> None:
    weights = "model.safetensors config.json tokenizer.json normaliser.json labels.json"
    measured = "calibration.json reference.json parity.json gate_report.json"
    signed = "compiled/onnx/model.onnx golden_logits.json MANIFEST.json MANIFEST.sig"
    for name in f"{weights} {measured} {signed}".split():
        assert (shop.models / "v1" / name).is_file(), name


def copied(shop: Shop, tmp_path: Path) -> Path:
    shutil.copytree(shop.models, tmp_path / "models")
    return tmp_path / "models" / "v1"


@pytest.mark.parametrize(
    "name",
    [
        "tokenizer.json",
        "labels.json",
        "compiled/onnx/model.onnx",
        "MANIFEST.json",
        "calibration.json",
    ],
)
def test_one_flipped_byte_is_refused_and_named(shop: Shop, tmp_path: Path, name: str) -> None:
    model = copied(shop, tmp_path)
    raw = bytearray((model / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (model / name).write_bytes(raw)
    with pytest.raises(
        manifest.BadArtefact, match="MANIFEST.sig" if name == "MANIFEST.json" else name
    ):
        session.load(model)


def test_a_message_is_as_novel_as_its_tokens_are_new_to_the_model(
    shop: Shop, tmp_path: Path
) -> None:
    def novelty(model: session.Session, text: str) -> float:
        return model.novelty(model.classify([text])[1][0])

    known, new = corpus(1)[0]["text"].rsplit(" ", 1)[0], "呪術廻戦の最新刊はどこ"
    model = session.load(shop.models / "v1")
    assert model.novelty([]) == novelty(model, known) == 0
    assert novelty(model, new) == 1
    assert 0 < novelty(model, f"{known} {new}") < 1
    before = copied(shop, tmp_path)
    (before / session.SEEN).unlink()  # as a model of before has none
    assert novelty(session.open_unsigned(before), new) == 0


@pytest.mark.parametrize("change", ["missing", "added"])
def test_a_missing_or_an_added_file_is_refused(shop: Shop, tmp_path: Path, change: str) -> None:
    model = copied(shop, tmp_path)
    if change == "missing":
        (model / "labels.json").unlink()
    else:
        (model / "extra.bin").write_bytes(b"x")
    with pytest.raises(manifest.BadArtefact):
        session.load(model)


def test_parity_fails_on_two_swapped_label_rows_and_on_one_corrupted_tensor(
    shop: Shop, tmp_path: Path
) -> None:
    import torch

    from retrain.train.compile import onnx
    from retrain.train.fit import loop, model
    from retrain.train.fit import rows as fit_rows

    rows = corpus(300)
    texts, labels = (
        [row["text"] for row in rows],
        np.array([present.INDEX[row["intent"]] for row in rows]),
    )
    directory = shop.models / "v1"
    compiled, _ = session.load(directory).logits(texts)
    network, tokenizer = model.load(directory)
    eager = loop.logits(
        network, tokenizer, fit_rows.of(texts, [row["intent"] for row in rows]).texts, 64
    )
    swapped = compiled.copy()
    swapped[:, [0, 1]] = swapped[:, [1, 0]]

    def exported() -> tuple[parity.Logits, float]:
        """What the network, as it is now, exports: its logits, and how far the artefact's weights
        are from it.
        """
        fused = onnx.compile(network, tmp_path / "model.onnx", tmp_path)
        opened = session.unproved(directory, artefact.graph(fused, "fast"), "exported")
        return opened.logits(texts)[0], onnx.weight_error(fused, directory / artefact.ARTEFACT)

    logits, error = exported()
    clean = parity.check(eager, logits, compiled, labels, error)
    assert clean.passed, clean
    assert not parity.check(eager, logits, swapped, labels, error).passed
    # Of all tensors the one whose loss moves the answers least.
    weight = network.bert.encoder.layer[0].attention.self.query.weight
    with torch.no_grad():
        weight.normal_(std=float(weight.std()), generator=torch.Generator().manual_seed(7))
    logits, error = exported()
    noisy = parity.check(eager, logits, compiled, labels, error)
    assert noisy.export_shift > parity.MAX_EXPORT_SHIFT > 10 * clean.export_shift
    assert noisy.weight_error > parity.MAX_WEIGHT_ERROR > 2 * clean.weight_error
    assert not noisy.passed


def test_a_missing_encoder_is_named(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('base_model = "/nowhere"')
    done = processes.run(
        ["retrain/run.py", "run", "--as-of", "2027-01-01T00:00:00Z"],
        shop.environment | {"INTENTWATCH_RECIPE": str(tmp_path / "recipe.toml")},
    )
    assert done.returncode == 3
    assert "no encoder at /nowhere" in done.stderr.splitlines()[-1]


def test_without_labels_a_run_says_what_to_do(database: str, tmp_path: Path) -> None:
    environment = {"INTENTWATCH_DATABASE_URL": database, "INTENTWATCH_MODELS": str(tmp_path)}
    done = processes.run(["retrain/run.py", "run"], environment)
    assert done.returncode == 75
    assert "services.labels corpus" in done.stderr.splitlines()[-1]
