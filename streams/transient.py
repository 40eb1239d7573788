"""Which errors of Postgres pass by themselves, and which of these say nothing of what was asked."""

import sqlalchemy as sa

# At the door, before anything was asked: connection failures, a password that is being changed, a
# database that is being restored, no free connection.
_DOOR = ("08", "28", "3D000", "53300", "57P")
# Mended by time alone: read-only servers, transactions out of time, deadlocks, serialization,
# resources, locks, interventions.
_OUTAGE = (*_DOOR, "25006", "25P", "40", "55")
_PASSING = (*_OUTAGE, "53", "57", "58", "XX000")
# Postgres answers, and does nothing for this process until somebody has mended what stands there.
_CLOSED = (*_DOOR, "25006", "42501", "42P01")
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
    code = state(failure)
    away = code is None or code.startswith(_OUTAGE)
    return error(failure) and away


def error(failure: sa.exc.SQLAlchemyError) -> bool:
    """Whether the same transaction may succeed later."""
    code = state(failure)
    if code is None:  # no answer from the server: the connection broke, or none was to be had
        return isinstance(failure, _NO_ANSWER)
    return code.startswith(_PASSING)


def unserved(failure: sa.exc.SQLAlchemyError) -> bool:
    """Whether nothing can be had of Postgres: it is away, lets nobody in, or this role do nothing.
    What is locked, or takes too long, is there.
    """
    code = state(failure)
    if code is None:
        return isinstance(failure, _NO_ANSWER)
    return code.startswith(_CLOSED)


def state(failure: sa.exc.SQLAlchemyError) -> str | None:
    """The server's code of the error; None where it did not answer."""
    origin = getattr(failure, "orig", None)
    code = getattr(origin, "sqlstate", None)
    return None if code is None else str(code)


def first_line(failure: sa.exc.SQLAlchemyError) -> str:
    """What went wrong, without the statement and its parameters."""
    origin = getattr(failure, "orig", None)
    lines = str(origin or failure).splitlines()
    return lines[0] if lines else type(failure).__name__
