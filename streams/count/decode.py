"""Pure. The fast way from bytes to columns: one decode for a whole chunk. None where anything is
unusual: then streams.count.observe reads record by record.

It accepts nothing that events.serving_log refuses and gives the same values; tests hold the two
against each other.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from schemas import events, times, windows
from streams.count import columns

_Text = Annotated[str, msgspec.Meta(max_length=200)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Code = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Log(msgspec.Struct, frozen=True, gc=False):
    """events.ServingLog without its two slow checks, which run over the whole chunk instead: no
    NUL, and times parsed together.
    """

    v: Literal[1]
    ts: str
    model: _Name
    req_id: _Name
    latency_ms: events.Milliseconds
    role: Literal["champion", "shadow", "canary"] = "champion"
    conversation: _Text | None = None
    intent: events.Intent | None = None
    confidence: events.Ratio | None = None
    second_intent: events.Intent | None = None
    margin: events.Ratio | None = None
    tokens: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    chars: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)] | None = None
    script: Literal["latin", "japanese", "mixed", "other"] = "other"
    fallback_rerank: bool = False
    error: _Code | None = None
    tokenizer_hash: _Text | None = None
    sample: events.Sample | None = None
    queue_ms: events.Milliseconds | None = None
    caller_id: _Text | None = None


_decoder: Final = msgspec.json.Decoder(Log)
# "2026-04-20T10:41:14Z", with three or six decimals: what producers write. Anything else is read
# one by one.
_SHAPES: Final = {
    20: "0000-00-00T00:00:00Z",
    24: "0000-00-00T00:00:00.000Z",
    27: "0000-00-00T00:00:00.000000Z",
}  # by length
_FIRST_US: Final = times.micros(times.FIRST)
_LAST_US: Final = times.micros(times.LAST)


def lines(joined: bytes, count: int) -> list[Log] | None:
    """`count` logs, one a line; None unless every line is exactly one object without NUL."""
    if not _framed(joined, count):
        return None
    # The first question is cheap, and without a backslash there is no escape at all.
    if b"\\" in joined and b"\\u0000" in joined:
        return None

    try:
        logs = _decoder.decode_lines(joined)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None

    return logs if len(logs) == count else None


def _framed(joined: bytes, count: int) -> bool:
    """Whether the bytes are `count` lines that each begin with { and end with }. With as many
    objects decoded, each line then is one object.
    """
    letters = np.frombuffer(joined, dtype=np.uint8)
    breaks = np.flatnonzero(letters == ord("\n"))
    if len(breaks) != count - 1:
        return False
    if joined[:1] != b"{" or joined[-1:] != b"}":
        return False

    ends = letters[breaks - 1] == ord("}")
    begins = letters[breaks + 1] == ord("{")
    return bool(ends.all() and begins.all())


def times_us(stamps: Sequence[str]) -> windows.Counts | None:
    """Microseconds since 1970 of RFC 3339 times in UTC, shape (n,); None unless all have one usual
    shape and lie between 2000 and 2200.

    >>> times_us(["2026-04-20T10:41:14.123Z"]).tolist()
    [1776681674123000]
    >>> times_us(["2026-02-30T10:41:14.123Z"]) is None
    True
    """
    shape = _SHAPES.get(len(stamps[0]))
    joined = "".join(stamps)
    if shape is None or not joined.isascii():
        return None
    if len(joined) != len(shape) * len(stamps):
        return None

    every = np.frombuffer(joined.encode(), dtype=np.uint8)
    letters = every.reshape(-1, len(shape))
    if not _shaped(letters, shape):
        return None

    without_z = np.ascontiguousarray(letters[:, :-1])
    texts = without_z.view(f"S{len(shape) - 1}").ravel()
    try:
        parsed = texts.astype("datetime64[us]").view(np.int64)
    except ValueError:  # no such day
        return None

    if parsed.min() < _FIRST_US or parsed.max() >= _LAST_US:
        return None
    return parsed


def _shaped(letters: npt.NDArray[np.uint8], shape: str) -> bool:
    wanted = np.frombuffer(shape.encode(), dtype=np.uint8)
    digit = wanted == ord("0")
    fixed = letters[:, ~digit] == wanted[~digit]
    if not fixed.all():
        return False

    digits = letters[:, digit] - ord("0")  # unsigned: what lies below "0" wraps round
    return bool((digits <= 9).all())


def chunk(joined: bytes, count: int) -> tuple[list[Log], columns.Columns] | None:
    """`count` logs, one a line, and their columns; None where anything is unusual."""
    logs = lines(joined, count) if count else None
    if logs is None:
        return None
    ts_us = times_us([log.ts for log in logs])
    if ts_us is None:
        return None

    try:
        as_columns = columns.of(logs, ts_us)
    except (LookupError, TypeError):  # an answer without intent, confidence or tokens
        return None

    for log in logs:
        if log.error is not None and _answers(log):
            return None
    return logs, as_columns


def _answers(log: Log) -> bool:
    return log.intent is not None or log.confidence is not None
