"""The demo's short story: its own messages hour by hour, answered by a stand-in for its models.

Training is not the same to the bit from machine to machine; the stand-in is: it errs as often as
the models do.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from pinned import lines, product, stored

_BEGIN = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
_DAY, _HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
_REQUEST = 32  # messages
_A_DAY = 500  # messages
_BUDGET = 1_000  # labels a day: twice the messages, as in the demo's policy
_LATER = "later"
_RETRAINED_DAY = 6  # from which day on v2 answers, which was trained on the later language


def played(url: str) -> Iterator[lines.Line]:
    """Write the story into an empty database; its rows and decisions."""
    story = product.demo_story()
    days = [*zip(story.kinds, story.days, strict=True)]
    answered = [list(_answered(number, *day)) for number, day in enumerate(days)]
    logs = [log for day in answered for log, _ in day]
    labels = [_label(log, meant) for day in answered for log, meant in day if log["sample"]]
    portions = list(_portions(logs))
    promotions = [
        _promotion("v1", _BEGIN - _HOUR, story.corpus),
        _promotion("v2", _BEGIN + _RETRAINED_DAY * _DAY, story.days[5]),
    ]
    told = stored.Told(portions, labels, promotions, product.demo_policy())
    yield from stored.kept("demo", told, url)


def _answered(
    number: int, kind: str, rows: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[lines.Line, str]]:
    """A day's serving logs, each with what the message meant. The messages of a request have one
    time, as through the gateway.
    """
    names = sorted({row["intent"] for row in rows})
    for hour in range(24):
        first, last = (len(rows) * part // 24 for part in (hour, hour + 1))
        requests = -(-(last - first) // _REQUEST)
        for i, row in enumerate(rows[first:last]):
            ts = _BEGIN + number * _DAY + _HOUR * hour + _HOUR * (i // _REQUEST + 0.5) / requests
            chance = Random(f"{number} {first + i}")
            yield _log(f"m{number}-{first + i}", ts, row, names, kind, chance), row["intent"]


def _log(
    req_id: str,
    ts: dt.datetime,
    row: Mapping[str, Any],
    names: Sequence[str],
    kind: str,
    chance: Random,
) -> lines.Line:
    model = "v2" if ts >= _BEGIN + _RETRAINED_DAY * _DAY else "v1"
    strange = kind == _LATER and model == "v1"
    right = chance.random() < (0.80 if strange else 0.97)
    intent = row["intent"] if right else chance.choice(names)
    sure = right and chance.random() < (0.85 if strange else 0.98)
    confidence = round(chance.uniform(0.8, 1.0) if sure else chance.uniform(0.3, 0.8), 4)
    sample = product.sampled(req_id, intent, confidence, _A_DAY, _BUDGET)
    return {
        "v": 1,
        "ts": ts.isoformat(),
        "model": model,
        "req_id": req_id,
        "conversation": row.get("conversation"),
        "latency_ms": round(chance.uniform(4, 12), 3),
        "intent": intent,
        "confidence": confidence,
        "second_intent": chance.choice(names),
        "margin": round(max(0.0, 2 * confidence - 1), 4),
        "tokens": len(row["text"].split()) + 2,
        "chars": len(row["text"]),
        "script": "latin",
        "tokenizer_hash": "9b2a1",
        "sample": sample and sample | {"text": row["text"]},
    }


def _label(log: lines.Line, meant: str) -> lines.Line:
    """At half past eleven in the evening the annotator labels what came an hour or more before."""
    ripe = dt.datetime.fromisoformat(log["ts"]) + _HOUR
    evening = ripe.replace(hour=23, minute=30, second=0, microsecond=0)
    at = evening if ripe <= evening else evening + _DAY
    return {
        "req_id": log["req_id"],
        "intent": meant,
        "annotator": "demo",
        "labelled_at": at.isoformat(),
    }


def _portions(logs: Sequence[lines.Line]) -> Iterator[Sequence[lines.Line]]:
    """Half days: each is rolled up by itself, so that windows grow."""
    size = _A_DAY // 2
    for first in range(0, len(logs), size):
        yield logs[first : first + size]


def _promotion(model: str, at: dt.datetime, rows: Sequence[Mapping[str, Any]]) -> stored.Promotion:
    mix = Counter(row["intent"] for row in rows)
    known = {"accuracy": 0.97, "accuracy_n": 600, "recall": dict.fromkeys(sorted(mix), 0.97)}
    return stored.Promotion(
        at, {"model": model, "n": mix.total(), "intent_counts": dict(sorted(mix.items())), **known}
    )
