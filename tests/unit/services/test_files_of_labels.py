"""Files that people hand in: each line is taken or named with its number and reason, whatever a
spreadsheet, another tool or a wrong encoding has made of it.
"""

import csv
import datetime as dt
import io
import json
from collections.abc import Sequence

import builders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.labels import votes
from schemas import events, present, times
from services.labels import ingest

COLUMNS = ("req_id", "intent", "also", "annotator", "labelled_at", "action")
NINE = "2026-04-20T09:00:00Z"
# What JSON and CSV may both carry, and Postgres may keep: no NUL, no half character.
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).filter(
    lambda name: name == name.strip()
)
INTENTS = st.sampled_from(present.INTENTS)


def read(*lines: bytes) -> list[ingest.Line]:
    return list(ingest.lines(b"\n".join(lines), is_csv=False))


def read_csv(body: str | bytes) -> list[ingest.Line]:
    raw = body if isinstance(body, bytes) else body.encode()
    return list(ingest.lines(raw, is_csv=True))


def good(**of: object) -> bytes:
    return json.dumps(builders.label() | of).encode()


def reason(line: ingest.Line) -> str | None:
    return line.parsed.reason if isinstance(line.parsed, events.Malformed) else None


def detail(line: ingest.Line) -> str:
    assert isinstance(line.parsed, events.Malformed)
    return line.parsed.detail


# JSON Lines


@pytest.mark.parametrize("body", [b"", b"\n", b"\n\n\n", b"  \n\t\n\r\n"])
@pytest.mark.parametrize("is_csv", [False, True])
def test_a_file_of_nothing_holds_no_label(body: bytes, is_csv: bool) -> None:
    labels = [line for line in ingest.lines(body, is_csv=is_csv) if reason(line) is None]

    assert labels == []


def test_empty_lines_are_passed_over_and_counted_in_the_numbers() -> None:
    """An editor shows the same number beside the line."""
    lines = read(b"", good(), b"   ", b"{", b"")

    assert [(line.number, reason(line)) for line in lines] == [(2, None), (4, "not_json")]


def test_a_file_of_windows_is_read_like_any_other() -> None:
    lines = read(good() + b"\r", good(req_id="r1") + b"\r", b"")

    assert [reason(line) for line in lines] == [None, None]


def test_one_line_without_a_line_break_is_a_file() -> None:
    (line,) = read(good())

    assert line == ingest.Line(1, events.HumanLabel("r0", "a1", builders.AT, "faq"))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"\xff\xfe{", "not_json"),
        (b'{"req_id": "r\xe9"}', "not_json"),
        (b"[1, 2]", "invalid"),
        (b'"r1"', "invalid"),
        (b"null", "invalid"),
        (good(req_id=""), "invalid"),
        (good(req_id="x" * 201), "invalid"),
        (good(req_id="r\x00"), "invalid"),
        (good(req_id=7), "invalid"),
        (good(annotator=None), "invalid"),
        (good(intent="weather"), "invalid"),
        (good(intent="FAQ"), "invalid"),
        (good(intent=["faq"]), "invalid"),
        (good(also="promotion"), "invalid"),
        (good(also=["weather"]), "invalid"),
        (good(action="delete"), "invalid"),
        (good(labelled_at=1_776_675_600), "invalid"),
        (good(labelled_at="yesterday"), "invalid"),
        (good(labelled_at="2026-02-29T09:00:00Z"), "invalid"),  # no leap year
        (good(intent=None), "missing_field"),
    ],
)
def test_a_line_that_is_no_label_has_its_reason(raw: bytes, why: str) -> None:
    (line,) = read(raw)

    assert reason(line) == why


def test_a_leap_day_and_the_hour_that_comes_twice_are_times_like_any_other() -> None:
    """New York puts its clocks back on 1 November 2026: half past one comes at -04:00 and again at
    -05:00, an hour later.
    """
    (leap, first, second) = read(
        good(labelled_at="2028-02-29T09:00:00Z"),
        good(labelled_at="2026-11-01T01:30:00-04:00"),
        good(labelled_at="2026-11-01T01:30:00-05:00"),
    )

    assert isinstance(leap.parsed, events.HumanLabel)
    assert leap.parsed.labelled_at == dt.datetime(2028, 2, 29, 9, tzinfo=dt.UTC)
    assert isinstance(first.parsed, events.HumanLabel)
    assert isinstance(second.parsed, events.HumanLabel)
    assert second.parsed.labelled_at - first.parsed.labelled_at == dt.timedelta(hours=1)


def test_what_is_wrong_is_told_without_the_text_that_is_wrong() -> None:
    """A report is printed on a terminal and pasted into a chat; what a file holds is foreign."""
    (line,) = read(good(intent="\x1b[2Jsecret"))

    assert "secret" not in detail(line)
    assert "$.intent" in detail(line)


# CSV


def written(rows: Sequence[Sequence[str]], header: Sequence[str] = COLUMNS) -> str:
    body = io.StringIO()
    csv.writer(body).writerows([header, *rows])
    return body.getvalue()


ROW = ("r1", "faq", "", "a1", NINE, "label")


@given(
    req_id=NAMES,
    annotator=NAMES,
    intent=INTENTS,
    also=st.lists(INTENTS, max_size=3),
    at=st.integers(0, 6_000_000_000).map(lambda s: times.FIRST + s * builders.SECOND),
)
def test_a_label_written_as_csv_reads_back(
    req_id: str, annotator: str, intent: str, also: list[str], at: dt.datetime
) -> None:
    """With quotes, commas, emoji and writing that runs from right to left in its names."""
    body = written([(req_id, intent, ",".join(also), annotator, at.isoformat(), "label")])

    (line,) = read_csv(body)

    assert line.parsed == events.HumanLabel(req_id, annotator, at, intent, also)


def test_the_columns_may_come_in_any_order() -> None:
    body = written([ROW[::-1]], COLUMNS[::-1])

    (line,) = read_csv(body)

    assert line.parsed == events.HumanLabel("r1", "a1", builders.AT + dt.timedelta(hours=9), "faq")


def test_a_row_that_ends_early_lacks_what_it_has_not_said() -> None:
    (line,) = read_csv(written([("r1", "faq")]))

    assert (line.number, reason(line)) == (2, "invalid")
    assert "annotator" in detail(line)


def test_cells_beyond_the_header_have_no_name_and_are_not_read() -> None:
    (line,) = read_csv(written([(*ROW, "a note", "another")]))

    assert reason(line) is None


def test_a_file_without_its_header_has_its_first_label_for_one() -> None:
    """Every other line then lacks its fields, and says so."""
    (line,) = read_csv(written([ROW], ROW))

    assert reason(line) == "invalid"


def test_a_line_that_follows_a_cell_of_two_lines_has_the_number_an_editor_shows() -> None:
    body = written([("r\n1", *ROW[1:]), ("r2", "weather", *ROW[2:])])

    lines = read_csv(body)

    assert [(line.number, reason(line)) for line in lines] == [(3, None), (4, "invalid")]


def test_bytes_that_are_no_utf_8_are_a_letter_like_any_other_not_the_end_of_the_file() -> None:
    """Saved as Latin-1 by a spreadsheet: the name is damaged, its label is kept."""
    raw = written([("r1", "faq", "", "José", NINE, "label"), ROW]).encode("latin-1")

    damaged, whole = read_csv(raw)

    assert isinstance(damaged.parsed, events.HumanLabel)
    assert damaged.parsed.annotator == "Jos\ufffd"
    assert reason(whole) is None


@pytest.mark.parametrize("also", ["", " ", "[]", "[ ]", ",", '""', "[,,]"])
def test_an_empty_also_is_no_further_wish_however_it_is_written(also: str) -> None:
    (line,) = read_csv(written([("r1", "faq", also, "a1", NINE, "label")]))

    assert isinstance(line.parsed, events.HumanLabel)
    assert line.parsed.also == []


def test_a_retraction_needs_no_intent() -> None:
    (line,) = read_csv(written([("r1", "", "", "a1", NINE, "retract")]))

    assert line.parsed == events.HumanLabel(
        "r1", "a1", builders.AT + dt.timedelta(hours=9), action="retract"
    )


# what a file does to the labels that are there


def label(
    req_id: str = "r1", annotator: str = "a1", intent: str | None = "faq", minute: int = 0
) -> events.HumanLabel:
    at = builders.AT + dt.timedelta(minutes=minute)
    action = "label" if intent else "retract"
    return events.HumanLabel(req_id, annotator, at, intent, action=action)  # type: ignore[arg-type]


def counted(*labels: events.HumanLabel, before: Sequence[events.HumanLabel] = ()) -> dict[str, int]:
    """The report, without how much was read; r1 and r2 were sampled."""
    history = [votes.entry(one) for one in before]
    report = ingest.report(labels, {"r1", "r2"}, history)
    return {name: n for name, n in report.items() if name != "read"}


def test_no_label_does_nothing() -> None:
    assert counted() == {"joined": 0, "orphans": 0, "relabels": 0, "conflicts": 0}


def test_a_label_of_a_request_nobody_sampled_is_an_orphan() -> None:
    report = counted(label("r1"), label("r9"), label("r9", "a2"))

    assert (report["joined"], report["orphans"]) == (1, 2)


@pytest.mark.parametrize(
    ("intents", "relabels"),
    [
        (["faq", "faq"], 0),  # said again
        (["faq", "chitchat"], 1),
        (["faq", "chitchat", "faq"], 2),  # there and back
        (["faq", None, "faq"], 0),  # taken back, and said again
        (["faq", None, "chitchat"], 0),  # between the two nothing was said
        ([None, "faq"], 0),
        ([None], 0),
    ],
)
def test_a_relabel_is_another_intent_right_after_one(
    intents: list[str | None], relabels: int
) -> None:
    labels = [label(intent=intent, minute=i) for i, intent in enumerate(intents)]

    assert counted(*labels)["relabels"] == relabels


def test_a_colleague_who_says_otherwise_relabels_nothing_and_is_in_conflict() -> None:
    report = counted(label(annotator="a1"), label(annotator="a2", intent="chitchat", minute=1))

    assert (report["relabels"], report["conflicts"]) == (0, 1)


def test_three_who_differ_are_one_conflict_of_one_message() -> None:
    report = counted(
        label(annotator="a1", intent="faq"),
        label(annotator="a2", intent="chitchat"),
        label(annotator="a3", intent="promotion"),
    )

    assert report["conflicts"] == 1


def test_a_conflict_is_over_when_one_of_them_changes_or_takes_it_back() -> None:
    both = [label(annotator="a1"), label(annotator="a2", intent="chitchat")]

    agreed = counted(label(annotator="a2", intent="faq", minute=5), before=both)
    withdrawn = counted(label(annotator="a2", intent=None, minute=5), before=both)

    assert (agreed["relabels"], agreed["conflicts"]) == (1, 0)
    assert (withdrawn["relabels"], withdrawn["conflicts"]) == (0, 0)


def test_a_file_read_twice_tells_no_relabel_the_second_time() -> None:
    labels = [label(), label(intent="chitchat", minute=1)]

    assert counted(*labels)["relabels"] == 1
    assert counted(*labels, before=labels)["relabels"] == 0


def test_a_label_that_arrives_late_counts_against_its_neighbours_in_time() -> None:
    """faq at 0 and faq at 10 are there; chitchat at 5 changes the one before it and is changed by
    the one after it, which an earlier report has told already.
    """
    there = [label(minute=0), label(minute=10)]

    report = counted(label(intent="chitchat", minute=5), before=there)

    assert report["relabels"] == 1


@given(st.data())
def test_the_order_of_the_lines_changes_nothing(data: st.DataObject) -> None:
    labels = data.draw(
        st.lists(
            st.builds(
                label,
                st.sampled_from(["r1", "r2", "r3"]),
                st.sampled_from(["a1", "a2", "a3"]),
                st.sampled_from(["faq", "chitchat", "promotion", None]),
                st.integers(0, 4),
            ),
            max_size=12,
        )
    )
    shuffled = data.draw(st.permutations(labels))

    report = counted(*labels)

    assert counted(*shuffled) == report
    assert report["joined"] + report["orphans"] == len(labels)
    assert report["conflicts"] <= 3, "of three requests"


def test_a_row_of_the_table_holds_what_was_said() -> None:
    entry = label()

    row = ingest.row(entry)

    assert row.pop("id") == events.label_id(entry)
    assert row == {
        "req_id": "r1",
        "annotator": "a1",
        "labelled_at": builders.AT,
        "intent": "faq",
        "also": [],
        "action": "label",
    }


# the corpus


def row(**of: object) -> dict[str, object] | str:
    return ingest.corpus_row(json.dumps({"text": "is it here", "intent": "faq"} | of).encode())


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "not a labelled message: JSONDecodeError"),
        (b"{", "not a labelled message: JSONDecodeError"),
        (b"\xff", "not a labelled message: UnicodeDecodeError"),
        (b"null", "not a labelled message: TypeError"),
        (b"[]", "not a labelled message: TypeError"),
        (b'"text"', "not a labelled message: TypeError"),
        (b"[" * 100_000, "not a labelled message: RecursionError"),
        (b'{"intent": "faq"}', "not a labelled message: KeyError 'text'"),
        (b'{"text": "hi"}', "not a labelled message: KeyError 'intent'"),
        (b'{"text": 5, "intent": "faq"}', "text is empty"),
        (b'{"text": " ?!", "intent": "faq"}', "text is empty"),
        (b'{"text": "hi", "intent": null}', "intent 'None' is not one of the 10"),
        (b'{"text": "hi", "intent": "FAQ"}', "intent 'FAQ' is not one of the 10"),
        (b'{"text": "hi", "intent": ["faq"]}', "intent \"['faq']\" is not one of the 10"),
        (b'{"text": "hi", "intent": {"faq": 1}}', "intent \"{'faq': 1}\" is not one of the 10"),
        (b'{"text": "hi", "intent": "faq", "kind": "bot"}', "kind 'bot' is neither"),
        (b'{"text": "hi", "intent": "faq", "kind": ["human"]}', "kind ['human'] is neither"),
        (b'{"text": "hi", "intent": "faq", "conversation": 5}', "conversation is no text"),
        (b'{"text": "hi", "intent": "faq", "cluster": {}}', "cluster is no text"),
    ],
)
def test_a_line_that_is_no_labelled_message_is_named_and_ends_nothing(raw: bytes, why: str) -> None:
    """One such line must not cost the good ones beside it."""
    refusal = ingest.corpus_row(raw)

    assert isinstance(refusal, str)
    assert refusal.startswith(why)


def test_a_reason_shows_no_more_than_the_beginning_of_a_long_intent() -> None:
    reason = row(intent="x" * 10_000)

    assert reason == f"intent '{'x' * 60}' is not one of the 10"


def test_a_message_is_a_persons_unless_its_line_says_otherwise() -> None:
    kinds = [row(), row(kind=None), row(kind=""), row(kind="human"), row(kind="machine")]

    assert [isinstance(each, dict) and each["kind"] for each in kinds] == [
        "human",
        "human",
        "human",
        "human",
        "machine",
    ]


def test_a_message_is_known_by_text_and_intent_alone() -> None:
    """The same message from another file, in another conversation, is not trained on twice."""
    one, other = row(), row(conversation="c1", cluster="k", kind="machine", extra=[1])
    elsewhere = row(intent="chitchat")

    assert isinstance(one, dict)
    assert isinstance(other, dict)
    assert isinstance(elsewhere, dict)
    assert one["id"] == other["id"] != elsewhere["id"]
    assert (other["conversation"], other["cluster"]) == ("c1", "k")


@pytest.mark.parametrize("character", ["\x00", "\ud83d"])
def test_what_postgres_cannot_keep_becomes_the_sign_for_a_damaged_letter(character: str) -> None:
    """A NUL, and half of a character that takes two: JSON may hold both as escapes."""
    damaged = row(text=f"a{character}b", conversation=f"c{character}", cluster=character)

    assert isinstance(damaged, dict)
    assert (damaged["text"], damaged["conversation"], damaged["cluster"]) == (
        "a\ufffdb",
        "c\ufffd",
        "\ufffd",
    )


@given(st.binary(max_size=60) | st.text(max_size=30).map(str.encode))
def test_no_bytes_stop_the_reading_of_a_corpus(raw: bytes) -> None:
    assert isinstance(ingest.corpus_row(raw), str | dict)


@given(
    st.text(st.characters(exclude_categories=())).filter(lambda text: any(map(str.isalnum, text)))
)
def test_whatever_was_written_postgres_can_keep_it(text: str) -> None:
    taken = row(text=text)

    assert isinstance(taken, dict)
    kept = str(taken["text"])
    assert "\x00" not in kept
    kept.encode()  # raises for half a character
