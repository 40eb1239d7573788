"""Which errors of Postgres pass by themselves, and which of these say nothing of what was asked."""

import sqlalchemy as sa

# Mended by time alone: connection failures, read-only servers, transactions out of time, deadlocks,
# serialization, resources, locks, interventions.
_OUTAGE = ("08", "25006", "25P", "40", "55", "57P")
_PASSING = ("08", "25006", "25P", "40", "53", "55", "57", "58", "XX000")
_NO_ANSWER = (
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    sa.exc.InternalError,
    sa.exc.TimeoutError,
)


def outage(failure: sa.exc.SQLAlchemyError) -> bool:
    """Whether the error says nothing of what was asked: the server was away, or somebody held a
    lock. Time and memory run out by what is asked, too.
    """
    state = _state(failure)
    away = state is None or state.startswith(_OUTAGE)
    return error(failure) and away


def error(failure: sa.exc.SQLAlchemyError) -> bool:
    """Whether the same transaction may succeed later."""
    state = _state(failure)
    if state is None:  # no answer from the server: the connection broke, or none was to be had
        return isinstance(failure, _NO_ANSWER)
    return state.startswith(_PASSING)


def _state(failure: sa.exc.SQLAlchemyError) -> str | None:
    """The server's code of the error; None where it did not answer."""
    origin = getattr(failure, "orig", None)
    state = getattr(origin, "sqlstate", None)
    return None if state is None else str(state)


def first_line(failure: sa.exc.SQLAlchemyError) -> str:
    """What went wrong, without the statement and its parameters."""
    origin = getattr(failure, "orig", None)
    lines = str(origin or failure).splitlines()
    return lines[0] if lines else type(failure).__name__
