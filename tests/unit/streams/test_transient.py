"""Which errors of Postgres are worth another try, by the server's own codes."""

import psycopg
import pytest
import sqlalchemy as sa

from streams import transient


def failure(
    sqlstate: str | None, kind: type[sa.exc.DBAPIError] = sa.exc.OperationalError
) -> sa.exc.DBAPIError:
    """What SQLAlchemy raises where the server answered with this code, or not at all."""
    original = (
        psycopg.errors.lookup(sqlstate)("the first line\nand the statement")
        if sqlstate
        else psycopg.OperationalError("refused\nis it running?")
    )
    return kind("select secret", {"p": "secret"}, original)


@pytest.mark.parametrize(
    ("sqlstate", "again", "outage"),
    [
        (None, True, True),  # nobody answered
        ("08006", True, True),  # the connection broke
        ("28P01", True, True),  # a password that is being changed
        ("28000", True, True),  # a role that is not let in
        ("3D000", True, True),  # a database that is being restored
        ("53300", True, True),  # no free connection
        ("25006", True, True),  # a standby
        ("40001", True, True),  # serialization
        ("40P01", True, True),  # deadlock
        ("55P03", True, True),  # a lock
        ("57P01", True, True),  # the server stops
        ("53100", True, False),  # the disk is full: by what was asked, perhaps
        ("53200", True, False),  # out of memory
        ("57014", True, False),  # a statement out of time
        ("58030", True, False),  # the disk cannot be read
        ("XX000", True, False),
        ("23505", False, False),  # a row that is there already
        ("22P02", False, False),  # a value that is none
        ("42P01", False, False),  # a table that is not there
        ("42501", False, False),  # not allowed
    ],
)
def test_time_mends_what_the_server_could_not_do_and_nothing_that_was_asked_wrongly(
    sqlstate: str | None, again: bool, outage: bool
) -> None:
    assert (transient.error(failure(sqlstate)), transient.outage(failure(sqlstate))) == (
        again,
        outage,
    )


@pytest.mark.parametrize(
    ("sqlstate", "unserved"),
    [
        (None, True),
        ("08P01", True),
        ("28P01", True),
        ("53300", True),
        ("57P03", True),
        ("25006", True),
        ("42501", True),
        ("42P01", True),
        ("40P01", False),  # it is there, and busy
        ("55P03", False),
        ("57014", False),
        ("53100", False),
        ("23505", False),
    ],
)
def test_nothing_is_had_of_a_server_that_is_away_shut_or_closed_to_the_role(
    sqlstate: str | None, unserved: bool
) -> None:
    assert transient.unserved(failure(sqlstate)) is unserved


def test_a_mistake_before_the_server_was_asked_is_no_outage() -> None:
    assert not transient.error(sa.exc.ArgumentError("no such column"))
    assert not transient.outage(sa.exc.ArgumentError("no such column"))
    assert transient.error(sa.exc.TimeoutError("no connection of the pool is free"))


def test_what_is_told_of_an_error_is_its_first_line_and_never_what_was_sent() -> None:
    for error in (failure("23505"), failure(None)):
        assert "\n" not in transient.first_line(error)
        assert "secret" not in transient.first_line(error)
    assert transient.first_line(failure("23505")) == "the first line"
    assert (
        transient.first_line(sa.exc.DBAPIError("select secret", None, Exception("")))
        == "DBAPIError"
    )
