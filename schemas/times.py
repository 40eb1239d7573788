"""Pure. Times as text: RFC 3339, always UTC."""

import argparse
import datetime as dt


class NotATime(argparse.ArgumentTypeError):
    """Text that is no RFC 3339 time; argparse shows the message as it is."""


def instant(text: str) -> dt.datetime:
    """An RFC 3339 time; one without a zone is UTC.

    >>> instant("2026-04-20T10:00:00Z").isoformat()
    '2026-04-20T10:00:00+00:00'
    """
    try:
        parsed = dt.datetime.fromisoformat(text)
    except ValueError:
        raise NotATime(f"{text!r} is no RFC 3339 time such as 2026-04-20T10:00:00Z") from None
    return parsed.astimezone(dt.UTC) if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)


def rfc3339(value: object) -> str:
    """A time as JSON carries it, in UTC."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} is not JSON")
