"""Which errors of Postgres pass by themselves, and which of these say nothing of what was asked."""

import sqlalchemy as sa

# Mended by time alone: connection failures, read-only servers, transactions out of time, deadlocks,
# serialization, resources, locks, interventions.
_OUTAGE = ("08", "25006", "25P", "40", "55", "57P")
_PASSING = ("08", "25006", "25P", "40", "53", "55", "57", "58", "XX000")


def outage(failure: sa.exc.SQLAlchemyError) -> bool:
    """Whether the error says nothing of what was asked: the server was away, or somebody held a
    lock. Time and memory run out by what is asked, too.
    """
    state = getattr(getattr(failure, "orig", None), "sqlstate", None)
    return error(failure) and (state is None or str(state).startswith(_OUTAGE))


def error(failure: sa.exc.SQLAlchemyError) -> bool:
    """Whether the same transaction may succeed later."""
    state = getattr(getattr(failure, "orig", None), "sqlstate", None)
    if state is None:  # no answer from the server: the connection broke, or none was to be had
        return isinstance(
            failure,
            sa.exc.OperationalError
            | sa.exc.InterfaceError
            | sa.exc.InternalError
            | sa.exc.TimeoutError,
        )
    return str(state).startswith(_PASSING)


def first_line(failure: sa.exc.SQLAlchemyError) -> str:
    """What went wrong, without the statement and its parameters."""
    return (
        str(getattr(failure, "orig", None) or failure).splitlines() or [type(failure).__name__]
    )[0]
