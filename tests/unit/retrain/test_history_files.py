"""Files of history as people have them: compressed, cut off, empty, half written, of another
encoding. Whatever cannot be replayed is named by file and line.
"""

import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import builders
import pytest
import traffic

from retrain.decide.history import archive, files
from schemas import events, runs


def written(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"\n".join(lines))
    return path


def log(number: int = 0, **more: Any) -> bytes:
    return traffic.encode(builders.log(number, **more))


def label(hour: int, req_id: str = "r0", annotator: str = "a1") -> bytes:
    at = f"2026-04-20T{hour:02}:00:00Z"
    return json.dumps(builders.label(req_id, annotator=annotator, at=at)).encode()


# Serving logs


@pytest.mark.parametrize("n", [1, 2_000, 2_001])
def test_logs_are_counted_over_as_many_reads_as_they_take(n: int, tmp_path: Path) -> None:
    path = written(tmp_path / "logs", *[log(i) for i in range(n)])

    block = files.serving_logs(path).held

    assert len(block.ts_us) == n
    assert len(block.keys) == 1


def test_an_empty_file_of_logs_is_a_history_without_an_hour(tmp_path: Path) -> None:
    block = files.serving_logs(written(tmp_path / "logs")).held

    assert (len(block.keys), len(block.asked), len(block.ts_us)) == (0, 0, 0)
    assert archive.archives(block, []) == {}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[]", "invalid"),
        (b'{"v": 1}', "invalid"),
        (log(intent="horoscope"), "invalid"),
        (log(confidence=1.5), "invalid"),
        (log(ts="yesterday"), "invalid"),
    ],
)
def test_a_malformed_log_costs_itself_and_is_counted(
    line: bytes, reason: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "logs", log(), b"", line, b"{", log(1))

    taken = files.serving_logs(path)

    assert (len(taken.held.ts_us), taken.malformed) == (2, 2)
    assert f"logs:3: {reason}: " in taken.first


def test_a_malformed_log_behind_the_first_read_has_its_own_line(tmp_path: Path) -> None:
    path = written(tmp_path / "logs", *[log(i) for i in range(2_500)], b"{")

    assert "logs:2501: " in files.serving_logs(path).first


def test_a_file_without_a_single_log_is_refused_once(tmp_path: Path) -> None:
    path = written(tmp_path / "logs", b"{", b"[]", label(1))

    with pytest.raises(files.BadHistory, match=r"logs:1: not_json: .*no line is better"):
        files.serving_logs(path)


def test_a_table_is_no_file_of_logs(tmp_path: Path) -> None:
    path = written(tmp_path / "logs", b"v,ts,model", b"1,2026,v1")

    with pytest.raises(files.BadHistory, match="serving logs are JSON Lines; this is a table"):
        files.serving_logs(path)


def test_logs_in_an_array_packed_under_another_name_are_read(tmp_path: Path) -> None:
    path = tmp_path / "logs"
    path.write_bytes(gzip.compress(b"[" + log() + b", " + log(1) + b"]"))

    assert len(files.serving_logs(path).held.ts_us) == 2


@pytest.mark.parametrize("name", ["logs.jsonl.gz", "labels.jsonl.gz"])
def test_a_compressed_file_that_is_cut_off_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    lines = log() if "logs" in name else label(1)
    packed = gzip.compress((lines + b"\n") * 999)
    path.write_bytes(packed[:-9])
    read = files.serving_logs if "logs" in name else files.labels

    with pytest.raises(files.BadHistory, match=rf"cannot read .*{name}: "):
        read(path)


def test_a_file_that_is_not_there_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(files.BadHistory, match=r"cannot read .*gone: No such file"):
        files.serving_logs(tmp_path / "gone")
    with pytest.raises(files.BadHistory, match="Is a directory"):
        files.labels(tmp_path)


# Labels


def test_labels_come_in_the_order_in_which_people_gave_them(tmp_path: Path) -> None:
    path = written(
        tmp_path / "labels",
        label(5, "r9"),
        label(3, "r2", "zoe"),
        label(3, "r2", "ana"),
        label(3, "r1"),
    )

    given = [(each.req_id, each.annotator) for each in files.labels(path).held]

    assert given == [("r1", "a1"), ("r2", "ana"), ("r2", "zoe"), ("r9", "a1")]


def test_an_instant_of_another_zone_is_ordered_by_when_it_was(tmp_path: Path) -> None:
    """The clocks of Chicago go back on 1 November 2026: 01:30 comes twice, and 07:00 UTC lies
    between.
    """
    times = ["2026-11-01T01:30:00-06:00", "2026-11-01T07:00:00Z", "2026-11-01T01:30:00-05:00"]
    lines = [json.dumps(builders.label(f"r{i}", at=at)).encode() for i, at in enumerate(times)]

    given = files.labels(written(tmp_path / "labels", *lines)).held

    assert [each.req_id for each in given] == ["r2", "r1", "r0"]


def test_no_label_is_no_fault(tmp_path: Path) -> None:
    assert files.labels(written(tmp_path / "labels")) == files.Taken([])


def test_a_malformed_label_is_named_without_what_it_says(tmp_path: Path) -> None:
    secret = json.dumps(builders.label(intent="my card is 4111")).encode()

    taken = files.labels(written(tmp_path / "labels", label(1), secret))

    assert (len(taken.held), taken.malformed) == (1, 1)
    assert "labels:2: invalid: " in taken.first
    assert "4111" not in taken.first


def test_labels_are_read_as_people_have_them(tmp_path: Path) -> None:
    """A spreadsheet's table, in the encoding of its country."""
    table = "req_id;intent;annotator;labelled_at\nr1;FAQ;田中;2026-04-20T09:00:00Z\n"

    (given,) = files.labels(written(tmp_path / "labels", table.encode("cp932"))).held

    assert (given.intent, given.annotator) == ("faq", "田中")


def test_a_label_dated_long_after_the_newest_log_has_a_wrong_clock(tmp_path: Path) -> None:
    """The limit itself is in time."""
    given = []
    for days in (-1, 0, 92, 93, 36_500):
        at = builders.AT + dt.timedelta(days=days)
        given.append(events.HumanLabel(f"r{days}", "a1", at, "faq"))

    timely = files.timely(given, builders.AT)

    assert [label.req_id for label in timely] == ["r-1", "r0", "r92"]


def test_without_a_log_every_label_is_timely() -> None:
    nothing = archive.joined([])

    given = [events.HumanLabel("r1", "a1", builders.AT, "faq")]

    assert files.timely(given, nothing.newest) == given


# Incidents


def incident(kind: str, **more: Any) -> bytes:
    fields = {"id": "i1", "kind": kind, "started": "2026-04-20T00:00:00Z"} | more
    return json.dumps(fields).encode()


@pytest.mark.parametrize("kind", ["mix", "language", "pipeline", "bad_release", "none"])
def test_every_kind_that_a_decision_answers_scores_a_replay(kind: str, tmp_path: Path) -> None:
    (read,) = files.incidents(written(tmp_path / "incidents", incident(kind)))

    assert read == events.Incident("i1", kind, builders.AT)


@pytest.mark.parametrize("kind", ["", "Mix", "mix ", "wrong_route"])
def test_a_kind_that_would_count_as_neither_hit_nor_miss_is_refused(
    kind: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "incidents", incident("mix"), incident(kind, id="i'2"))

    with pytest.raises(files.BadHistory, match=r"incident i'2: kind .* is none of"):
        files.incidents(path)


# References


def reference(tmp_path: Path, **more: Any) -> runs.Reference:
    fields = {"model": "v1", "n": 10, "intent_counts": {"faq": 10}} | more
    path = tmp_path / "reference.json"
    path.write_text(json.dumps(fields))
    return files.reference(path)


def test_a_reference_says_what_it_says_and_nothing_of_the_rest(tmp_path: Path) -> None:
    read = reference(tmp_path, accuracy=0.9, recall={"faq": 1})

    assert (read.accuracy, read.recall) == (0.9, {"faq": 1.0})
    assert (read.mean_tokens, read.tokenizer, read.accuracy_n) == (None, None, None)


@pytest.mark.parametrize("ratio", [0, 1, 0.5, None])
def test_the_ends_of_a_ratio_are_ratios(ratio: float | None, tmp_path: Path) -> None:
    assert reference(tmp_path, low_confidence_rate=ratio).low_confidence_rate == ratio


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({"mean_confidence": 90}, "mean_confidence 90 is no ratio"),
        ({"low_confidence_rate": -0.01}, "low_confidence_rate -0.01 is no ratio"),
        ({"recall": {"faq": 1.0001}}, "recall of faq 1.0001 is no ratio"),
        ({"accuracy_n": -5}, "accuracy_n -5 is no count"),
        ({"script_counts": {"latin": -1}}, "latin -1 is no count"),
        ({"intent_counts": {"n": -2}}, "n -2 is no count"),
        ({"mean_tokens": -0.5}, "mean_tokens -0.5 is below 0"),
        ({"accuracy": "high"}, r"not a reference\.json"),
        ({"n": 1.5}, r"not a reference\.json"),
        ({"accuracy": float("nan")}, r"not a reference\.json"),
        ({"accuracy": float("inf")}, r"not a reference\.json"),
        ({"intent_counts": [10]}, r"not a reference\.json"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(
    field: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(files.BadHistory, match=message):
        reference(tmp_path, **field)


@pytest.mark.parametrize(
    "text", [b"", b"null", b"[]", b"\xff\xfe{}", b'\xef\xbb\xbf{"model": "v1"}', b'"v1"', b"{" * 99]
)
def test_bytes_that_are_no_reference_are_refused(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "reference.json"
    path.write_bytes(text)

    with pytest.raises(files.BadHistory, match=r"not a reference\.json"):
        files.reference(path)


def test_a_reference_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(files.BadHistory, match=r"cannot read .*gone\.json: No such file"):
        files.reference(tmp_path / "gone.json")
