"""Files of people, whatever they are packed in, written in and parted by: every row is read or
costs itself, and a file that is none of these is refused once.
"""

import contextlib
import gzip
import io
import json
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.intake import encoding, layout, lines, read, table, unpack
from schemas import events

NAMES = ("田中", "佐藤", "鈴木", "高橋")


def rows(body: bytes, told: str | None = None) -> list[read.Row]:
    return list(read.reading(io.BytesIO(body), told).rows)


def objects(body: bytes) -> list[tuple[int, object]]:
    """What was read, and of what is malformed its reason."""
    read_rows: list[tuple[int, object]] = []
    for number, row in rows(body):
        value = json.loads(row) if isinstance(row, bytes) else row
        read_rows.append(
            (number, str(value.reason) if isinstance(value, events.Malformed) else value)
        )
    return read_rows


# JSON


@pytest.mark.parametrize(
    "body",
    [
        '{"a": 1}\n{"a": 2}\n',
        '{"a": 1}\r\n{"a": 2}',
        '\ufeff{"a": 1}\n{"a": 2}\n',
        '{"a": 1},\n{"a": 2},\n',
        '[{"a": 1}, {"a": 2}]',
        '[{"a": 1},\n{"a": 2},]',
        '[\n{"a": 1},\n{"a": 2}\n]\n',
        '[\n  {\n    "a": 1\n  },\n  {\n    "a": 2\n  }\n]',
        '{\n  "a": 1\n}\n{\n  "a": 2\n}\n',
        '  {"a": 1}\n  {"a": 2}\n',
    ],
    ids=[
        "lines",
        "CR LF",
        "BOM",
        "commas",
        "array",
        "comma",
        "rows",
        "pretty",
        "objects",
        "indent",
    ],
)
def test_objects_are_read_however_json_holds_them(body: str) -> None:
    expected = [{"a": 1}, {"a": 2}]
    for encoded in (body.encode(), body.removeprefix("\ufeff").encode("utf-16")):
        assert [row for _, row in objects(encoded)] == expected


def test_a_row_is_called_by_the_line_on_which_it_begins() -> None:
    assert objects(b'[\n  {\n "a": 1},\n\n  {"a": 2}]') == [(2, {"a": 1}), (5, {"a": 2})]


@pytest.mark.parametrize("text", ['"', "}", "{", "]", "\\", '\\"', "a\nb", "[{"])
def test_brackets_and_quotes_within_a_text_part_nothing(text: str) -> None:
    both = [{"a": text}, {"a": 2}]

    assert [row for _, row in objects(json.dumps(both, indent=1).encode())] == both


@pytest.mark.parametrize("bad", [b"{bad", b"[" * 100_000, b'{"a": ' * 100_000, b"hello", b"\xff"])
def test_a_bad_line_before_a_good_one_costs_itself(bad: bytes) -> None:
    told = rows(bad + b'\n{"a": 1}\n')

    assert told[-1] == (2, b'{"a": 1}')
    assert len(told) == 2


def test_a_bad_object_of_an_array_costs_itself() -> None:
    (_, bad), (_, good) = rows(b'[{"a": nonsense}, {"a": 2}]')

    assert isinstance(bad, bytes)
    assert isinstance(read.decoded(bad), events.Malformed)
    assert good == b'{"a": 2}'


def test_an_array_that_breaks_off_keeps_what_was_whole() -> None:
    assert objects(b'[\n {"a": 1},\n {"a":') == [(2, {"a": 1}), (3, "not_json")]


@pytest.mark.parametrize("body", [b"[1, 2]", b'["a"]', b"[[]]"])
def test_json_without_an_object_is_refused(body: bytes) -> None:
    with pytest.raises(unpack.WrongFile, match="no JSON object"):
        rows(body)


@pytest.mark.parametrize("body", [b"", b"\n", b" \r\n\t\n", b"[]", b"\xef\xbb\xbf", b"[\n]\n"])
def test_a_file_of_nothing_has_no_row(body: bytes) -> None:
    assert rows(body) == []


def test_a_line_that_is_too_long_costs_itself_and_an_array_on_one_line_is_none() -> None:
    long = json.dumps({"a": "x" * lines.LINE_MAX}).encode()

    assert objects(b'{"a": 1}\n' + long + b'\n{"a": 2}') == [
        (1, {"a": 1}),
        (2, "not_json"),
        (3, {"a": 2}),
    ]
    assert len(rows(b"[" + long + b"," + long + b"]")) == 2


# Tables


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("hint", [False, True])
def test_a_table_is_parted_by_what_parts_its_header(delimiter: str, end: str, hint: bool) -> None:
    written = ["a,b", '1,"x;y|z\t"'] if delimiter == "," else ["a,b", "1,x"]
    body = end.join(line.replace(",", delimiter) for line in written)
    first = f"sep={delimiter}{end}" if hint else ""

    ((_, row),) = rows((first + body).encode())

    assert isinstance(row, dict)
    assert row["a"] == "1"


@pytest.mark.parametrize(
    ("body", "numbers"),
    [
        ('a,b\n1,"x\n\ny"\n2,z\n', [2, 5]),  # a blank line within a cell is no row
        ("a,b\n\n1,x\n   \n2,y\n", [3, 5]),
        ("a,b\n1,x\na,b\n2,y\n", [2, 4]),  # joined files: the header comes again
        ("a,b\n,\n1,x\n", [3]),
        ('a,b\n1,5" screen\n2,x\n', [2, 3]),  # a quote within a word is a letter
        ("a,b", []),
    ],
)
def test_a_row_of_a_table_has_its_line(body: str, numbers: list[int]) -> None:
    assert [number for number, _ in objects(body.encode())] == numbers


@pytest.mark.parametrize(
    "bad",
    [
        '"1,x',  # until the end
        '"1,x\n2,"y"\n',  # until the next quote
        "1," + "x" * 140_000,
        '1,"' + "x" * 140_000 + '"',
        "1,x\r2",
    ],
)
def test_a_row_that_is_broken_costs_itself_and_is_named_by_its_first_line(bad: str) -> None:
    last = (len(bad.splitlines()) if "\r" not in bad else 1) + 2

    told = objects(f"a,b\n{bad}\n3,z\n".encode())

    assert told[0] == (2, "not_csv")
    assert told[-1][1] == {"a": "3", "b": "z"}
    assert told[-1][0] in (last, last + 1)


def test_a_quote_that_swallows_rows_does_not_take_them_for_one() -> None:
    """It closes at another row's quote with as many columns too many."""
    told = objects(b'a,b\n"1,x\n2,"",\n3,z\n')

    assert told[0] == (2, "not_csv")
    assert told[-1] == (4, {"a": "3", "b": "z"})


@pytest.mark.parametrize("header", ["a,a", "a,b,a", 'a,"a"', "a, a"])
def test_a_column_given_twice_is_refused(header: str) -> None:
    with pytest.raises(unpack.WrongFile, match="has the column a twice"):
        rows(f"{header}\n1,2,3\n".encode())


@given(st.lists(st.lists(st.text(max_size=8), min_size=2, max_size=2), max_size=5))
def test_no_table_stops_the_reading(cells: list[list[str]]) -> None:
    given = [(i, ",".join(row)) for i, row in enumerate(cells, start=1)]

    numbers = [number for number, _ in table.rows(iter(given), ",")]

    assert numbers == sorted(set(numbers))


# Encodings


@pytest.mark.parametrize("name", ["cp932", "euc_jp", "utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_japanese_names_are_the_names_that_they_were(name: str) -> None:
    body = "a,b\n" + "".join(f"{person},x\n" for person in NAMES)

    told = objects(body.encode(name))

    assert [row["a"] for _, row in told if isinstance(row, dict)] == list(NAMES)


@pytest.mark.parametrize("person", [*NAMES, "やまだ", "ヤマダ", "山田 太郎", "東京都A係"])
def test_one_japanese_name_is_enough(person: str) -> None:
    guess = encoding.guessed([b"a,b", f"{person},x".encode("cp932")])

    assert guess == encoding.Encoding("cp932", sure=False)


@pytest.mark.parametrize(
    "person",
    ["José", "Bénédicte", "Müller", "Åsa", "François", "Zoë", "Grüße – l’été", "naïve", "Ørsted"],
)
def test_a_western_name_is_taken_for_no_japanese_one(person: str) -> None:
    guess = encoding.guessed([f"{person},x".encode("cp1252")])

    assert guess == encoding.Encoding("cp1252", sure=False)


def test_a_file_of_utf_8_with_a_damaged_line_stays_utf_8() -> None:
    """The damaged line costs itself: read as another encoding it would cost every name."""
    told = objects("a,b\n田中,x\n".encode() + b"\xe7\x94,y\n" + "佐藤,z\n".encode())

    assert [row for _, row in told] == [{"a": "田中", "b": "x"}, "not_csv", {"a": "佐藤", "b": "z"}]


@pytest.mark.parametrize("raw", [b"\x81\xff\x8d", b"\xff\xfe\xfd\x81,x", bytes(range(128, 256))])
def test_what_is_in_no_encoding_is_refused_with_the_remedy(raw: bytes) -> None:
    with pytest.raises(unpack.WrongFile, match="save it as UTF-8"):
        rows(b"a,b\n" + raw + b"\n")


def test_an_encoding_that_somebody_tells_is_used() -> None:
    ((_, row),) = rows("a\nŁódź\n".encode("cp1250"), "cp1250")

    assert row == {"a": "Łódź"}


def test_what_an_encoding_that_is_told_has_no_letter_for_costs_its_row() -> None:
    (_, bad), (_, good) = objects_told(b"a,b\n" + b"\xff,x\n" + "田中,y\n".encode("euc_jp"))

    assert (bad, good) == ("not_csv", {"a": "田中", "b": "y"})


def objects_told(body: bytes) -> list[tuple[int, object]]:
    told: list[tuple[int, object]] = []
    for number, row in rows(body, "euc_jp"):
        told.append((number, str(row.reason) if isinstance(row, events.Malformed) else row))
    return told


def test_utf_16_that_breaks_off_is_refused() -> None:
    with pytest.raises(unpack.WrongFile, match="not in utf-16"):
        rows("a,b\n1,2\n".encode("utf-16") + b"\x00")


# Packing


@pytest.mark.parametrize("name", ["f.gz", "f.jsonl", "f.csv", "f"])
def test_a_packed_file_is_unpacked_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b'{"a": 1}\n') + gzip.compress(b'{"a": 2}\n'))

    with read.opened(path) as file:
        assert len(list(file.rows)) == 2


def test_a_plain_file_called_gz_is_plain(tmp_path: Path) -> None:
    path = tmp_path / "f.gz"
    path.write_bytes(b'{"a": 1}\n')

    with read.opened(path) as file:
        assert list(file.rows) == [(1, b'{"a": 1}')]


@pytest.mark.parametrize(
    ("head", "remedy"),
    [
        (b"PK\x03\x04\x14\x00[Content_Types].xml", "Excel workbook .*save the sheet as CSV"),
        (b"PK\x03\x04\x14\x00admin.jsonl", "zip archive: unpack it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel workbook"),
        (b"BZh91AY", "bzip2: unpack it first"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"\x28\xb5\x2f\xfd\x00", "zstd"),
        (b"PAR1\x15", "Parquet"),
        (b"SQLite format 3\x00", "db-out"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_no_text_is_refused_with_its_remedy(
    head: bytes, remedy: str, packed: bool, tmp_path: Path
) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(gzip.compress(head) if packed else head)

    with pytest.raises(unpack.WrongFile, match=remedy), read.opened(path):
        pass


@pytest.mark.parametrize(
    "spoilt", [lambda p: p[:-4], lambda p: p[:99], lambda p: p[:20] + b"\xff" * 40]
)
def test_a_packed_file_that_is_damaged_cannot_be_read(spoilt: object, tmp_path: Path) -> None:
    path = tmp_path / "f"
    packed = gzip.compress(b"".join(b'{"a": %d}\n' % i for i in range(999)))
    path.write_bytes(spoilt(packed))  # type: ignore[operator]

    with pytest.raises(unpack.Unreadable, match="cannot read"), read.opened(path) as file:
        list(file.rows)


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=("a,b\nJosé,x\n".encode("cp1252"),))
    writer.start()
    with read.opened(path) as file:
        assert list(file.rows) == [(2, {"a": "José", "b": "x"})]
    writer.join()


def test_a_small_packed_file_of_a_great_many_lines_takes_no_memory(tmp_path: Path) -> None:
    """100 million line breaks in 400 kB; what it may take is what the interpreter itself takes."""
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n') + gzip.compress(b"\n" * 99_000_000, 1))
    count = (
        "import sys; from pathlib import Path; from retrain.intake import read\n"
        "with read.opened(Path(sys.argv[1])) as file: print(len(list(file.rows)))"
    )
    limit = 2 << 30  # of address space; the interpreter with its libraries takes half of it

    done = subprocess.run(
        [sys.executable, "-c", count, str(path)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit // 8, limit // 8)),
    )

    assert done.stdout == "1\n"


# Layout


@given(st.binary(max_size=80))
def test_no_bytes_stop_the_reading(body: bytes) -> None:
    with contextlib.suppress(unpack.WrongFile):
        for number, row in rows(body):
            assert number > 0
            assert isinstance(row, bytes | dict | events.Malformed)


def test_a_whole_object_at_the_left_edge_makes_lines() -> None:
    inner = [b"[", b'  {"id": 1, "inner": [', b'    {"a": 1}', b"  ]}", b"]"]

    assert layout.layout(inner) is layout.Layout.JSON
    assert layout.layout([b"junk", b'{"a": 1}']) is layout.Layout.LINES
