"""Whatever zone a time is written in: UTC, or refused by name, at every door alike; never an
exception of the calendar's ends.
"""

import datetime as dt
import json
from typing import Any

import builders
import pytest

from schemas import events, times
from streams.count import chunks, decode, observe

NOON = dt.datetime(2026, 4, 20, 12, tzinfo=dt.UTC)
TAKEN = {
    "2026-04-20T12:00:00Z": NOON,
    "2026-04-20T12:00:00z": NOON,
    "2026-04-20t12:00:00.000Z": NOON,
    "2026-04-20T14:00:00+02:00": NOON,
    "2026-04-20T17:45:00+05:45": NOON,
    "2026-04-20T12:00:00-00:00": NOON,
    "2026-11-01T01:30:00-04:00": dt.datetime(2026, 11, 1, 5, 30, tzinfo=dt.UTC),
    "2026-11-01T01:30:00-05:00": dt.datetime(2026, 11, 1, 6, 30, tzinfo=dt.UTC),
    "1999-12-31T23:30:00-02:00": dt.datetime(2000, 1, 1, 1, 30, tzinfo=dt.UTC),
    "2200-01-01T00:30:00+02:00": dt.datetime(2199, 12, 31, 22, 30, tzinfo=dt.UTC),
}
BEYOND = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+02:00",
    "1999-12-31T23:59:59Z",
    "2000-01-01T00:30:00+02:00",
    "2200-01-01T00:00:00Z",
    "2199-12-31T23:30:00-02:00",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-02:00",
]
NONE = [
    "2026-04-20T12:00:60Z",
    "2016-12-31T23:59:60Z",
    "2026-02-30T12:00:00Z",
    "2026-04-20T24:00:00Z",
    "10000-01-01T00:00:00Z",
    "infinity",
    "",
]


def log(ts: str) -> Any:
    return events.serving_log(json.dumps(builders.log(ts=ts)).encode())


def label(at: str) -> Any:
    return events.human_label(json.dumps(builders.label(at=at)).encode())


def incident(started: str, ended: str | None = None) -> Any:
    return events.incident(
        json.dumps({"id": "i1", "kind": "mix", "started": started, "ended": ended}).encode()
    )


@pytest.mark.parametrize(("text", "instant"), TAKEN.items())
def test_another_zone_becomes_utc(text: str, instant: dt.datetime) -> None:
    instants = (
        times.instant(text),
        log(text).ts,
        label(text).labelled_at,
        incident(text).started,
        incident("2000-01-01T00:00:00Z", text).ended,
    )
    assert set(instants) == {instant}
    assert {each.tzinfo for each in instants} == {dt.UTC}
    assert decode.times_us([text]) in (None, [times.micros(instant)])


@pytest.mark.parametrize("text", BEYOND)
def test_what_lies_beyond_is_refused_by_name(text: str) -> None:
    with pytest.raises(times.NotATime, match="is not between 2000 and 2200"):
        times.instant(text)
    refusals = [log(text), label(text), incident(text), incident("2026-04-20T00:00:00Z", text)]
    assert [each.detail for each in refusals] == [
        f"{name} is not between 2000 and 2200" for name in ("ts", "labelled_at", "started", "ended")
    ]
    assert decode.times_us([text]) is None


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(times.NotATime, match="is no RFC 3339 time"):
        times.instant(text)
    assert {each.reason for each in (log(text), label(text), incident(text))} == {"invalid"}
    assert decode.times_us([text]) is None


def test_a_time_without_a_zone_is_utc_where_a_person_types_it_and_refused_of_a_machine() -> None:
    assert times.instant("2026-04-20T12:00:00") == NOON
    assert {each.reason for each in (log("2026-04-20T12:00:00"), label("2026-04-20T12:00:00"))} == {
        "invalid"
    }


def test_a_label_is_the_same_label_in_every_zone() -> None:
    assert (
        len(
            {
                events.label_id(label(text))
                for text in (
                    "2026-04-20T12:00:00Z",
                    "2026-04-20T14:00:00+02:00",
                    "2026-04-20T12:00:00z",
                )
            }
        )
        == 1
    )


@pytest.mark.parametrize(
    ("appended_ms", "reason"),
    [
        (-1, "future"),
        (1_776_686_400, "future"),
        (1_776_686_400_000_000, "too_late"),
        (2**63 - 1, "too_late"),
    ],
)
def test_an_append_time_beyond_the_calendar_is_as_far_off_as_its_end(
    appended_ms: int, reason: str
) -> None:
    value = json.dumps(builders.log(ts="2026-04-20T12:00:00Z")).encode()
    part = chunks.Chunk("t", 0, 1, 0, 1, range(1), [value], [False], [appended_ms])
    assert [letter.reason for letter in observe.chunk(part, observe.Limits()).dead] == [reason]


@pytest.mark.parametrize(("by_producer", "blamed"), [({1}, [False, True]), ({0, 1}, [True, True])])
def test_a_dead_letter_blames_the_clock_that_was_asked(
    by_producer: set[int], blamed: list[bool]
) -> None:
    """A topic's setting may change between two records; whatever it is, the reason is the same."""
    value = json.dumps(builders.log(ts="2026-04-20T12:00:00Z")).encode()
    part = chunks.Chunk(
        "t", 0, 1, 0, 2, range(2), [value] * 2, [False] * 2, [-1, -1], by_producer=by_producer
    )
    dead = observe.chunk(part, observe.Limits()).dead
    assert {letter.reason for letter in dead} == {"future"}
    assert [events.PRODUCERS_TIME in letter.detail for letter in dead] == blamed
    assert ["broker's append time" in letter.detail for letter in dead] != blamed
