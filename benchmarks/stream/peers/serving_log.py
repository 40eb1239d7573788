"""How the Python peers read a log: `plain` with the standard library, `fast` with msgspec. Both
leave out what is no serving log.
"""

import datetime as dt
import json
from typing import Literal

import msgspec

INTENTS = frozenset(
    (
        "product_discovery",
        "product_question",
        "recommendation",
        "faq",
        "order_tracking",
        "return_request",
        "promotion",
        "checkout_help",
        "escalation",
        "chitchat",
    )
)
Found = tuple[dt.datetime, str, str, int]  # event time, model, intent or "error", latency in us


class Log(msgspec.Struct):
    """The four fields a peer counts."""

    ts: dt.datetime
    model: str
    latency_ms: float
    intent: (
        Literal[
            "product_discovery",
            "product_question",
            "recommendation",
            "faq",
            "order_tracking",
            "return_request",
            "promotion",
            "checkout_help",
            "escalation",
            "chitchat",
        ]
        | None
    ) = None


decoder = msgspec.json.Decoder(Log)


def plain(raw: bytes) -> Found | None:
    """The log, or None."""
    try:
        log = json.loads(raw)
    except ValueError:
        return None
    intent = log["intent"]
    if intent is None:
        intent = "error"
    elif intent not in INTENTS:
        return None
    return (
        dt.datetime.fromisoformat(log["ts"]),
        log["model"],
        intent,
        round(log["latency_ms"] * 1000),
    )


def fast(raw: bytes) -> Found | None:
    """The log, or None."""
    try:
        log = decoder.decode(raw)
    except msgspec.DecodeError:
        return None
    return log.ts, log.model, log.intent or "error", round(log.latency_ms * 1000)


def minute(ts: dt.datetime) -> int:
    """Minutes since 1970."""
    return int(ts.timestamp()) // 60
