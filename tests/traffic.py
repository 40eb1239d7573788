"""Invented serving logs, and an independent recount of windows. Imports nothing from streams/, so
that it can contradict it.
"""

import collections
import datetime as dt
import json
import math
import random
from collections.abc import Iterable
from typing import Any

INTENTS = (
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
WIDTHS = {"5m": 300, "1h": 3600, "1d": 86400, "7d": 7 * 86400}
BEGIN = dt.datetime(2026, 4, 20, 22, 0, tzinfo=dt.UTC)


def log(
    number: int, rng: random.Random, *, begin: dt.datetime = BEGIN, step_s: float = 1.0
) -> dict[str, Any]:
    """One valid log; every tenth is a failure, two models, a few seconds out of order."""
    ts = begin + dt.timedelta(seconds=number * step_s + rng.uniform(-5, 5))
    made: dict[str, Any] = {
        "v": 1,
        "ts": ts.isoformat().replace("+00:00", "Z"),
        "model": rng.choice(["v1", "v2"]),
        "req_id": f"r{number}",
        "latency_ms": round(rng.lognormvariate(2, 0.5), 3),
    }
    if rng.random() < 0.1:
        return made | {"error": "timeout"}
    return made | {
        "intent": rng.choice(INTENTS),
        "confidence": round(rng.random(), 6),
        "tokens": rng.randrange(3, 40),
        "script": rng.choice(["latin", "mixed"]),
        "fallback_rerank": rng.random() < 0.05,
    }


def encode(log: dict[str, Any]) -> bytes:
    """The log as it travels."""
    return json.dumps(log).encode()


def recount(logs: Iterable[dict[str, Any]]) -> dict[tuple[str, str, str, str], dict[str, Any]]:
    """Windows by model, role, horizon and start, each figure computed from the logs themselves.
    Disjoint horizons only.
    """
    grouped: dict[tuple[str, str, str, str], list[dict[str, Any]]] = collections.defaultdict(list)
    for log in logs:
        second = dt.datetime.fromisoformat(log["ts"]).timestamp()
        for horizon in ("5m", "1h", "1d"):
            start = dt.datetime.fromtimestamp(second // WIDTHS[horizon] * WIDTHS[horizon], dt.UTC)
            grouped[
                log["model"],
                log.get("role", "champion"),
                horizon,
                start.isoformat().replace("+00:00", "Z"),
            ].append(log)
    return {key: _figures(members) for key, members in grouped.items()}


def _figures(members: list[dict[str, Any]]) -> dict[str, Any]:
    answered = [m for m in members if m.get("error") is None]
    latencies = sorted(m["latency_ms"] for m in members)
    return {
        "n": len(members),
        "errors": len(members) - len(answered),
        "intent_counts": {
            intent: sum(m["intent"] == intent for m in answered) for intent in INTENTS
        },
        "low": sum(m["confidence"] < 0.6 for m in answered),
        "fallback": sum(m["fallback_rerank"] for m in answered),
        **{f"p{p}": latencies[math.ceil(p / 100 * len(latencies)) - 1] for p in (50, 95, 99)},
    }


def differences(shown: list[dict[str, Any]], logs: Iterable[dict[str, Any]]) -> list[str]:
    """Where `services.show windows --json` and the recount disagree; empty when they do not."""
    wanted = recount(logs)
    windows = {
        (w["model"], w["role"], w["horizon"], w["start"]): w for w in shown if w["horizon"] != "7d"
    }
    problems = [f"{key}: only one side has it" for key in wanted.keys() ^ windows.keys()]
    for key in wanted.keys() & windows.keys():
        problems += [
            f"{key}: {name} shown {a}, recounted {b}"
            for name, a, b in _pairs(windows[key], wanted[key])
            if a != b
        ]
    return problems


def _pairs(shown: dict[str, Any], recounted: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    answered = shown["n"] - shown["errors"]
    exact = [(name, shown[name], recounted[name]) for name in ("n", "errors", "intent_counts")]
    exact += [("low", round((shown["low_confidence_rate"] or 0) * answered), recounted["low"])]
    exact += [("fallback", round((shown["fallback_rate"] or 0) * answered), recounted["fallback"])]
    close = [
        (f"p{p}", abs(shown[f"p{p}_latency_ms"] / recounted[f"p{p}"] - 1) <= 0.005 + 1e-9, True)
        for p in (50, 95, 99)
    ]
    return exact + close
