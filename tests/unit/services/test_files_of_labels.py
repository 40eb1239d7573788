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

from retrain.intake import labels as files
from retrain.intake import read as rows
from retrain.intake import unpack
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


def read(*lines: bytes) -> list[files.Line]:
    return read_csv(b"\n".join(lines))


def read_csv(body: str | bytes) -> list[files.Line]:
    raw = body if isinstance(body, bytes) else body.encode()
    return list(files.file(rows.reading(io.BytesIO(raw)), files.Source()).lines)


def good(**of: object) -> bytes:
    return json.dumps(builders.label() | of).encode()


def reason(line: files.Line) -> str | None:
    return line.parsed.reason if isinstance(line.parsed, events.Malformed) else None


def detail(line: files.Line) -> str:
    assert isinstance(line.parsed, events.Malformed)
    return line.parsed.detail


# JSON Lines


@pytest.mark.parametrize("body", [b"", b"\n", b"\n\n\n", b"  \n\t\n\r\n"])
def test_a_file_of_nothing_holds_no_label(body: bytes) -> None:
    assert read(body) == []


def test_empty_lines_are_passed_over_and_counted_in_the_numbers() -> None:
    """An editor shows the same number beside the line."""
    lines = read(b"", good(), b"   ", b"{", b"")

    assert [(line.number, reason(line)) for line in lines] == [(2, None), (4, "not_json")]


def test_a_file_of_windows_is_read_like_any_other() -> None:
    lines = read(good() + b"\r", good(req_id="r1") + b"\r", b"")

    assert [reason(line) for line in lines] == [None, None]


def test_one_line_without_a_line_break_is_a_file() -> None:
    (line,) = read(good())

    assert line == files.Line(1, events.HumanLabel("r0", "a1", builders.AT, "faq"))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b'{"req_id": "r\xe9"}', "not_json"),
        (b"[1, 2]", "invalid"),
        (b'"r1"', "invalid"),
        (b"null", "invalid"),
        (b"[" * 100_000, "not_json"),
        (b'{"a": ' * 100_000, "not_json"),
        (good(req_id="\ud83d"), "not_json"),
        (good(also="\ud83d"), "not_json"),
        (good(req_id=""), "invalid"),
        (good(req_id="x" * 201), "invalid"),
        (good(req_id="r\x00"), "invalid"),
        (good(req_id=7.5), "invalid"),
        (good(req_id=True), "invalid"),
        (good(req_id=10**400), "invalid"),
        (good(annotator={"id": 7}), "invalid"),
        (good(annotator=None), "invalid"),
        (good(intent="weather"), "invalid"),
        (good(intent=["faq"]), "invalid"),
        (good(also=["weather"]), "invalid"),
        (good(action="delete"), "invalid"),
        (good(labelled_at=17), "invalid"),
        (good(labelled_at=10**300), "invalid"),
        (good(labelled_at=True), "invalid"),
        (good(labelled_at=[]), "invalid"),
        (good(labelled_at="yesterday"), "invalid"),
        (good(labelled_at="2026-02-29T09:00:00Z"), "invalid"),  # no leap year
        (good(intent=None), "missing_field"),
    ],
)
def test_a_line_that_is_no_label_has_its_reason_and_costs_itself(raw: bytes, why: str) -> None:
    bad, line = read(raw, good())

    assert reason(bad) == why
    assert reason(line) is None


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
    assert "intent is none of product_discovery, product_question" in detail(line)


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
    assert "--annotator" in detail(line)


def test_cells_beyond_the_header_have_no_name_and_are_not_read() -> None:
    (line,) = read_csv(written([(*ROW, "a note", "another")]))

    assert reason(line) is None


def test_a_file_without_its_header_is_refused_once() -> None:
    with pytest.raises(unpack.WrongFile, match="no header, its first line is a label"):
        read_csv(written([ROW], ROW))


def test_a_line_that_follows_a_cell_of_two_lines_has_the_number_an_editor_shows() -> None:
    body = written([("r\n1", *ROW[1:]), ("r2", "weather", *ROW[2:])])

    lines = read_csv(body)

    assert [(line.number, reason(line)) for line in lines] == [(2, None), (4, "invalid")]


def test_a_name_saved_by_a_western_spreadsheet_is_the_name_that_it_was() -> None:
    raw = written([("r1", "faq", "", "José", NINE, "label"), ROW]).encode("cp1252")

    damaged, whole = read_csv(raw)

    assert isinstance(damaged.parsed, events.HumanLabel)
    assert damaged.parsed.annotator == "José"
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
    """The report; r1 and r2 were sampled at builders.AT."""
    history = [votes.entry(one) for one in before]
    return ingest.report(labels, dict.fromkeys(("r1", "r2"), builders.AT), history)


def test_no_label_does_nothing() -> None:
    assert set(counted().values()) == {0}


def test_labels_that_were_there_already_are_counted_also_those_given_twice_in_a_file() -> None:
    labels = [label(), label(minute=1), label()]

    assert counted(*labels)["already"] == 1
    assert counted(*labels, before=labels[:1])["already"] == 2


def test_one_instant_of_two_zones_is_one_label() -> None:
    tokyo = dt.timezone(dt.timedelta(hours=9))
    elsewhere = events.HumanLabel("r1", "a1", builders.AT.astimezone(tokyo), "faq")

    assert counted(label(), elsewhere)["already"] == 1


@pytest.mark.parametrize(("minute", "early"), [(-1, 1), (0, 0), (1, 0)])
def test_a_label_dated_before_its_message_is_counted(minute: int, early: int) -> None:
    orphan = label("r9", minute=-500)  # whose message nobody knows

    assert counted(label(minute=minute), orphan)["before_message"] == early


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
        (b"", "not a labelled message: "),
        (b"{", "not a labelled message: "),
        (b"\xff", "not a labelled message: "),
        (b"null", "not a labelled message: Expected `object`"),
        (b"[]", "not a labelled message: Expected `object`"),
        (b"[" * 100_000, "not a labelled message: "),
        (b'{"text": ' + b"[" * 100_000, "not a labelled message: "),
        (b'{"intent": "faq"}', "not a labelled message: Object missing required field `text`"),
        (b'{"text": "hi"}', "not a labelled message: Object missing required field `intent`"),
        (b'{"text": 5, "intent": "faq"}', "not a labelled message: Expected `str`"),
        (b'{"text": " ?!", "intent": "faq"}', "text is empty"),
        (b'{"text": "hi", "intent": null}', "not a labelled message: Expected `str`"),
        (b'{"text": "hi", "intent": "faqs"}', "not a labelled message: intent 'faqs' is none of"),
        (b'{"text": "hi", "intent": ["faq"]}', "not a labelled message: Expected `str`"),
        (b'{"text": "hi", "intent": {"faq": 1}}', "not a labelled message: Expected `str`"),
        (b'{"text": "hi", "intent": []}', "not a labelled message: Expected `str`"),
        (b'{"text": "hi", "intent": 5}', "not a labelled message: Expected `str`"),
        (b'{"text": "hi", "intent": ""}', "not a labelled message: intent"),
        (b'{"text": "hi", "intent": "faq", "conversation": {"a": 1}}', "not a labelled message: "),
        (b'{"text": "hi", "intent": "faq", "kind": "bot"}', "not a labelled message: Invalid enum"),
        (b'{"text": "hi", "intent": "faq", "kind": ["human"]}', "not a labelled message: "),
        (b'{"text": "hi", "intent": "faq", "conversation": 5}', "not a labelled message: Expected"),
        (b'{"text": "hi", "intent": "faq", "conversation": [1]}', "not a labelled message: "),
        (b'{"text": "hi", "intent": "faq", "cluster": {}}', "not a labelled message: Expected"),
        (b'{"text": "x \\ud83d", "intent": "faq"}', "not a labelled message: "),
        (b'{"text": "x\\u0000", "intent": "faq"}', "not a labelled message: "),
        (b'{"text": "x", "intent": "faq", "conversation": "\\ud83d"}', "not a labelled message: "),
        (b'{"text": "x", "intent": "faq", "cluster": "\\u0000"}', "not a labelled message: "),
    ],
)
def test_a_line_that_is_no_labelled_message_is_named_and_ends_nothing(raw: bytes, why: str) -> None:
    """One such line must not cost the good ones beside it, and Postgres keeps neither a NUL nor
    half a character.
    """
    refusal = ingest.corpus_row(raw)

    assert isinstance(refusal, str)
    assert refusal.startswith(why)


def test_a_reason_says_nothing_of_an_intent_that_is_near_none() -> None:
    reason = row(intent="x" * 10_000)

    assert isinstance(reason, str)
    assert "xx" not in reason


def test_a_table_of_messages_is_read_like_their_json() -> None:
    cells = {"text": "is it here", "intent": "FAQ", "kind": "machine"}

    assert ingest.corpus_row(cells) == row(kind="machine")


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


@given(st.binary(max_size=60) | st.text(max_size=30).map(str.encode))
def test_no_bytes_stop_the_reading_of_a_corpus(raw: bytes) -> None:
    assert isinstance(ingest.corpus_row(raw), str | dict)


@given(
    st.text(st.characters(exclude_categories=())).filter(lambda text: any(map(str.isalnum, text)))
)
def test_a_text_is_kept_as_it_was_written_or_not_at_all(text: str) -> None:
    taken = row(text=text)

    whole = "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
    assert isinstance(taken, dict) == whole
    assert isinstance(taken, str) or taken["text"] == text
