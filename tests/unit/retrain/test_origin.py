"""Which code a run was made with: another byte of any source file is another code."""

from pathlib import Path

import pytest

from retrain.train import origin
from schemas import policy


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A product of two source files."""
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    for folder in ("schemas", "retrain/train"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "schemas" / "runs.py").write_text("A = 1\n")
    (tmp_path / "retrain" / "train" / "job.py").write_text("B = 2\n")
    return tmp_path


def test_the_same_files_are_the_same_code_wherever_they_lie(tree: Path) -> None:
    code = origin.code(tree)

    version, sha256 = code.split("+")
    assert (version, len(sha256)) == ("1.2.3", 64)
    moved = tree.rename(tree.with_name("elsewhere"))
    assert origin.code(moved) == code


def test_another_byte_another_name_or_another_version_is_another_code(tree: Path) -> None:
    codes = {origin.code(tree)}
    (tree / "schemas" / "runs.py").write_text("A = 2\n")
    codes.add(origin.code(tree))
    (tree / "schemas" / "runs.py").rename(tree / "schemas" / "run.py")
    codes.add(origin.code(tree))
    (tree / "pyproject.toml").write_text('[project]\nversion = "1.2.4"\n')
    codes.add(origin.code(tree))

    assert len(codes) == 4


def test_what_is_no_source_changes_nothing(tree: Path) -> None:
    code = origin.code(tree)
    (tree / "schemas" / "notes.txt").write_text("x")
    (tree / "docs").mkdir()
    (tree / "docs" / "take.py").write_text("x = 1\n")

    assert origin.code(tree) == code


def test_a_run_is_told_this_code_and_its_own_policy() -> None:
    rules = policy.parse("[runs]\nkeep_days = 3\n")

    assert origin.of(rules) == {"code": origin.code(), "policy_sha256": rules.sha256}
