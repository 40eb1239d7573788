"""A compiled model is the trained one or is refused: each limit of parity by itself, and a
signature that any change of any file breaks.
"""

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from retrain.train.compile import manifest, parity
from schemas import present

N = 200
RNG = np.random.default_rng(4)
EAGER = RNG.normal(size=(N, 10))
LABELS = EAGER.argmax(1)


def check(
    exported: parity.Logits = EAGER, compiled: parity.Logits = EAGER, weight_error: float = 0.01
) -> parity.Parity:
    return parity.check(EAGER, exported, compiled, LABELS, weight_error)


def swapped(rows: int) -> parity.Logits:
    """The same logits, with another answer in so many rows."""
    changed = EAGER.copy()
    changed[:rows] = np.roll(EAGER[:rows], 1, axis=1)
    return changed


def test_the_same_logits_pass_with_nothing_lost() -> None:
    outcome = check()
    assert (
        outcome.n,
        outcome.agreement,
        outcome.accuracy_loss,
        outcome.export_shift,
        outcome.logit_shift,
        outcome.passed,
    ) == (N, 1.0, 0.0, 0.0, 0.0, True)


def test_each_limit_fails_by_itself() -> None:
    deviation = float(EAGER.std())
    assert check(exported=EAGER + 0.002 * deviation).passed is False, "an export changes nothing"
    assert check(compiled=EAGER + 0.09 * deviation).passed is True
    assert check(compiled=EAGER + 0.11 * deviation).passed is False
    assert check(weight_error=0.20).passed is True
    assert check(weight_error=0.21).passed is False
    assert check(weight_error=float("nan")).passed is False


def test_answers_are_counted_row_by_row() -> None:
    outcome = check(compiled=swapped(8))
    assert (outcome.agreement, outcome.accuracy_loss) == (
        pytest.approx(192 / 200),
        pytest.approx(8 / 200),
    )
    assert outcome.passed is False


def test_too_few_rows_tell_nothing_and_none_at_all_never_pass() -> None:
    few = parity.check(EAGER[:99], EAGER[:99], EAGER[:99], LABELS[:99], 0.01)
    assert (few.n, few.passed) == (99, None)
    empty = np.zeros((0, 10))
    assert parity.check(empty, empty, empty, np.zeros(0, dtype=np.int64), 0.0).passed is False


@pytest.mark.parametrize(
    ("n", "changed", "passed"),
    [(5, 1, True), (5, 2, True), (5, 3, False), (25, 4, True), (25, 5, False), (600, 33, False)],
)
def test_an_intent_fails_where_too_many_of_its_answers_changed_for_its_size(
    n: int, changed: int, passed: bool
) -> None:
    """At 3 % a row: of 5 rows 3 change once in 3,800 times, of 25 rows 5 once in 1,300."""
    labels = np.full(n, 7)
    after = np.where(np.arange(n) < changed, 2, 7)

    (outcome,) = parity.by_intent(labels, after, labels)

    assert (outcome.intent, outcome.n, outcome.recall) == (present.INTENTS[7], n, 1.0)
    assert outcome.agreement == outcome.compiled_recall == pytest.approx(1 - changed / n)
    assert outcome.passed is passed


def test_a_rare_intent_that_is_lost_as_a_whole_fails_what_the_mean_lets_pass() -> None:
    """Five of 400 rows: 98.8 % of all answers are the same, and nobody gets that intent."""
    labels = np.zeros(400, dtype=np.int64)
    labels[:5] = 3
    eager, lost = np.eye(10)[labels], np.eye(10)[np.zeros(400, dtype=np.int64)]

    outcome = parity.check(eager, eager, lost, labels, 0.01)

    assert outcome.agreement > parity.MIN_AGREEMENT
    assert [each.passed for each in outcome.by_intent] == [True, False]
    assert outcome.passed is False


def test_without_a_step_of_export_there_is_none_to_fail() -> None:
    outcome = parity.check(EAGER, None, EAGER, LABELS, 0.0)
    assert (outcome.export_shift, outcome.passed) == (0.0, True)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_number_that_is_none_never_passes(value: float, place: int) -> None:
    logits = [EAGER, EAGER.copy(), EAGER.copy()]
    logits[place] = EAGER.copy()
    logits[place][3, 3] = value
    assert parity.check(logits[0], logits[1], logits[2], LABELS, 0.01).passed is False


def test_how_far_a_tensor_moved_is_relative_to_its_size() -> None:
    before = np.array([3.0, 4.0], dtype=np.float32)
    assert parity.error(before, before) == 0.0
    assert parity.error(before, np.zeros(2, dtype=np.float32)) == pytest.approx(1.0)
    assert parity.error(before, np.zeros(3, dtype=np.float32)) == float("inf"), (
        "a tensor of another shape is no rounding"
    )
    assert parity.error(np.zeros(2, dtype=np.float32), np.zeros(2, dtype=np.float32)) == 0.0


@pytest.fixture
def model(tmp_path: Path) -> Path:
    directory = tmp_path / "v1"
    (directory / "deep").mkdir(parents=True)
    (directory / "model.onnx").write_bytes(b"weights")
    (directory / "deep" / "tokenizer.json").write_text("{}")
    (directory / "empty").write_bytes(b"")
    manifest.write(directory)
    return directory


def test_a_manifest_lists_every_file_and_is_verified_to_the_same_hash(model: Path) -> None:
    listed = json.loads((model / manifest.MANIFEST).read_text())
    assert list(listed) == ["deep/tokenizer.json", "empty", "model.onnx"]
    assert listed["empty"] == {
        "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "size": 0,
    }
    assert manifest.write(model) == manifest.verify(model), "written again it is the same list"


def test_the_key_stands_beside_the_models_for_its_owner_alone(model: Path) -> None:
    key = model.parent / ".signing_key"
    assert len(key.read_bytes()) == 32
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    manifest.write(model)
    assert key.read_bytes() == before


@pytest.mark.parametrize("name", ["model.onnx", "deep/tokenizer.json", "empty"])
def test_a_file_that_grew_or_went_or_became_a_link_is_named(
    model: Path, name: str, tmp_path: Path
) -> None:
    path, whole = model / name, (model / name).read_bytes()
    path.write_bytes(whole + b"x")
    with pytest.raises(manifest.BadArtefact, match="not the file that was signed"):
        manifest.verify(model)
    path.unlink()
    with pytest.raises(manifest.BadArtefact, match=name):
        manifest.verify(model)
    (tmp_path / "elsewhere").write_bytes(whole)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(manifest.BadArtefact, match=name):
        manifest.verify(model)


def test_a_file_that_nobody_signed_is_named_wherever_it_lies(model: Path) -> None:
    (model / "deep" / "more.py").write_text("import os")
    with pytest.raises(manifest.BadArtefact, match=r"deep/more\.py"):
        manifest.verify(model)


def test_a_list_signed_by_another_key_does_not_fit(model: Path) -> None:
    (model.parent / ".signing_key").write_bytes(os.urandom(32))
    with pytest.raises(manifest.BadArtefact, match="the signature does not fit"):
        manifest.verify(model)


@pytest.mark.parametrize("name", [manifest.MANIFEST, manifest.SIGNATURE, "../.signing_key"])
def test_without_list_signature_or_key_nothing_is_served(model: Path, name: str) -> None:
    (model / name).unlink()
    with pytest.raises(manifest.BadArtefact, match="No such file"):
        manifest.verify(model)
