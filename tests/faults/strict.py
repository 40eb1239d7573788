"""Whether bytes are a serving log, by the contract's words alone: an implementation of its own, on
the standard library's JSON. Pure.
"""

import datetime as dt
import functools
import json
import re
from collections.abc import Callable
from typing import Any

from faults import invent

_TS = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)")
# Half of a character, written as an escape: no text anywhere.
_ESCAPED = re.compile("[\ud800-\udbff]")
_FUTURE_MS, _PAST_MS = 5 * 60_000, 8 * 24 * 3_600_000
_YEARS = (dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2200, 1, 1, tzinfo=dt.UTC))


def _refuse(_constant: str) -> float:
    raise ValueError("not JSON")


def parsed(raw: bytes) -> list[tuple[str, Any]] | None:
    """The members of the JSON object, or None. NaN, Infinity and a byte order mark are no JSON.
    Bytes that are not UTF-8 become lone surrogates.
    """
    try:
        value = json.loads(
            raw.decode("utf-8", "surrogateescape"),
            parse_constant=_refuse,
            object_pairs_hook=_Members,
        )
    except (ValueError, RecursionError):
        return None
    return list(value) if isinstance(value, _Members) else None


class _Members(tuple[tuple[str, Any], ...]):
    """A JSON object as it stands, so that a key that comes twice is seen."""

    __slots__ = ()


def _text(value: object, least: int, most: int) -> bool:
    return (
        isinstance(value, str)
        and least <= len(value) <= most
        and "\x00" not in value
        and _whole_text(value)
    )


def _whole_text(value: str) -> bool:
    """No lone surrogate: neither an escaped one nor a byte that is not UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _number(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _whole(value: object, low: int, high: int) -> bool:
    return (
        isinstance(value, int | float) and _number(value, low, high) and float(value) == int(value)
    )


def instant(value: object) -> dt.datetime | None:
    """An RFC 3339 time with a zone, between 2000 and 2200."""
    if not isinstance(value, str) or not _TS.fullmatch(value):
        return None
    try:
        at = dt.datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value.upper()))
    except ValueError:
        return None
    return at if _YEARS[0] <= at < _YEARS[1] else None


def _sample(value: object) -> bool:
    if not isinstance(value, _Members):
        return value is None
    members = dict(value)
    return (
        members.get("queue") in ("measure", "train")
        and _number(members.get("p"), 1e-300, 1)
        and isinstance(members.get("text"), str)
        and _whole_text(members["text"])
    )


def _optional(log: dict[str, Any]) -> bool:
    nullable: dict[str, Callable[[object], bool]] = {
        "conversation": lambda v: _text(v, 0, 200),
        "tokenizer_hash": lambda v: _text(v, 0, 200),
        "second_intent": lambda v: v in invent.INTENTS,
        "intent": lambda v: v in invent.INTENTS,
        "confidence": lambda v: _number(v, 0, 1),
        "margin": lambda v: _number(v, 0, 1),
        "tokens": lambda v: _whole(v, 0, 1_000_000),
        "chars": lambda v: _whole(v, 0, 100_000_000),
        "error": lambda v: _text(v, 1, 100),
    }
    return all(
        log.get(name) is None or (isinstance(log[name], str | int | float) and holds(log[name]))
        for name, holds in nullable.items()
    )


def _typed(log: dict[str, Any]) -> bool:
    return (
        _whole(log.get("v"), 1, 1)
        and instant(log.get("ts")) is not None
        and _text(log.get("model"), 1, 200)
        and _text(log.get("req_id"), 1, 200)
        and _number(log.get("latency_ms"), 0, 600_000)
        and log.get("role", "champion") in ("champion", "shadow", "canary")
        and log.get("script", "other") in invent.SCRIPTS
        and isinstance(log.get("fallback_rerank", False), bool)
        and _optional(log)
        and _sample(log.get("sample"))
    )


@functools.lru_cache(maxsize=1 << 17)  # the same good logs come again and again among the bad ones
def serving_log(raw: bytes) -> dict[str, Any] | None:
    """The log, or None where the bytes are none. Of a key that comes twice the last value counts,
    and each must be valid. Extra keys are ignored.
    """
    members = parsed(raw)
    if members is None or _ESCAPED.search(json.dumps(members, ensure_ascii=False)):
        return None
    log = dict(members)
    twice = len(members) > len(log)
    if not _typed(log) or (
        twice and not all(_typed(log | {name: value}) for name, value in members)
    ):
        return None
    answered = [log.get(name) is not None for name in ("intent", "confidence", "tokens")]
    if log.get("error") is None:
        return log if all(answered) else None
    return None if answered[0] or answered[1] else log


def untimely(log: dict[str, Any], appended_ms: int) -> bool:
    """More than 5 minutes ahead of the broker's append time, or more than 8 days behind it."""
    ts = instant(log["ts"])
    assert ts is not None
    ahead = (ts - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) / dt.timedelta(
        milliseconds=1
    ) - appended_ms
    return ahead > _FUTURE_MS or ahead < -_PAST_MS
