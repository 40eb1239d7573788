"""What is a label, whatever people and spreadsheets have made of it: read where it is plain,
refused with the remedy where it is not.
"""

import datetime as dt
import io
import json
import re
from typing import Any

import builders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.intake import labels, mapping, moments, plain, read, unpack
from schemas import events, present, times

NINE = dt.datetime(2026, 4, 21, 9, tzinfo=dt.UTC)
HEADER = "req_id,intent,also,annotator,labelled_at,action"
ROW = "c3,faq,,a1,2026-04-21T09:00:00Z,label"
Told = mapping.Mapping


def parsed(body: str | bytes, **told: Any) -> list[events.HumanLabel | events.Malformed]:
    raw = body.encode() if isinstance(body, str) else body
    source = labels.Source(None, Told(**told))
    file = labels.file(read.reading(io.BytesIO(raw), source.told.encoding), source)
    return [line.parsed for line in file.lines]


def one(told: Told | None = None, **of: Any) -> events.HumanLabel | events.Malformed:
    fields = builders.label() | of
    return plain.label(fields, told or Told())


def why(label: events.HumanLabel | events.Malformed) -> str:
    assert isinstance(label, events.Malformed)
    return label.detail


def wrong(body: str, **told: Any) -> str:
    with pytest.raises(unpack.WrongFile) as refusal:
        parsed(body, **told)
    return str(refusal.value)


# A file


@pytest.mark.parametrize("delimiter", [";", "\t", "|", ","])
def test_a_spreadsheets_table_is_read(delimiter: str) -> None:
    body = f"{HEADER}\n{ROW}\n".replace(",", delimiter)

    assert parsed(body) == [events.HumanLabel("c3", "a1", NINE, "faq")]


def test_columns_are_known_however_they_are_written() -> None:
    body = f"Req ID,INTENT,Also,Annotator,labelled at,note\n{ROW}\n"

    assert parsed(body) == [events.HumanLabel("c3", "a1", NINE, "faq")]


@pytest.mark.parametrize("rows", [1, 2])
def test_a_table_without_a_header_is_refused_once(rows: int) -> None:
    assert "its first line is a label: put `req_id,intent" in wrong(f"{ROW}\n" * rows)


def test_a_table_of_other_columns_is_refused_once_with_its_header_and_the_remedy() -> None:
    said = wrong("id;class;who\n" + "1;faq;a1\n" * 9)

    assert said == (
        "no column is req_id or annotator or labelled_at or intent: the header is"
        " `id;class;who`; name it in a mapping file"
    )


def test_a_mapping_names_the_columns_of_a_table() -> None:
    body = "id;class;who;when\n1;Where is it;Ann;21.04.2026 18:00\n"

    told = {
        "columns": {"req_id": "id", "intent": "class", "annotator": "who", "labelled_at": "when"},
        "intents": {"Where is it": "order_tracking"},
        "zone": "Asia/Tokyo",
    }

    assert parsed(body, **told) == [events.HumanLabel("1", "Ann", NINE, "order_tracking")]


def test_a_mapping_names_the_paths_of_json() -> None:
    body = json.dumps([{"data": {"id": 7}, "marks": [{"v": "faq"}], "state": "skipped"}])

    told = {
        "columns": {"req_id": "data.id", "intent": "marks.0.v", "action": "state"},
        "always": {"annotator": "agency", "labelled_at": "2026-04-21T09:00:00Z"},
        "actions": {"skipped": "cannot_tell"},
    }

    assert parsed(body, **told) == [
        events.HumanLabel("7", "agency", NINE, "faq", action="cannot_tell")
    ]


def test_a_column_that_the_mapping_names_and_the_header_lacks_is_refused() -> None:
    assert "no column is req_id" in wrong(f"{HEADER}\n{ROW}\n", columns={"req_id": "id"})


def test_of_a_file_of_something_else_nobody_is_told_every_line() -> None:
    with pytest.raises(unpack.WrongFile, match="none of its first 10,000 lines is a label"):
        parsed(b'{"a": 1}\n' * 20_000)


def test_a_good_label_among_many_bad_lines_is_found() -> None:
    body = b'{"a": 1}\n' * 9_998 + json.dumps(builders.label()).encode() + b'\n{"a": 1}' * 9_999

    assert sum(isinstance(label, events.HumanLabel) for label in parsed(body)) == 1


# An intent


@pytest.mark.parametrize("written", ["FAQ", " faq", "faq ", "Faq", "ＦＡＱ", "faq\t"])
def test_an_intent_is_what_it_plainly_is(written: str) -> None:
    assert one(intent=written) == one()


@pytest.mark.parametrize("intent", present.INTENTS)
def test_every_intent_is_known_by_its_words(intent: str) -> None:
    words = intent.replace("_", " ")
    for written in (words.title(), words.upper(), intent.replace("_", "-"), f" {words}. "):
        assert plain.intent(written, Told()) == intent


@pytest.mark.parametrize(
    ("written", "nearest"),
    [("recomendation", "recommendation"), ("order traking", "order_tracking"), ("faqs", "faq")],
)
def test_the_nearest_intent_of_a_misspelt_one_is_named(written: str, nearest: str) -> None:
    assert f"the nearest is {nearest}" in why(one(intent=written))


@pytest.mark.parametrize("written", ["weather", "my card is 4111 1111", "\x1b[2J", "日本", "4"])
def test_of_any_other_the_intents_are_named_and_not_what_was_written(written: str) -> None:
    said = why(one(intent=written))

    assert written not in said.replace("product_question, ", "") or written == "4"
    assert "faq, order_tracking" in said


def test_a_mapping_says_what_a_name_means() -> None:
    told = Told(intents={"4": "faq", "Where?": "order_tracking"})

    assert plain.intent("Where? ", told) == "order_tracking"
    assert plain.intent(4, told) == "faq"


# What pandas and people write


@pytest.mark.parametrize(
    "of",
    [
        {"also": None},
        {"also": ""},
        {"also": []},
        {"action": None},
        {"action": ""},
        {"action": "Label"},
        {"req_id": "r0 "},
        {"annotator": " a1"},
    ],
)
def test_what_is_left_empty_or_has_a_blank_more_is_what_it_would_be(of: dict[str, Any]) -> None:
    assert one(**of) == one()


@pytest.mark.parametrize(("written", "name"), [(7, "7"), (7.0, "7"), ("7", "7"), (0, "0")])
def test_a_number_is_a_name(written: object, name: str) -> None:
    label = one(req_id=written, annotator=written)

    assert isinstance(label, events.HumanLabel)
    assert (label.req_id, label.annotator) == (name, name)


@pytest.mark.parametrize("written", [7.5, True, [], {}, float("nan"), float("inf"), 10**30])
def test_what_is_no_name_is_refused(written: object) -> None:
    assert "req_id is neither a name nor a number" in why(one(req_id=written))


@pytest.mark.parametrize(
    ("field", "remedy"),
    [("req_id", "labels tasks"), ("annotator", "--annotator"), ("labelled_at", "--at")],
)
@pytest.mark.parametrize("value", [None, ""])
def test_what_is_missing_is_named_with_its_remedy(field: str, remedy: str, value: Any) -> None:
    assert remedy in why(one(**{field: value}))


@pytest.mark.parametrize("also", [["FAQ", "promotion"], "faq, Promotion", '["faq","promotion"]'])
def test_further_intents_are_what_they_plainly_are(also: object) -> None:
    label = one(intent="chitchat", also=also)

    assert isinstance(label, events.HumanLabel)
    assert label.also == ["faq", "promotion"]


@pytest.mark.parametrize("also", [5, {"faq": 1}, [5], [["faq"]], "weather"])
def test_further_intents_that_are_none_are_refused(also: object) -> None:
    assert isinstance(one(also=also), events.Malformed)


def test_cannot_tell_is_an_answer_without_an_intent() -> None:
    label = one(intent=None, action="cannot_tell")

    assert isinstance(label, events.HumanLabel)
    assert (label.action, label.intent) == ("cannot_tell", None)


# A time


def at(value: object, **told: Any) -> dt.datetime:
    return moments.instant(value, Told(**told))


@pytest.mark.parametrize(
    "written",
    [
        "2026-04-21T09:00:00Z",
        "2026-04-21 09:00:00+0000",
        "2026-04-21T14:30:00+05:30",
        "2026-04-21T14:45:00.000+05:45",
        "2026-04-21 09:00:00 UTC",
        "2026-04-21t09:00:00z",
        1_776_762_000,
        1_776_762_000.0,
        "1776762000",
        1_776_762_000_000,
        "1776762000000",
    ],
)
def test_one_instant_however_it_is_written(written: object) -> None:
    assert at(written) == NINE


@pytest.mark.parametrize(
    "written",
    [
        "2026-04-21T18:00:00",
        "2026-04-21 18:00",
        "21/04/2026 18:00",
        "4/21/2026 6:00 PM",
        "21.04.2026 18:00:00",
        "2026/04/21 18:00",
        "2026/4/21, 6:00:00 pm",
        46_133.75,
        "46133.75",
    ],
)
def test_a_local_time_is_read_where_its_zone_is_told(written: object) -> None:
    for zone in ("Asia/Tokyo", "+09:00", "+0900"):
        assert at(written, zone=zone) == NINE
    with pytest.raises(moments.NotAnInstant, match="no zone: say which with --zone"):
        at(written)


@pytest.mark.parametrize("written", ["04/05/2026 18:00", "4-5-2026 6:00 PM"])
def test_a_day_that_may_be_two_is_refused_unless_the_mapping_tells(written: str) -> None:
    with pytest.raises(moments.NotAnInstant, match="two days"):
        at(written, zone="UTC")
    assert at(written, zone="UTC", dates="day-first").month == 5
    assert at(written, zone="UTC", dates="month-first").month == 4


def test_what_is_no_month_is_the_day_and_a_date_with_points_begins_with_it() -> None:
    assert at("05.04.2026 18:00", zone="UTC").month == 4
    assert at("13/04/2026 18:00", zone="UTC").day == 13


@pytest.mark.parametrize("written", ["2026-03-29T02:30:00", "2026-10-25T02:30:00"])
def test_an_hour_that_does_not_come_or_comes_twice_is_refused(written: str) -> None:
    with pytest.raises(moments.NotAnInstant, match="sets its clocks"):
        at(written, zone="Europe/Berlin")


@pytest.mark.parametrize(
    "written",
    [
        "yesterday",
        "",
        "2026-02-29T09:00:00Z",
        "31/02/2026 09:00",
        "1999-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "21/04/26 09:00",
        "21/04/2026 25:00",
        "21/04/2026 13:00 PM",
        "0001-01-01T00:00:00",
        "9999-12-31T23:59:59",
        17,
        -1,
        10**300,
        float("nan"),
        float("inf"),
        True,
        None,
        [],
        {},
    ],
)
def test_what_is_no_time_is_refused(written: object) -> None:
    for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
        with pytest.raises(moments.NotAnInstant, match="labelled_at"):
            at(written, zone=zone)


@given(st.integers(0, 6_000_000_000), st.sampled_from([1, 1000]))
def test_seconds_and_milliseconds_are_never_mistaken(seconds: int, unit: int) -> None:
    instant = times.FIRST + dt.timedelta(seconds=seconds)

    assert at(int(instant.timestamp()) * unit) == instant


# An id


@pytest.mark.parametrize("offset", ["+02:00", "-07:00", "+05:45"])
def test_one_label_in_two_zones_has_one_id(offset: str) -> None:
    local = NINE.astimezone(dt.datetime.fromisoformat(f"2026-01-01T00:00:00{offset}").tzinfo)
    here = events.HumanLabel("r1", "a1", NINE, "faq")

    assert events.label_id(here) == events.label_id(events.HumanLabel("r1", "a1", local, "faq"))


def test_the_id_of_a_label_in_utc_is_the_one_that_it_always_had() -> None:
    label = events.HumanLabel("r1", "a1", NINE, "faq", ["promotion"])

    assert events.label_id(label).startswith("d236aa70ef7cefa7")


# A mapping


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("zone = 'Tokyo'", "zone 'Tokyo'"),
        ("zone = '../etc'", "zone"),
        ("encoding = 'klingon'", "klingon"),
        ("[columns]\nrequest = 'id'", "request"),
        ("[intents]\n'a' = 'weather'", "'weather' is none of product_discovery"),
        ("[actions]\nskip = 'drop'", "drop"),
        ("[always]\nlabelled_at = 'now'", "labelled_at"),
        ("[always]\nintent = 'faq'", "intent"),
        ("dates = 'either'", "dates"),
        ("colums = 1", "colums"),
        ("= 1", "Invalid"),
        ("a = " + "[" * 5_000, "recursion"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_named(text: str, said: str) -> None:
    with pytest.raises(mapping.MappingError, match=re.escape(said)):
        mapping.parse(text)
