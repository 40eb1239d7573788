"""Seeded serving logs by the hundred thousand, single or in envelopes, as the bytes that travel.
Pure; imports nothing of the product.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import traffic

INTENTS = traffic.INTENTS
MODELS = ("v14", "v15", "v16")
ROLES = ("champion", "champion", "champion", "champion", "shadow", "canary")
SCRIPTS = ("latin", "japanese", "mixed", "other")
BEGIN = dt.datetime(2026, 4, 20, 22, 0, tzinfo=dt.UTC)
ENVELOPE_MAX = 256

_ANSWER = (
    '{"v":1,"ts":"%s","model":"%s","role":"%s","req_id":"%s-%d","conversation":"h:%x",'
    '"latency_ms":%.3f,"intent":"%s","confidence":%.6f,"second_intent":"%s","margin":%.4f,'
    '"tokens":%d,"chars":%d,"script":"%s","fallback_rerank":%s,"error":null,'
    '"tokenizer_hash":"9b2a1","sample":null}'
)
_FAILURE = (
    '{"v":1,"ts":"%s","model":"%s","role":"%s","req_id":"%s-%d","latency_ms":%.3f,'
    '"error":"timeout"}'
)


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record. `part` None leaves the choice to the producer."""

    value: bytes
    batch: bool
    part: int | None = None


def instants(n: int, rng: np.random.Generator, *, begin: dt.datetime, span_s: float) -> list[str]:
    """Event times over `span_s`: 2 % up to 30 s out of order, 0.1 % up to an hour late; RFC 3339
    with milliseconds.
    """
    seconds = np.sort(rng.uniform(0, span_s, n))
    seconds -= np.where(rng.random(n) < 0.02, rng.uniform(0, 30, n), 0) + np.where(
        rng.random(n) < 0.001, rng.uniform(0, 3600, n), 0
    )
    millis = np.datetime64(begin.replace(tzinfo=None), "ms") + np.round(seconds * 1000).astype(
        "timedelta64[ms]"
    )
    return [f"{text}Z" for text in np.datetime_as_string(millis, unit="ms").tolist()]


def logs(
    n: int,
    seed: int,
    *,
    begin: dt.datetime = BEGIN,
    span_s: float = 600.0,
    models: Sequence[str] = MODELS,
) -> list[bytes]:
    """`n` valid logs, a tenth of them failures, in the order they were served. The same seed gives
    the same bytes.
    """
    rng = np.random.default_rng(seed)
    ts = instants(n, rng, begin=begin, span_s=span_s)
    latency = rng.lognormal(2.3, 0.6, n).clip(0.001, 600_000).tolist()
    confidence, margin = rng.random(n).tolist(), rng.random(n).tolist()
    model, role, intent = (rng.integers(0, len(of), n).tolist() for of in (models, ROLES, INTENTS))
    tokens, script, second = (
        rng.integers(3, 60, n).tolist(),
        rng.integers(0, 4, n).tolist(),
        rng.integers(0, 10, n).tolist(),
    )
    failed, fallback = (rng.random(n) < 0.1).tolist(), (rng.random(n) < 0.05).tolist()
    values = []
    for i in range(n):
        place = (ts[i], models[model[i]], ROLES[role[i]], seed, i)
        if failed[i]:
            values.append((_FAILURE % (*place, latency[i])).encode())
            continue
        answer = (
            i * 7919 % 65536,
            latency[i],
            INTENTS[intent[i]],
            confidence[i],
            INTENTS[second[i]],
            margin[i],
            tokens[i],
            4 * tokens[i],
        )
        values.append(
            (
                _ANSWER % (*place, *answer, SCRIPTS[script[i]], "true" if fallback[i] else "false")
            ).encode()
        )
    return values


def mixed(served: Sequence[bytes], seed: int, *, singles: float = 0.3) -> list[Record]:
    """The logs as records: a share of them single, the rest in envelopes of 1 to 256, in order."""
    rng = np.random.default_rng(seed + 1)
    records: list[Record] = []
    at = 0
    while at < len(served):
        if rng.random() < singles:
            size = int(rng.integers(1, ENVELOPE_MAX))
            records += [Record(value, batch=False) for value in served[at : at + size]]
        else:
            size = int(rng.integers(1, ENVELOPE_MAX + 1))
            records.append(Record(b"\n".join(served[at : at + size]), batch=True))
        at += size
    return records


def records(n: int, seed: int, *, singles: float = 0.3, span_s: float = 600.0) -> list[Record]:
    """`n` logs as a mix of single records and envelopes."""
    return mixed(logs(n, seed, span_s=span_s), seed, singles=singles)
