"""MESSAGES=DIR: two compressed tables of labelled messages, read whole or refused in one line that
names the file.
"""

import gzip
import json
from pathlib import Path

import pytest

from services.local.demo import story, tables

HI = {"text": "hi", "intent": "chitchat"}


def lines(*rows: object) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def filled(folder: Path, base: bytes | None = lines(HI), later: bytes | None = lines(HI)) -> Path:
    """A directory of these tables; None: a file that is not there."""
    for name, raw in (("base", base), ("later", later)):
        if raw is not None:
            (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(raw))
    return folder


def refused(folder: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """The one line that the demo ends with."""
    with pytest.raises(SystemExit) as ended:
        tables.read(folder)
    assert ended.value.code == 2
    line = capfd.readouterr().err
    assert line.count("\n") == 1
    assert "MESSAGES names a directory with base.jsonl.gz and later.jsonl.gz" in line
    return line


def test_both_tables_are_read_in_their_order(tmp_path: Path) -> None:
    ho = {"text": "ho", "intent": "faq", "kind": "machine"}

    base, later = tables.read(filled(tmp_path, lines(HI, ho), lines(ho)))

    assert base == [{"kind": "human", **HI}, ho]
    assert later == [ho]


def test_empty_lines_and_foreign_line_ends_are_no_rows(tmp_path: Path) -> None:
    raw = b"\n\r\n" + json.dumps(HI).encode() + b"\r\n   \n" + json.dumps(HI).encode()

    base, _ = tables.read(filled(tmp_path, raw))

    assert [row["text"] for row in base] == ["hi", "hi"]


def test_text_of_every_script_comes_through(tmp_path: Path) -> None:
    texts = ["ナルトの新刊", "\u202eعربي", "\U0001f600", 'a "quote"', "tab\there", "a\u2028b"]
    raw = "\n".join(
        json.dumps({"text": text, "intent": "faq"}, ensure_ascii=False) for text in texts
    )

    base, _ = tables.read(filled(tmp_path, raw.encode()))

    assert [row["text"] for row in base] == texts


def test_a_table_of_nothing_is_read_and_then_too_little(tmp_path: Path) -> None:
    base, later = tables.read(filled(tmp_path, b"", b""))

    assert (base, later) == ([], [])
    with pytest.raises(story.TooFewRowsError, match="0 base and 0 later rows give 0 messages"):
        story.plan(base, later, seed=1)


@pytest.mark.parametrize("missing", ["base", "later"])
def test_a_table_that_is_not_there_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], missing: str
) -> None:
    filled(tmp_path)
    (tmp_path / f"{missing}.jsonl.gz").unlink()

    line = refused(tmp_path, capfd)

    assert f"cannot read {tmp_path}/{missing}.jsonl.gz: No such file or directory" in line


def test_a_directory_in_the_place_of_a_table_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    filled(tmp_path, base=None)
    (tmp_path / "base.jsonl.gz").mkdir()

    assert "Is a directory" in refused(tmp_path, capfd)


@pytest.mark.parametrize(
    "content",
    [
        lines(HI),  # not compressed at all
        gzip.compress(lines(HI), mtime=0)[:-3],  # half a download
        gzip.compress(lines(*[HI] * 100), mtime=0)[:20] + b"\x00" * 40,
        gzip.compress(b"", mtime=0)[:10] + b"\xff" * 40,  # a header, then noise
        b"\x1f\x8b",
        b"PK\x03\x04",
    ],
)
def test_what_is_no_whole_archive_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes
) -> None:
    filled(tmp_path)
    (tmp_path / "base.jsonl.gz").write_bytes(content)

    assert f"cannot read {tmp_path}/base.jsonl.gz: " in refused(tmp_path, capfd)


@pytest.mark.parametrize(
    "bad",
    [b"{\n", b"[]\n", b"\xff\xfe\n", b'{"text": "hi"}\n', b'{"text": null, "intent": "faq"}\n'],
)
def test_a_row_that_is_none_refuses_the_table(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], bad: bytes
) -> None:
    line = refused(filled(tmp_path, later=lines(HI) + bad), capfd)

    assert f"cannot read {tmp_path}/later.jsonl.gz: " in line
