"""A process that gets nothing of Postgres for two minutes ends with 4; one that is served now and
then goes on.
"""

import ends
import psycopg
import pytest
import sqlalchemy as sa

from schemas import settings
from streams import connect
from streams.stages import patience, rounds


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def failing(sqlstate: str | None) -> sa.exc.DBAPIError:
    original = (
        psycopg.errors.lookup(sqlstate)("no") if sqlstate else psycopg.OperationalError("gone")
    )
    return sa.exc.OperationalError("select 1", {}, original)


@pytest.mark.parametrize("sqlstate", [None, "28P01", "53300", "57P03", "25006", "42501", "3D000"])
def test_two_minutes_in_a_row_end_it_with_the_cause(sqlstate: str | None) -> None:
    clock = Clock()
    own = patience.Patience(ends.end, clock)
    for clock.now in (0.0, 60.0, 119.9):
        own.ended(failing(sqlstate))
    clock.now = 120.0
    with pytest.raises(ends.Ended, match=r"^without Postgres for 120 s: .+; .+") as ended:
        own.ended(failing(sqlstate))
    assert ended.value.code == settings.EXIT_DEPENDENCY


@pytest.mark.parametrize(
    "between", [None, ValueError("torn"), failing("40P01"), failing("23505"), failing("57014")]
)
def test_whatever_shows_that_postgres_serves_begins_the_time_anew(
    between: Exception | None,
) -> None:
    clock = Clock()
    own = patience.Patience(ends.end, clock)
    for clock.now in range(0, 1000, 100):
        own.ended(failing(None))
        clock.now += 50
        own.ended(between)


def test_a_stage_without_patience_goes_on_and_one_with_it_ends() -> None:
    away = connect.engine(ends.NOWHERE)
    clock = Clock()
    for own in (None, patience.Patience(ends.end, clock)):
        these = rounds.Rounds(away, "notifier", "me", clock=clock, patience=own)
        for clock.now in (0.0, 130.0):
            if own and clock.now:
                with pytest.raises(ends.Ended), these.round(), away.connect():
                    pass
            else:
                with these.round(), away.connect():
                    pass


def test_a_round_of_its_own_swallows_what_postgres_says_and_nothing_else() -> None:
    own = patience.Patience(ends.end)
    with own.round():
        raise failing(None)
    with pytest.raises(ZeroDivisionError), own.round():
        _ = 1 // 0
