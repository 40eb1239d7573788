"""Dead letters, purely: addresses, hostile bytes, what is an envelope, and what a letter turns out
to be.
"""

import argparse
import ast
import datetime as dt
import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import escaping, events
from services.redrive import letters
from streams.count import observe
from streams.worker import failpoints

ROOT = Path(__file__).parents[3]
PACKAGES = ("schemas", "streams", "retrain", "services")
NOW = dt.datetime(2026, 4, 20, 12, tzinfo=dt.UTC)
GOOD = {
    "v": 1,
    "ts": "2026-04-20T11:59:00Z",
    "model": "v1",
    "req_id": "a",
    "latency_ms": 8.0,
    "intent": "faq",
    "confidence": 0.6,
    "tokens": 3,
}
LOG = json.dumps(GOOD).encode()
BIDI = "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"


def letter(reason: str = "invalid", line: int = 0) -> letters.Letter:
    return letters.Letter(letters.Place("t", 2, 7, line), reason, 9)


def again(
    raw: bytes, reason: str = "invalid", line: int = 0, limits: observe.Limits | None = None
) -> letters.Redriven:
    return letters.redriven(letter(reason, line), raw, limits or observe.Limits(), NOW)


@pytest.mark.parametrize("text", ["t/0/0", "intentwatch.serving_log.v1/11/9223372036854775807:256"])
def test_an_address_reads_back(text: str) -> None:
    assert str(letters.place(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "t",
        "t/1",
        "t/1/x",
        "t/-1/0",
        "t/1/2:",
        "t/1/2:x",
        "a/b/1/2",
        "t/2147483648/0",
        "t/0/9223372036854775808",
        "t/١/٢",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no TOPIC/PART/OFFSET"):
        letters.place(text)


@given(
    st.binary()
    | st.text(alphabet=st.characters(exclude_categories=())).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    )
)
def test_no_bytes_command_a_terminal(raw: bytes) -> None:
    shown = escaping.printable(raw)
    assert shown.isprintable()
    assert not any(
        unicodedata.category(each) in ("Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me", "Zl", "Zp")
        for each in shown
    )
    shown.encode()


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        (b"a\rb\x9b31m\x7f", r"a\rb\x9b31m\x7f"),
        ("\x9b2J\u2028".encode(), r"\x9b2J\u2028"),
        ("漫画 naïve".encode(), "漫画 naïve"),
        (b"\\x1b", r"\\x1b"),
        ("e\u0301\U000e0041".encode(), r"e\u0301\U000e0041"),
    ],
)
def test_hostile_bytes_are_shown_as_escapes(raw: bytes, shown: str) -> None:
    assert escaping.printable(raw) == shown


def test_no_letter_turns_the_writing_round() -> None:
    assert escaping.printable(BIDI).isascii()


def test_a_letter_that_is_a_log_now_is_counted_once_at_its_minute() -> None:
    redriven = again(LOG, "future")
    assert (redriven.bad, redriven.counted, redriven.apart) == (None, 1, False)
    assert redriven.seen.keys == [
        (dt.datetime(2026, 4, 20, 11, 59, tzinfo=dt.UTC), "v1", "champion")
    ]


def why(redriven: letters.Redriven) -> str | None:
    return None if redriven.bad is None else redriven.bad.reason


def test_a_letter_that_is_none_says_why_now() -> None:
    assert again(b"{").bad == again(b"{", "future").bad
    assert why(again(b"{")) == "not_json"
    early = observe.Limits(keep_from=dt.datetime(2026, 4, 20, 12, tzinfo=dt.UTC))
    assert why(again(LOG, limits=early)) == "too_late"
    ahead = json.dumps(GOOD | {"ts": "2026-04-20T12:06:00Z"}).encode()
    assert why(again(ahead, "future")) == "future"
    old = json.dumps(GOOD | {"ts": "2026-04-10T12:06:00Z"}).encode()
    assert why(again(old, "future")) == "too_late"


def test_an_envelope_kept_whole_is_taken_apart() -> None:
    redriven = again(b"\n".join([LOG, b'{"v":2}', b"", LOG]), "kills_worker")
    assert (redriven.bad, redriven.counted, redriven.apart) == (None, 2, True)
    assert [(line.offset, line.line, line.reason) for line in redriven.lines] == [(7, 2, "invalid")]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (json.dumps(GOOD, indent=1).encode(), "kills_worker"),  # one log over several lines
        (LOG + b"\n", "kills_worker"),
    ],
)
def test_one_log_is_no_envelope(raw: bytes, reason: str) -> None:
    redriven = again(raw, reason)
    assert (redriven.bad, redriven.counted, redriven.apart) == (None, 1, False)


@pytest.mark.parametrize(
    ("raw", "reason", "now"),
    [
        (b"\n".join([LOG] * 257), "envelope_too_long", "envelope_too_long"),
        # Not every line is an object: nobody knows what it is.
        (b"\n".join([LOG, b"x"]), "kills_worker", "not_json"),
        (b"\n".join([LOG, LOG]), "not_json", "not_json"),  # read as one record: its header said so
    ],
)
def test_what_stays_whole(raw: bytes, reason: str, now: str) -> None:
    redriven = again(raw, reason)
    assert (redriven.bad.reason if redriven.bad else None, redriven.counted, redriven.lines) == (
        now,
        0,
        (),
    )


def test_a_log_is_late_by_the_streams_clock_alone() -> None:
    def late(clock: dt.datetime | None) -> int:
        return int(again(LOG, limits=observe.Limits(clock)).seen.tallies.scalars[0, 2])

    assert [
        late(None),
        late(NOW - dt.timedelta(minutes=1)),
        late(NOW + dt.timedelta(minutes=5)),
    ] == [0, 0, 1]


def test_a_reason_is_spelt_in_one_place() -> None:
    spelt = []
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        words = [
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant)
        ]
        spelt += [(word, path.name) for word in words if word in tuple(events.Reason)]
    assert sorted(spelt) == sorted((reason, "events.py") for reason in events.Reason)


def test_a_failpoint_that_would_kill_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no failpoint is called 'comit'"):
        failpoints.Failpoints("comit:2")
