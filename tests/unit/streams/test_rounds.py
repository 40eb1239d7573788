"""A stage that loops survives whatever a round throws, tells it once and in one line, and goes on
where Postgres cannot be reached.
"""

import logging
import os
from collections.abc import Iterator

import ends
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from streams import connect
from streams.stages import rounds, stage


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def engine() -> Iterator[sa.Engine]:
    away = connect.engine(ends.NOWHERE)
    yield away
    away.dispose()


def fail(these: rounds.Rounds, error: BaseException) -> None:
    with these.round():
        raise error


def test_an_error_ends_its_round_and_not_the_process(engine: sa.Engine) -> None:
    these = rounds.Rounds(engine, "rollup", "me")

    fail(these, ValueError("torn"))

    with these.round():
        done = True
    assert done


@pytest.mark.parametrize("ends", [KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
def test_what_ends_a_process_ends_it(engine: sa.Engine, ends: BaseException) -> None:
    these = rounds.Rounds(engine, "rollup", "me")

    with pytest.raises(type(ends)):
        fail(these, ends)


def test_a_failure_is_logged_with_its_traceback_the_first_time(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    fail(rounds.Rounds(engine, "rollup", "me"), ValueError("torn\nand more"))

    (record,) = caplog.records
    assert (record.name, record.levelno) == ("intentwatch.rollup", logging.WARNING)
    assert record.getMessage() == (
        "this round failed (1 in a row), the next one tries again: ValueError: torn"
    )
    assert record.exc_info is not None


def test_while_nothing_changes_it_is_told_again_after_five_seconds_and_not_before(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    these = rounds.Rounds(engine, "rollup", "me", clock=clock)

    for now in (0.0, 1.0, 4.9, 5.0, 9.9, 10.0):
        clock.now = 1_000.0 + now
        fail(these, ValueError("torn"))

    counts = [record.getMessage().split("(")[1].split()[0] for record in caplog.records]
    assert counts == ["1", "4", "6"], "rounds in a row, those between among them"
    assert [record.exc_info is not None for record in caplog.records] == [True, False, False]


def test_a_round_that_ends_well_begins_the_count_anew(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    these = rounds.Rounds(engine, "rollup", "me", clock=Clock())

    fail(these, ValueError("torn"))
    with these.round():
        pass
    fail(these, ValueError("torn again"))

    assert [record.getMessage().split(": ")[-1] for record in caplog.records] == [
        "torn",
        "torn again",
    ]
    assert all("(1 in a row)" in record.getMessage() for record in caplog.records)


def test_of_postgres_its_own_words_are_told_and_no_traceback(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    these = rounds.Rounds(engine, "notifier", "me")

    with these.round(), engine.connect():
        pass

    (record,) = caplog.records
    assert "OperationalError" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert record.exc_info is None


def test_a_process_is_named_by_its_host_and_number() -> None:
    host, _, number = rounds.this_process().rpartition(":")

    assert host
    assert number == str(os.getpid())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one", "one"),
        ("one\ntwo", "one"),
        ("one\rtwo", "one"),
        ("one\u2028two", "one"),
        ("x" * 501, "x" * 500),
        ("null \x00 byte", "null \ufffd byte"),
        ("half a character \udcff", "half a character ?"),
        ("<b>'quotes'</b>", "<b>'quotes'</b>"),
        ("マンガ", "マンガ"),
        # An error that says nothing is told by its name.
        ("", "ValueError"),
        ("\nsecond", "ValueError"),
    ],
)
def test_of_an_error_the_first_line_is_told(text: str, line: str) -> None:
    assert rounds.first_line(ValueError(text)) == line


@given(st.text(st.characters(codec=None)))
def test_whatever_an_error_says_postgres_can_take_it(text: str) -> None:
    line = rounds.first_line(ValueError(text))

    assert line.encode()
    assert "\x00" not in line
    assert len(line.splitlines()) == 1
    assert 0 < len(line) <= 500


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("torn"), "ValueError: torn"),
        (ValueError(), "ValueError"),
        (ValueError("ValueError"), "ValueError"),
        (KeyError("a"), "KeyError: 'a'"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    ],
)
def test_an_error_is_its_name_and_what_it_says(error: Exception, line: str) -> None:
    assert rounds.said(error) == line


@pytest.mark.parametrize(
    ("name", "process"),
    [
        (stage.ROLLUP, "streams"),
        (stage.SCHEDULER, "scheduler"),
        (stage.NOTIFIER, "notifier"),
        (stage.RETRAIN, "retrain"),
        (stage.GATEWAY, "gateway"),
        ("gateway champion", "gateway"),
        ("rollups", "rollups"),
    ],
)
def test_a_stages_first_word_names_the_process_and_the_roll_up_is_the_streams(
    name: str, process: str
) -> None:
    assert stage.process(name) == process
