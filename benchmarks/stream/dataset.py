"""Pure. The benchmark's serving logs: a seeded generator that yields them as columns, and renders
columns as the bytes that travel.

Every log is 215 bytes long and differs from others only at fixed places, so numpy writes a hundred
thousand of them at once; numbers are padded with blanks, which JSON allows. The oracle counts the
columns, the contestants read the bytes; tests/benchmarks decodes the bytes to compare both.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

MODELS = ("v12", "v13", "v14")
ROLES = ("champion", "shadow")
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
# Columns of logs that failed, and of logs with an intent that is none.
ERROR, UNKNOWN = len(INTENTS), len(INTENTS) + 1
PARTITIONS, IDLE = 12, 1  # the last partition receives nothing
WIDTH = 215
ENVELOPE = 200
BLOCK = 100_000
HOUR_MS = 3_600_000
BEGIN_MS = 1_776_679_200_000  # 2026-04-20T10:00:00Z

_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_RANDOM = 24  # digits of every req_id that differ: they make the logs compress as real ones do

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Plan:
    """A set of `n` logs whose times run over `span_ms` from `begin_ms`."""

    n: int
    seed: int = 20260420
    begin_ms: int = BEGIN_MS
    span_ms: int = 2 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Columns:
    """Some consecutive logs; `cut` marks those whose JSON breaks off, `intent` may be ERROR or
    UNKNOWN.
    """

    number: Integers
    ts_ms: Integers
    model: Integers
    role: Integers
    intent: Integers
    latency_us: Integers
    confidence: Integers  # in ten-thousandths
    tokens: Integers
    cut: npt.NDArray[np.bool_]

    @property
    def poison(self) -> npt.NDArray[np.bool_]:
        """Which of them are no serving logs: they must become dead letters."""
        poison: npt.NDArray[np.bool_] = self.cut | (self.intent == UNKNOWN)
        return poison


def blocks(plan: Plan) -> Iterator[Columns]:
    """All logs of a plan, in the order in which they are produced."""
    for begin in range(0, plan.n, BLOCK):
        yield _columns(plan, begin, min(BLOCK, plan.n - begin))


def _columns(plan: Plan, begin: int, size: int) -> Columns:
    rng = np.random.default_rng((plan.seed, begin))
    number = np.arange(begin, begin + size)
    chance = rng.random(size)
    delay = np.where(chance < 0.02, rng.integers(1, 30_000, size), 0)  # out of order
    delay = np.where(chance > 0.999, rng.integers(120_000, 600_000, size), delay)  # late
    kind = rng.random(size)
    intent = rng.choice(len(INTENTS), size, p=np.array([22, 14, 18, 12, 14, 6, 4, 3, 1, 6]) / 100)
    intent = np.where(kind < 0.005, ERROR, np.where(kind > 0.99995, UNKNOWN, intent))
    return Columns(
        number=number,
        ts_ms=plan.begin_ms + number * plan.span_ms // plan.n - delay,
        model=rng.choice(3, size, p=[0.1, 0.2, 0.7]),
        role=(rng.random(size) < 0.05).astype(np.int64),
        intent=intent,
        latency_us=np.clip(np.rint(rng.lognormal(np.log(12_000), 0.6, size)), 500, 999_999).astype(
            np.int64
        ),
        confidence=rng.integers(3000, 10_000, size),
        tokens=rng.integers(10, 70, size),
        cut=(kind > 0.9999) & (kind <= 0.99995),
    )


def partition(number: Integers, envelope: int = 1) -> Integers:
    """Where each log goes: in turn over all partitions but the idle one, `envelope` together."""
    return number // envelope % (PARTITIONS - IDLE)


def text(columns: Columns) -> npt.NDArray[np.uint8]:
    """The logs as they travel. Returns shape (n, WIDTH + 1): a log a row, ended by a line feed."""
    shapes, at = _templates()
    rows: npt.NDArray[np.uint8] = shapes[
        (columns.model * len(ROLES) + columns.role) * (UNKNOWN + 1) + columns.intent
    ]
    _write_time(rows, at["ts"], columns.ts_ms)
    _write_digits(rows, at["latency"] + 4, columns.latency_us % 1000, 3)
    _write_digits(rows, at["latency"], columns.latency_us // 1000, 3)
    rows[columns.latency_us < 100_000, at["latency"]] = ord(" ")
    rows[columns.latency_us < 10_000, at["latency"] + 1] = ord(" ")
    answered = columns.intent != ERROR
    place = at["confidence"]
    digits = np.empty((len(rows), 6), dtype=np.uint8)
    digits[:, :2] = np.frombuffer(b"0.", dtype=np.uint8)
    _write_digits(digits, 2, columns.confidence, 4)
    rows[:, place : place + 6] = np.where(
        answered[:, None], digits, np.frombuffer(b"null  ", dtype=np.uint8)
    )
    _write_digits(rows, at["tokens"], columns.tokens, 2)
    random = np.random.default_rng(int(columns.number[0])).integers(
        0, 16, (len(rows), _RANDOM), dtype=np.uint8
    )
    rows[:, WIDTH - 2 - _RANDOM : WIDTH - 2] = _HEX[random]
    rows[columns.cut, WIDTH - 1] = ord(" ")
    return rows


def values(rows: npt.NDArray[np.uint8]) -> list[bytes]:
    """One record a log."""
    raw, step = rows.tobytes(), WIDTH + 1
    return [raw[begin : begin + WIDTH] for begin in range(0, len(raw), step)]


def envelopes(rows: npt.NDArray[np.uint8]) -> list[bytes]:
    """One record for every ENVELOPE logs."""
    raw, step = rows.tobytes(), (WIDTH + 1) * ENVELOPE
    return [raw[begin : begin + step - 1].rstrip(b"\n") for begin in range(0, len(raw), step)]


@cache
def _templates() -> tuple[npt.NDArray[np.uint8], dict[str, int]]:
    """A log of every model, role and intent with its numbers left open, and where these stand."""
    head = (
        '{"v":1,"ts":"0000-00-00T00:00:00.000Z","latency_ms":000.000,'
        '"confidence":0.0000,"tokens":00,'
    )
    made = [
        _template(head, model, role, intent)
        for model in MODELS
        for role in ROLES
        for intent in (*INTENTS, None, "small_talk")
    ]
    at = {
        "ts": head.index("0000-"),
        "latency": head.index("000.000,"),
        "confidence": head.index("0.0000"),
        "tokens": head.index("00,", head.index("tokens")),
    }
    return np.frombuffer("".join(made).encode(), dtype=np.uint8).reshape(len(made), WIDTH + 1), at


def _template(head: str, model: str, role: str, intent: str | None) -> str:
    answer = f'"intent":"{intent}",' if intent else '"intent":null,"error":"timeout",'
    kind = '"script":"mixed"' if role == "champion" else f'"role":"{role}"'
    front = f'{head}"model":"{model}",{kind},"fallback_rerank":false,{answer}"req_id":"'
    return front.ljust(WIDTH - 2, "0") + '"}\n'


def _write_digits(rows: npt.NDArray[np.uint8], at: int, numbers: Integers, width: int) -> None:
    for place in range(width):
        rows[:, at + width - 1 - place] = 48 + numbers // 10**place % 10


def _write_time(rows: npt.NDArray[np.uint8], at: int, ts_ms: Integers) -> None:
    days, within = np.divmod(ts_ms, 24 * HOUR_MS)
    different, which = np.unique(days, return_inverse=True)
    dates = "".join(
        dt.date.fromordinal(719_163 + int(day)).isoformat() for day in different
    ).encode()
    rows[:, at : at + 10] = np.frombuffer(dates, dtype=np.uint8).reshape(-1, 10)[which]
    for offset, unit, width in ((11, HOUR_MS, 2), (14, 60_000, 2), (17, 1000, 2), (20, 1, 3)):
        size = {HOUR_MS: 24, 60_000: 60, 1000: 60, 1: 1000}[unit]
        _write_digits(rows, at + offset, within // unit % size, width)
