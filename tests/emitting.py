"""Emitters of serving logs, and what they may be given."""

from pathlib import Path

from services.gateway import serving_log

# Port 1 is nobody's.
NOWHERE = {"bootstrap.servers": "127.0.0.1:1"}


def held() -> serving_log.Emitter:
    """One that is not started: it takes logs and keeps them in memory."""
    return serving_log.Emitter(NOWHERE, "t", Path("nowhere"), 1 << 20)


def line(number: int, size: int = 0) -> bytes:
    """A log of this number, as JSON, padded to about so many bytes."""
    return b'{"req_id":"r%d","pad":"%s"}' % (number, b"x" * size)
