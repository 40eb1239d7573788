"""A history of eight days in which much happens: two models, one in the shadow first; five
annotators, of whom one is a program that errs.

Logs come late, twice, broken and out of order; labels are given anew and taken back; customers
complain, and somebody pauses everything.
"""

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pinned import lines, stored

_BEGIN = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
_HOUR, _DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
_DAYS, _A_DAY = 8, 1_200
_RELEASED, _CHANGED = 3 * _DAY, 5 * _DAY  # v2 serves; its messages change
_POLICY = """
[labels]
maturity_hours = 12
[signals.error_rate]
min_n = 500
[signals.live_accuracy]
horizon = "1d"
[signals.intent_mix_kl]
k = 1
of = 1
[trigger]
cool_down_hours = 24
"""
_INCIDENTS = (
    (
        "open",
        "--kind",
        "complaints",
        "--intent",
        "faq",
        "--count",
        "12",
        "--at",
        "2026-03-07T06:00:00Z",
    ),
    ("close", "--kind", "complaints", "--intent", "faq", "--at", "2026-03-08T12:00:00Z"),
    ("open", "--kind", "pause", "--at", "2026-03-08T06:00:00Z"),
    ("close", "--kind", "pause", "--at", "2026-03-08T18:00:00Z"),
)
_INTENTS = (
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
_SHARES = (22, 15, 18, 8, 12, 7, 5, 4, 3, 6)
_MOVED = (12, 15, 10, 8, 12, 17, 5, 4, 11, 6)
_MESSAGE = "an invented message about {intent}, number {number}"


def played(url: str) -> Iterator[lines.Line]:
    """Write it into an empty database; its rows and decisions."""
    chance = random.Random(20260302)
    logs: list[lines.Line] = []
    labels: list[lines.Line] = []
    for number in range(_DAYS * _A_DAY):
        log, meant = _answer(number, chance)
        logs.append(log)
        if "sample" in log:
            labels += _said(log, meant, chance)
        logs += _beside(log, number, chance)
    with TemporaryDirectory() as folder:
        policy = Path(folder) / "policy.toml"
        policy.write_text(_POLICY)
        incidents = [list(each) for each in _INCIDENTS]
        promotions = [_promotion("v1", _BEGIN - 30 * _DAY), _promotion("v2", _BEGIN + _RELEASED)]
        told = stored.Told(list(_portions(logs)), labels, promotions, str(policy), incidents)
        yield from stored.kept("history", told, url)


def _answer(number: int, chance: random.Random) -> tuple[lines.Line, str]:
    """The champion's log of a message, and what was meant."""
    since = number * _DAY / _A_DAY + dt.timedelta(milliseconds=chance.randrange(-20_000, 20_000))
    changed = since >= _CHANGED
    meant = chance.choices(_INTENTS, _MOVED if changed else _SHARES)[0]
    right = chance.random() < (0.78 if changed else 0.94)
    intent = meant if right else chance.choice(_INTENTS)
    confidence = chance.uniform(0.4, 0.95) if changed else chance.uniform(0.7, 1.0)
    log = _log(number, max(since, dt.timedelta()), "v2" if since >= _RELEASED else "v1", chance)
    if chance.random() < 0.002:
        return log | {"error": "encoder_timeout"}, meant
    answer = {
        "intent": intent,
        "confidence": round(confidence, 4),
        "tokens": chance.randrange(3, 30),
    }
    answer |= {"margin": round(confidence / 2, 4), "fallback_rerank": confidence < 0.5}
    script = chance.choices(("latin", "mixed", "japanese"), (90, 7, 3))[0]
    text = _MESSAGE.format(intent=meant, number=number)
    rare = meant in ("escalation", "return_request")
    p = 0.5 if rare else 0.25
    asked = {"sample": {"queue": "measure", "p": p, "text": text}} if chance.random() < p else {}
    return log | answer | {"script": script, "tokenizer_hash": "9b2a1"} | asked, meant


def _log(number: int, since: dt.timedelta, model: str, chance: random.Random) -> lines.Line:
    ts = (_BEGIN + since).isoformat().replace("+00:00", "Z")
    latency = round(chance.uniform(3, 13), 3)
    return {"v": 1, "ts": ts, "model": model, "req_id": f"h{number}", "latency_ms": latency}


def _beside(log: lines.Line, number: int, chance: random.Random) -> Iterator[lines.Line]:
    """What else comes: the shadow's answer on the day before its release, a log ten minutes late,
    one twice, one that is none.
    """
    plain = {name: value for name, value in log.items() if name != "sample"}
    day = number / _A_DAY
    if 2 <= day < 3 and "error" not in log:
        yield plain | {"model": "v2", "role": "shadow"}
    if number % 400 == 399:
        ts = dt.datetime.fromisoformat(log["ts"]) - dt.timedelta(minutes=10)
        yield plain | {"ts": ts.isoformat(), "req_id": f"late{number}"}
    if number % 1_000 == 500:
        yield log
    if number % 900 == 450:
        yield {"v": 1, "req_id": f"none{number}", "latency_ms": chance.choice((-1, "slow"))}


def _said(log: lines.Line, meant: str, chance: random.Random) -> Iterator[lines.Line]:
    """One of three people, some hours later; a fourth now and then; on the third day a program, at
    once and wrongly.
    """
    ts = dt.datetime.fromisoformat(log["ts"])
    at = ts + chance.randrange(60, 6 * 60) * dt.timedelta(minutes=1)
    person = chance.choice(("ann", "bob", "cleo"))
    answer = meant if chance.random() < 0.98 else chance.choice(_INTENTS)
    yield _label(log, person, at, answer)
    once = chance.random()
    if once < 0.08:
        yield _label(log, "dan", at + _HOUR, meant if chance.random() < 0.9 else "chitchat")
    elif once < 0.10:
        yield _label(log, person, at + 2 * _HOUR, chance.choice(_INTENTS))
    elif once < 0.12:
        yield _label(log, person, at + 3 * _HOUR, None)
    if ts.day == _BEGIN.day + 2 and chance.random() < 0.5:
        yield _label(log, "program", ts + dt.timedelta(minutes=1), "chitchat")


def _label(log: lines.Line, who: str, at: dt.datetime, intent: str | None) -> dict[str, Any]:
    """None takes back what was said before."""
    label = {"req_id": log["req_id"], "annotator": who, "labelled_at": at.isoformat()}
    return label | (
        {"action": "retract"} if intent is None else {"action": "label", "intent": intent}
    )


def _portions(logs: Sequence[lines.Line]) -> Iterator[Sequence[lines.Line]]:
    """Of uneven size, so that hours and days are rolled up in part."""
    first, number = 0, 0
    while first < len(logs):
        size = (350, 500, 650)[number % 3]
        yield logs[first : first + size]
        first, number = first + size, number + 1


def _promotion(model: str, at: dt.datetime) -> stored.Promotion:
    mix = {intent: 50 * share for intent, share in zip(_INTENTS, _SHARES, strict=True)}
    known = {"accuracy": 0.94, "accuracy_n": 800, "recall": dict.fromkeys(_INTENTS, 0.94)}
    return stored.Promotion(at, {"model": model, "n": 5_000, "intent_counts": mix, **known})
