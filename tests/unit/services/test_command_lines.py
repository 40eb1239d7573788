"""What operators type, and what is printed for them: each word is taken or refused before anything
is asked of Postgres, and nothing that others wrote commands their terminal.
"""

import argparse
import collections
import datetime as dt
import gzip
from pathlib import Path
from typing import Any

import builders
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from schemas import decisions, events, present
from services import show
from services.doctor import __main__ as doctor
from services.doctor import findings
from services.labels import __main__ as labels
from services.labels import hand_in
from services.redrive import __main__ as redrive
from services.redrive import letters, redeliver
from services.scheduler import incidents

HOSTILE = "a\x1b[2J\u202eb\nc"
HARMLESS = r"a\x1b[2J\u202eb\nc"
NOON = dt.datetime(2026, 4, 20, 12, tzinfo=dt.UTC)


def refused(parser: argparse.ArgumentParser, *words: str) -> int:
    """The exit code of a command line that cannot be."""
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(words)
    assert isinstance(ended.value.code, int)
    return ended.value.code


# incident


def incident() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    incidents.arguments(parser)
    return parser


@pytest.mark.parametrize("kind", list(decisions.Told))
@pytest.mark.parametrize("action", ["open", "close"])
def test_every_kind_can_be_opened_and_closed(action: str, kind: str) -> None:
    chosen = incident().parse_args([action, "--kind", kind])

    assert chosen.kind is decisions.Told(kind)
    assert (chosen.intent, chosen.at) == (None, None)


@pytest.mark.parametrize(
    ("typed", "near"),
    [("paused", "pause"), ("PAUSE", "pause"), ("complaint", "complaints"), ("", "pause")],
)
def test_a_kind_that_is_none_is_refused_with_the_nearest_one(
    typed: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pause that is no pause would arm what it should stop."""
    assert refused(incident(), "open", "--kind", typed) == 2

    complaint = capsys.readouterr().err
    assert "no kind is called" in complaint
    assert near in complaint


def test_an_incident_may_be_about_any_intent_and_no_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for intent in present.INTENTS:
        chosen = incident().parse_args(["open", "--kind", "pause", "--intent", intent])
        assert chosen.intent == intent

    assert refused(incident(), "open", "--kind", "pause", "--intent", "order_traking") == 2
    assert "the nearest is order_tracking" in capsys.readouterr().err


def test_a_time_is_read_in_its_zone() -> None:
    chosen = incident().parse_args(
        ["close", "--kind", "pause", "--at", "2026-04-20T14:00:00+02:00"]
    )

    assert chosen.at == NOON


@pytest.mark.parametrize("at", ["noon", "2026-02-30T00:00:00Z", "1999-12-31T23:59:59Z", ""])
def test_a_time_that_is_none_is_refused(at: str) -> None:
    assert refused(incident(), "open", "--kind", "pause", "--at", at) == 2


@pytest.mark.parametrize("count", ["0", "7", "999999999"])
def test_how_many_were_seen_is_a_whole_number(count: str) -> None:
    chosen = incident().parse_args(["open", "--kind", "complaints", "--count", count])

    assert chosen.count == int(count)


@pytest.mark.parametrize("count", ["-1", "1.5", "1e3", "٤", "", "1000000000", "9" * 5_000])
def test_what_is_no_count_is_refused_before_postgres_is_asked(count: str) -> None:
    assert refused(incident(), "open", "--kind", "complaints", f"--count={count}") == 2


def test_an_incident_needs_a_kind_and_an_action() -> None:
    assert refused(incident()) == 2
    assert refused(incident(), "open") == 2
    assert refused(incident(), "shut", "--kind", "pause") == 2


# labels


@pytest.mark.parametrize("typed", ["0", "1", "2147483647"])
def test_a_limit_is_a_whole_number(typed: str) -> None:
    assert labels._parser().parse_args(["next", "--limit", typed]).limit == int(typed)


@pytest.mark.parametrize("typed", ["-1", "ten", "1.0", "٣", "", "2147483648"])
def test_what_is_no_limit_is_refused(typed: str) -> None:
    assert refused(labels._parser(), "next", f"--limit={typed}") == 2


@pytest.mark.parametrize("name", ["a", "José", "漫画 🦊", "x" * 200, "o'brien; drop table"])
def test_an_annotator_may_have_any_name_that_a_label_carries(name: str) -> None:
    assert labels._parser().parse_args(["next", "--annotator", name]).annotator == name


@pytest.mark.parametrize("name", ["", "x" * 201, "a\x00b"])
def test_a_name_no_label_carries_is_refused_before_a_message_is_shown(name: str) -> None:
    assert refused(labels._parser(), "next", "--annotator", name) == 2


def test_each_labels_command_has_its_own_work() -> None:
    commands = [["import", "f"], ["corpus", "f"], ["next"], ["tasks"], ["export"], ["status"]]

    work = [labels._parser().parse_args(words).do for words in commands]

    assert len(set(work)) == len(commands)


@pytest.mark.parametrize("command", ["import", "corpus"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.jsonl", None),
        ("half.gz", gzip.compress(b"{}\n" * 100, mtime=0)[:-12]),
        ("empty.gz", b"\x1f\x8b"),
        ("torn.gz", gzip.compress(b"{}\n", mtime=0)[:10] + b"\xff" * 20),
        (".", None),
    ],
    ids=["missing", "cut off", "only begun", "torn", "a folder"],
)
def test_a_file_that_cannot_be_read_is_a_matter_of_usage(
    tmp_path: Path,
    command: str,
    name: str,
    content: bytes | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    chosen = labels._parser().parse_args([command, str(tmp_path / name)])
    unused = sa.create_engine("sqlite://")

    with pytest.raises(SystemExit) as ended:
        chosen.do(unused, chosen)

    assert ended.value.code == 2
    assert f"cannot read {tmp_path / name}: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--from", "labelbox"], 2, "--from is one of label-studio, argilla, doccano, prodigy or"),
        (["--from", "{folder}/bad.toml"], 3, "mapping"),
    ],
)
def test_what_is_told_of_a_file_is_refused_before_it_is_read(
    words: list[str], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.toml").write_text("[columns]\nrequest = 'id'\n")
    told = [word.format(folder=tmp_path) for word in words]
    chosen = labels._parser().parse_args(["import", str(tmp_path / "none"), *told])

    with pytest.raises(SystemExit) as ended:
        hand_in.source(chosen)

    assert ended.value.code == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["import"],
        ["import", "f", "--at", "yesterday"],
        ["import", "f", "--annotator", ""],
        ["import", "f", "--zone", "Tokyo"],
        ["tasks", "--to", "labelbox"],
        ["tasks", "--limit", "-1"],
    ],
)
def test_a_command_that_says_nothing_that_is_known_is_usage(words: list[str]) -> None:
    assert refused(labels._parser(), *words) == 2


def test_an_imports_report_has_its_counts_in_a_line_and_each_rejected_one_in_its_own() -> None:
    report = {
        "read": 3,
        "joined": 1,
        "orphans": 0,
        "relabels": 0,
        "conflicts": 0,
        "rejected": [{"line": 2, "reason": "not_json: no"}, {"line": 3, "reason": "invalid: so"}],
    }

    assert hand_in.readable(report).splitlines() == [
        "read 3, joined 1, orphans 0, relabels 0, conflicts 0",
        "line 2 rejected: not_json: no",
        "line 3 rejected: invalid: so",
    ]


def test_a_message_of_the_queue_comes_with_its_rules_and_not_with_the_answer() -> None:
    row = {
        "req_id": "r1",
        "ts": NOON,
        "queue": "measure",
        "text": "where is it",
        "intent": "order_tracking",
        "second_intent": "faq",
    }

    asked = labels._asked(row, ())

    assert asked["likely"] == ["faq", "order_tracking"], "in the taxonomy's order"
    assert set(asked["rules"]) == {"faq", "order_tracking"}
    assert asked["between"] == "In general: faq. An order of one's own: order_tracking."
    assert "intent" not in asked


# redrive


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        (["ls"], {"all": False, "reason": None, "json": False}),
        (["ls", "--all", "--reason", "invalid", "--json"], {"all": True, "reason": "invalid"}),
        (["show", "t/0/5:2"], {"letter": letters.Place("t", 0, 5, 2)}),
        (["replay"], {"letter": [], "reason": None}),
        (
            ["replay", "--letter", "t/0/5", "--letter", "t/1/6"],
            {"letter": [letters.Place("t", 0, 5), letters.Place("t", 1, 6)]},
        ),
        (["accept", "t/3", "--until", "77"], {"partition": ("t", 3), "until": 77}),
    ],
)
def test_a_redrive_does_what_is_typed(words: list[str], chosen: dict[str, object]) -> None:
    parsed = vars(redrive._parser().parse_args(words))

    assert {name: parsed[name] for name in chosen} == chosen


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["show"],
        ["show", "t/0"],
        ["ls", "--reason", "not_csv"],  # of files of labels, never of a record
        ["replay", "--reason", "unheard_of"],
        ["accept", "t/3"],
        ["accept", "t", "--until", "7"],
        ["accept", "t/3/9", "--until", "7"],
        ["accept", "t/-1", "--until", "7"],
        ["accept", "t/2147483648", "--until", "7"],
        ["accept", "t/3", "--until=-1"],
        ["accept", "t/3", "--until", "٧"],
        ["accept", "t/3", "--until", "9223372036854775808"],
    ],
)
def test_what_cannot_be_redriven_is_refused(words: list[str]) -> None:
    assert refused(redrive._parser(), *words) == 2


@pytest.mark.parametrize(
    "words",
    [["show", HOSTILE], ["accept", HOSTILE, "--until", "7"], ["accept", "t/3", "--until", HOSTILE]],
)
def test_a_refusal_shows_what_was_typed_harmlessly(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    refused(redrive._parser(), *words)

    complaint = capsys.readouterr().err
    assert not set(complaint) & set("\x1b\u202e")


@given(st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1), st.integers(0, 99_999))
def test_every_address_that_is_printed_can_be_typed(part: int, offset: int, line: int) -> None:
    place = letters.Place("intentwatch.serving_log.v1", part, offset, line)

    assert letters.place(str(place)) == place
    assert letters.partition(f"{place.topic}/{place.part}") == (place.topic, place.part)


def test_letters_are_ordered_by_partition_and_offset_as_numbers() -> None:
    """Of several unknown ones the first is named."""
    places = [letters.place(text) for text in ("t/10/2", "t/9/10", "t/9/9:2", "t/9/9")]

    assert [str(place) for place in sorted(places)] == ["t/9/9", "t/9/9:2", "t/9/10", "t/10/2"]


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(1, 7), st.integers(1, 60))
def test_batches_lose_no_letter_and_keep_both_limits(
    sizes: list[int], most: int, most_bytes: int
) -> None:
    waiting = [
        letters.Letter(letters.Place("t", 0, i), "invalid", size) for i, size in enumerate(sizes)
    ]

    batches = list(letters.batches(waiting, most, most_bytes))

    assert [letter for batch in batches for letter in batch] == waiting
    for batch in batches:
        assert 1 <= len(batch) <= most
        assert len(batch) == 1 or sum(letter.size for letter in batch) <= most_bytes


@given(st.binary(max_size=80))
def test_any_bytes_are_an_envelope_or_none(raw: bytes) -> None:
    """Asked of what a worker died of: it must not raise, and one line is never an envelope."""
    letter = letters.Letter(letters.Place("t", 0, 7), "kills_worker", len(raw))

    envelope = letters.envelope(letter, raw)

    assert not (envelope and len(raw.splitlines()) < 2)


def test_lines_nested_too_deep_to_read_are_no_envelope() -> None:
    letter = letters.Letter(letters.Place("t", 0, 7), "kills_worker", 9)

    assert not letters.envelope(letter, b"{}\n" + b"[" * 100_000)


def letter_row(**of: object) -> dict[str, Any]:
    return {"reason": "invalid", "redriven_at": None, "part": 3, "line": 0} | of


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (0, "0"),
        ("", ""),
        (HOSTILE, HARMLESS),
        (NOON.astimezone(dt.timezone(dt.timedelta(hours=-4))), "2026-04-20T12:00:00Z"),
    ],
)
def test_a_field_of_a_letter_is_shown_in_utc_and_without_commands(
    value: object, shown: str
) -> None:
    assert redrive._cell(value) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"", ""),
        (b"{\x1b\xff", r"{\x1b\xff"),
        (b"a" * 4096, "a" * 4096),
        (b"a" * 4097, "a" * 4096 + "\n... and 1 bytes more; --json has all of them"),
        (None, "no bytes: past their retention, only their size and sha256 are kept"),
    ],
)
def test_a_letters_bytes_are_shown_as_far_as_one_reads(raw: bytes | None, shown: str) -> None:
    assert redrive._bytes(letter_row(), raw) == shown


def test_a_gap_never_had_bytes_and_says_so() -> None:
    shown = redrive._bytes(letter_row(reason=events.Reason.DELETED_UNREAD), b"")

    assert shown == "no bytes: the records were deleted from the topic before anybody read them"


def test_a_row_has_the_contracts_names_in_json() -> None:
    assert redrive._plain(letter_row()) == {
        "reason": "invalid",
        "redriven_at": None,
        "partition": 3,
        "line": 0,
    }


def test_what_came_of_a_redrive_is_one_line_in_a_fixed_order() -> None:
    nothing = redeliver.Report()
    much = redeliver.Report(
        read=7,
        counted=300,
        still_bad=collections.Counter({"too_late": 1, "invalid": 2}),
        skipped=1,
        envelopes=2,
    )

    assert redrive._readable(nothing) == (
        "read 0 letter(s), counted 0 log(s), still bad none, skipped 0"
    )
    assert redrive._readable(much) == (
        "read 7 letter(s), counted 300 log(s), still bad invalid 2, too_late 1, skipped 1,"
        " 2 envelope(s) taken apart"
    )


def test_gaps_among_the_chosen_are_warned_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    place = letters.Place("t", 0, 1)
    gap = letters.Letter(place, events.Reason.DELETED_UNREAD, 0)
    plain = letters.Letter(place, events.Reason.INVALID, 9)

    redrive._warn_of_gaps([plain])
    assert capsys.readouterr().err == ""

    redrive._warn_of_gaps([gap, plain, gap])
    assert capsys.readouterr().err.startswith("intentwatch: 2 letter(s) stand for records deleted")


# show


def test_a_table_is_as_wide_as_its_widest_cell_and_ends_no_line_in_blanks() -> None:
    rows: list[dict[str, Any]] = [{"a": "x", "b": 1}, {"a": "longer", "b": None}]

    assert show.table(rows, ("a", "b")).splitlines() == [
        "a       b",
        "x       1",
        "longer  -",
    ]


def test_a_table_of_nothing_is_its_headings() -> None:
    assert show.table([], ("model", "n")) == "model  n"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, "-"),
        (True, "True"),
        (0, "0"),
        (1_234_567, "1234567"),
        (0.0, "0"),
        (0.123456, "0.1235"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (NOON, "2026-04-20 12:00"),
        (HOSTILE, HARMLESS),
        (["faq"], "['faq']"),
    ],
)
def test_a_cell_is_short_and_harmless(value: object, cell: str) -> None:
    assert show.table([{"a": value}], ("a",)).splitlines()[1:] == [cell]


def test_a_hostile_row_is_one_line_like_any_other() -> None:
    rows = [{"a": "one\ntwo\r\u2028three"}, {"a": "four"}]

    assert len(show.table(rows, ("a",)).splitlines()) == 1 + len(rows)


def test_whatever_can_be_shown_has_its_columns() -> None:
    assert list(show.READERS) == list(show.COLUMNS)
    assert all(len(set(columns)) == len(columns) for columns in show.COLUMNS.values())


# doctor


def test_a_finding_is_one_line_with_its_remedy_after_it() -> None:
    ok = findings.Finding("kafka", findings.Status.OK, "answers")
    bad = findings.Finding("lag", findings.Status.WARN, "7 records behind", "wait")

    assert doctor._readable(ok) == "ok    kafka       answers"
    assert doctor._readable(bad) == "warn  lag         7 records behind; wait"


def test_the_doctor_knows_every_process_that_stays() -> None:
    assert doctor.NAMES == (
        "streams",
        "gateway",
        "scheduler",
        "retrain",
        "notifier",
        "dashboard",
    )


@pytest.mark.parametrize(
    ("names", "kafka"),
    [(("scheduler",), False), (("gateway",), True), (("scheduler", "streams"), True), ((), False)],
)
def test_a_process_is_asked_only_about_what_it_stands_on(
    names: tuple[str, ...], kafka: bool
) -> None:
    """A health check of the scheduler must not fail for want of a broker."""
    assert ("KAFKA" in doctor._needs(names)) is kafka
    assert ("DATABASE_URL" in doctor._needs(names)) is bool(names)


def test_whose_intents_a_database_holds_is_told_in_each_case() -> None:
    nobody = findings.taxonomy(None, None)
    ours = findings.taxonomy(present.TAXONOMY, None)
    strangers = findings.taxonomy(present.TAXONOMY, "it holds another shop's; name its file")

    assert (nobody.status, ours.status) == (findings.Status.OK, findings.Status.OK)
    assert present.TAXONOMY.version in nobody.detail
    assert ours.detail == f"{present.TAXONOMY.version}, {len(present.INTENTS)} intents"
    assert (strangers.status, strangers.detail, strangers.remedy) == (
        findings.Status.FAIL,
        "it holds another shop's",
        "name its file",
    )


@pytest.mark.parametrize(
    ("clock", "newest", "status"),
    [
        (None, None, findings.Status.OK),
        (NOON, None, findings.Status.OK),
        (None, NOON, findings.Status.OK),
        (NOON + dt.timedelta(hours=2), NOON, findings.Status.OK),
        (NOON + dt.timedelta(hours=2, seconds=1), NOON, findings.Status.WARN),
    ],
)
def test_hours_that_stop_being_complete_are_warned_of_after_two(
    clock: dt.datetime | None, newest: dt.datetime | None, status: findings.Status
) -> None:
    assert findings.judged(clock, newest).status is status


def test_the_time_of_a_finding_is_told_in_utc_wherever_the_server_is() -> None:
    tokyo = dt.timezone(dt.timedelta(hours=9))
    newest = builders.AT.astimezone(tokyo)

    assert findings.judged(newest, newest).detail.endswith("2026-04-20T00:00:00Z")
