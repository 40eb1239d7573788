"""Pure. Times as text, RFC 3339, and the door at which any other becomes UTC."""

import argparse
import datetime as dt

# Arithmetic on times near the ends of the calendar overflows.
FIRST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
LAST = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class NotATime(argparse.ArgumentTypeError):
    """Text that is no RFC 3339 time; argparse shows the message as it is."""


def utc(aware: dt.datetime) -> dt.datetime | None:
    """The same instant in UTC; None for one that is not between 2000 and 2200.

    >>> utc(dt.datetime.fromisoformat("2026-11-01T01:30:00-05:00")).isoformat()
    '2026-11-01T06:30:00+00:00'
    """
    return aware.astimezone(dt.UTC) if FIRST <= aware < LAST else None


def instant(text: str) -> dt.datetime:
    """An RFC 3339 time; one without a zone is UTC. Raises NotATime.

    >>> instant("2026-04-20T12:00:00+02:00").isoformat()
    '2026-04-20T10:00:00+00:00'
    """
    try:
        parsed = dt.datetime.fromisoformat(text.upper())
    except ValueError:
        raise NotATime(f"{text!r} is no RFC 3339 time such as 2026-04-20T10:00:00Z") from None

    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)
    in_utc = utc(aware)
    if in_utc is None:
        raise NotATime(f"{text!r} is not between 2000 and 2200")
    return in_utc


def micros(aware: dt.datetime) -> int:
    """Microseconds since 1970 of an aware time, exactly."""
    return (aware - EPOCH) // _MICROSECOND


def from_micros(us: int) -> dt.datetime:
    """The UTC time of `micros`.

    >>> from_micros(micros(instant("2026-04-20T12:00:00+02:00"))).isoformat()
    '2026-04-20T10:00:00+00:00'
    """
    return EPOCH + us * _MICROSECOND


def rfc3339(value: object) -> str:
    """A time as JSON carries it, in UTC."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} is not JSON")
