"""The embedded servers' directory and environment, and the last words of a child that ended."""

import os
from pathlib import Path

import pytest

from schemas import present, settings
from services.local import supervisor, topology


def test_where_the_parts_answer_are_variables_of_the_product(tmp_path: Path) -> None:
    addresses = topology.Addresses("127.0.0.1:9", "postgresql+psycopg://x", tmp_path)

    assert addresses.environment() == {
        "INTENTWATCH_KAFKA": "127.0.0.1:9",
        "INTENTWATCH_DATABASE_URL": "postgresql+psycopg://x",
        "INTENTWATCH_MODELS": str(tmp_path),
    }


def test_a_child_begins_with_our_environment_and_none_of_the_products_but_the_taxonomy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("INTENTWATCH_KAFKA", "somebody's own")

    inherited = topology.inherited()

    ours = {name for name in inherited if name.startswith(settings.PREFIX)}
    assert ours <= {present.VARIABLE}
    others = {name for name in os.environ if not name.startswith(settings.PREFIX)}
    assert others <= inherited.keys()


def test_a_chosen_directory_is_made_with_those_above_it_and_kept(tmp_path: Path) -> None:
    chosen = tmp_path / "new" / "parts"

    with topology.directory(chosen) as path:
        assert path == chosen.resolve()
        (path / "data").write_text("x")

    assert (chosen / "data").read_text() == "x"


def test_a_directory_in_use_is_refused_and_free_again_afterwards(tmp_path: Path) -> None:
    with (
        topology.directory(tmp_path),
        pytest.raises(topology.InUse, match=r"is in use by another .* choose another --dir"),
        topology.directory(tmp_path),
    ):
        pass

    with topology.directory(tmp_path) as path:
        assert path == tmp_path.resolve()


def test_a_directory_whose_user_failed_is_free_again(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="failed"), topology.directory(tmp_path):
        raise RuntimeError("failed")

    with topology.directory(tmp_path) as path:
        assert path.is_dir()


def log(folder: Path, raw: bytes) -> Path:
    path = folder / "child.log"
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"one\n", "one"),
        (b"1\n2\n3\n4\n5\n6\n7\n", "3 | 4 | 5 | 6 | 7"),
        (b"\n\nlast\n\n\n", "last"),
        (b"no line end", "no line end"),
        # Nothing that a child wrote moves the cursor of who reads it.
        (b"\x1b[2Jcleared\n", r"\x1b[2Jcleared"),
        (b"caf\xe9\n", "caf\ufffd"),
        ("\u202egnissapser".encode(), r"\u202egnissapser"),
    ],
)
def test_the_last_words_of_a_child_are_one_line_that_a_terminal_may_show(
    tmp_path: Path, raw: bytes, words: str
) -> None:
    assert supervisor.tail(log(tmp_path, raw)) == words


def test_as_many_lines_are_told_as_are_asked_for(tmp_path: Path) -> None:
    assert supervisor.tail(log(tmp_path, b"1\n2\n3\n"), lines=2) == "2 | 3"


@pytest.mark.parametrize("raw", [b"", b"\n \n"])
def test_a_child_that_said_nothing_is_told_by_its_log(tmp_path: Path, raw: bytes) -> None:
    path = log(tmp_path, raw)

    assert supervisor.tail(path) == f"nothing in {path}"


def test_a_log_that_was_never_written_is_told_too(tmp_path: Path) -> None:
    assert supervisor.tail(tmp_path / "none.log") == f"nothing in {tmp_path / 'none.log'}"


def test_who_is_to_run_as_itself_changes_no_user() -> None:
    assert supervisor.identity(None) == {}


def test_who_runs_as_another_has_that_ones_group_and_no_other() -> None:
    assert supervisor.identity("root") == {"user": "root", "group": 0, "extra_groups": []}


def test_a_user_that_is_not_there_is_no_identity() -> None:
    with pytest.raises(KeyError):
        supervisor.identity("nobody-of-that-name")
