"""What a run was trained on stays answerable: rows are frozen to a file named by its content, and
come back as they were.
"""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain.train import snapshot, split


def row(text: str = "where is it", **more: Any) -> dict[str, Any]:
    """A person's row, without conversation or cluster."""
    return {"id": "r1", "text": text, "intent": "faq", "kind": "human"} | more


def frozen(directory: Path, *rows: dict[str, Any]) -> pd.DataFrame:
    """These rows after they were written and read back."""
    sha256 = snapshot.freeze(snapshot.frame(rows), directory)
    return snapshot.read(directory, sha256)


def test_what_a_row_does_not_say_is_none() -> None:
    table = snapshot.frame([row(), row(conversation="c1")])

    assert list(table.columns) == list(split.COLUMNS)
    assert table["conversation"].tolist() == [None, "c1"]
    assert table["cluster"].tolist() == [None, None]


def test_a_number_that_is_none_says_nothing_either() -> None:
    assert snapshot.frame([row(cluster=float("nan"))])["cluster"].tolist() == [None]


def test_what_nobody_trains_on_is_left_out() -> None:
    assert "annotator" not in snapshot.frame([row(annotator="ana")]).columns


def test_no_rows_are_a_table_without_rows() -> None:
    table = snapshot.frame([])

    assert table.empty
    assert list(table.columns) == list(split.COLUMNS)


def test_the_name_is_the_hash_of_the_lines(tmp_path: Path) -> None:
    sha256 = snapshot.freeze(snapshot.frame([row("hi")]), tmp_path)

    line = (
        '{"cluster": null, "conversation": null, "id": "r1", '
        '"intent": "faq", "kind": "human", "text": "hi"}\n'
    )
    assert sha256 == hashlib.sha256(line.encode()).hexdigest()
    (file,) = tmp_path.iterdir()
    assert file.name == f"{sha256}.jsonl.gz"
    assert gzip.decompress(file.read_bytes()).decode() == line


def test_the_same_rows_have_one_name_wherever_and_whenever_they_are_frozen(tmp_path: Path) -> None:
    table = snapshot.frame([row("a"), row("b")])

    here = snapshot.freeze(table, tmp_path / "here")
    there = snapshot.freeze(table, tmp_path / "deep" / "there")

    assert here == there
    name = f"{here}.jsonl.gz"
    one, other = tmp_path / "here" / name, tmp_path / "deep" / "there" / name
    assert one.read_bytes() == other.read_bytes()
    # Four bytes of gzip's head are the time of writing: none is noted.
    assert one.read_bytes()[4:8] == bytes(4)


def test_other_rows_or_another_order_have_another_name(tmp_path: Path) -> None:
    orders = [[row("a"), row("b")], [row("b"), row("a")], [row("a")], [row("a"), row("b ")], []]

    sha256s = {snapshot.freeze(snapshot.frame(rows), tmp_path) for rows in orders}

    assert len(sha256s) == 5


def test_what_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    """A file is named by what it holds: one that lies there is that one."""
    table = snapshot.frame([row()])
    sha256 = snapshot.freeze(table, tmp_path)
    file = tmp_path / f"{sha256}.jsonl.gz"
    file.write_bytes(b"left as it is")

    assert snapshot.freeze(table, tmp_path) == sha256
    assert file.read_bytes() == b"left as it is"


def test_what_a_killed_run_left_half_written_does_not_stand_in_the_way(tmp_path: Path) -> None:
    sha256 = snapshot.freeze(snapshot.frame([row()]), tmp_path / "elsewhere")
    (tmp_path / f"{sha256}.jsonl.new").write_bytes(b"half")

    snapshot.freeze(snapshot.frame([row()]), tmp_path)

    assert snapshot.read(tmp_path, sha256)["text"].tolist() == ["where is it"]
    assert [path.name for path in tmp_path.glob("*.new")] == []


def test_a_snapshot_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        snapshot.read(tmp_path, "0" * 64)


@pytest.mark.parametrize(
    "text",
    [
        "",
        'a "quoted" \\ message',
        "two\nlines\r\nand\ra third",
        "paragraph\u2028separator\u2029next\x85line\x0bdown\x0cpage\x1cfile",
        "<script>alert(1)</script>",
        "\u202eright to left\u202c",
        "ナルトの新刊はありますか",
        "👩‍👩‍👧 e\u0301 \x00",
        "x" * 10_000,
    ],
)
def test_a_text_comes_back_letter_by_letter(text: str, tmp_path: Path) -> None:
    assert frozen(tmp_path, row(text), row("next"))["text"].tolist() == [text, "next"]


def test_japanese_can_be_read_in_the_file_itself(tmp_path: Path) -> None:
    sha256 = snapshot.freeze(snapshot.frame([row("新刊")]), tmp_path)

    lines = gzip.decompress((tmp_path / f"{sha256}.jsonl.gz").read_bytes())

    assert "新刊".encode() in lines
    assert json.loads(lines)["text"] == "新刊"


texts = st.text(max_size=20)
unknown = st.none() | texts
tables = st.lists(
    st.fixed_dictionaries(
        {"id": texts, "text": texts, "intent": texts, "kind": st.sampled_from(["human", "live"])},
        optional={"conversation": unknown, "cluster": unknown},
    ),
    max_size=6,
)


@settings(max_examples=10)
@given(tables)
def test_a_table_comes_back_as_it_was_and_has_the_same_name_again(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    directory = tmp_path_factory.mktemp("snapshots")
    table = snapshot.frame(rows)

    again = frozen(directory, *rows)

    pd.testing.assert_frame_equal(again, table)
    (file,) = directory.iterdir()
    assert f"{snapshot.freeze(again, directory)}.jsonl.gz" == file.name


def test_rows_read_back_are_split_as_they_were_before(tmp_path: Path) -> None:
    """A run that starts over from its snapshot holds out the same rows."""
    rows = [row(f"message {i}", conversation=f"c{i % 40}" if i % 3 else None) for i in range(90)]
    before = split.split(snapshot.frame(rows))

    after = split.split(frozen(tmp_path, *rows))

    assert after["part"].tolist() == before["part"].tolist()
