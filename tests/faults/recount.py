"""Count again, from Kafka's first offset, what Postgres should hold: every pane and every window,
cell by cell.

An implementation of its own, by the contract's formulas; imports nothing of the product, so that it
can contradict it.
"""

import calendar
import functools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from faults import invent, kafka_log, strict

ALPHA = 0.005
GAMMA = (1 + ALPHA) / (1 - ALPHA)
FLOOR_MS = 1e-6
EDGES = FLOOR_MS * GAMMA ** np.arange(
    math.ceil(math.log(600_000 / FLOOR_MS) / math.log(GAMMA)) + 2, dtype=np.float64
)
# One vector a cell; the name of each stretch, its length and whether it counts logs (a sum is
# compared, but counts no log).
LAYOUT = {
    "n": 1,
    "errors": 1,
    "late": 1,
    "latency_sum_us": 1,
    "confidence_sum_micro": 1,
    "tokens_sum": 1,
    "intent_count": 10,
    "intent_low": 10,
    "intent_fallback": 10,
    "script_count": 4,
    "latency_bins": len(EDGES),
    "confidence_bins": 100,
}
SUMS = ("latency_sum_us", "confidence_sum_micro", "tokens_sum")
STARTS = dict(zip(LAYOUT, np.cumsum([0, *LAYOUT.values()]).tolist(), strict=False))
SIZE = sum(LAYOUT.values())
REDRIVEN = -1
LATE_AFTER_S = 60 + 30  # a minute has ended when the partition's clock is this far past its start

Cell = tuple[int, str, str, int]  # minute (epoch seconds), model, role, partition
Vector = "np.ndarray[tuple[int], np.dtype[np.int64]]"


@dataclass
class Counted:
    """`cells`: the panes. `latencies`: minute, model, role and latency of every log, for the exact
    percentiles. `bad`: (partition, offset, line).
    """

    cells: dict[Cell, Any] = field(default_factory=dict)
    latencies: list[tuple[Any, list[str], Any]] = field(default_factory=list)
    bad: list[tuple[int, int, int]] = field(default_factory=list)
    clocks: dict[int, float] = field(default_factory=dict)
    n: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A log as it arrived. `number`: 0 for a single record, 1 .. inside an envelope."""

    part: int
    offset: int
    number: int
    raw: bytes
    appended_ms: int


def lines(record: kafka_log.Stored) -> Iterator[Line]:
    """The logs of a record; an envelope of more than 256 is one bad thing, number -1."""
    if not record.batch:
        yield Line(record.part, record.offset, 0, record.value, record.appended_ms)
        return
    numbered = [
        (number, raw)
        for number, raw in enumerate(record.value.split(b"\n"), start=1)
        if raw.strip()
    ]
    for number, raw in numbered if len(numbered) <= invent.ENVELOPE_MAX else [(-1, b"")]:
        yield Line(record.part, record.offset, number, raw, record.appended_ms)


def count(
    kafka: str,
    topic: str,
    *,
    all_valid: bool = True,
    check_time: bool = False,
    kept: Any = None,
    redriven: frozenset[tuple[int, int]] = frozenset(),
    before: Counted | None = None,
) -> Counted:
    """Count a topic, on top of what was counted `before`. `all_valid`: nothing bad was sent, so
    nothing is looked at twice. `kept`: which (partition, offset, line) to count at all. `redriven`:
    (partition, offset) of dead letters counted after all, in panes of their own.
    """
    counted = before or Counted()
    for batch in kafka_log.stored(kafka, topic):
        arrived = [line for record in batch for line in lines(record) if kept is None or kept(line)]
        arrived = (
            [
                replace(line, part=REDRIVEN) if (line.part, line.offset) in redriven else line
                for line in arrived
            ]
            if redriven
            else arrived
        )
        logs = _trusted(arrived) if all_valid else _judged(arrived, counted, check_time)
        if logs[0]:
            _add(counted, *logs)
    return counted


def _trusted(arrived: Sequence[Line]) -> tuple[list[Any], list[int]]:
    return json.loads(b"[" + b",".join([line.raw for line in arrived]) + b"]"), [
        line.part for line in arrived
    ]


def _judged(
    arrived: Sequence[Line], counted: Counted, check_time: bool
) -> tuple[list[Any], list[int]]:
    logs, parts = [], []
    for line in arrived:
        log = strict.serving_log(line.raw) if line.number >= 0 else None
        if log is None or (check_time and strict.untimely(log, line.appended_ms)):
            counted.bad.append((line.part, line.offset, max(line.number, 0)))
        else:
            logs.append(log)
            parts.append(line.part)
    return logs, parts


def _seconds(ts: str) -> float:
    if ts.endswith("Z") and len(ts) == 24:
        return _minute(ts[:16]) + float(ts[17:23])
    instant = strict.instant(ts)
    assert instant is not None
    return instant.timestamp()


@functools.cache
def _minute(text: str) -> int:
    return calendar.timegm(
        (
            int(text[:4]),
            int(text[5:7]),
            int(text[8:10]),
            int(text[11:13]),
            int(text[14:16]),
            0,
            0,
            0,
            0,
        )
    )


def _add(counted: Counted, logs: list[Any], parts: list[int]) -> None:
    seconds = np.array([_seconds(log["ts"]) for log in logs])
    part = np.array(parts)
    minute = (seconds // 60 * 60).astype(np.int64)
    late = _late(counted, seconds, minute, part)
    names = [f"{log['model']}\x00{log.get('role', 'champion')}" for log in logs]
    keys, of = np.unique(np.array(names, dtype=object).astype(str), return_inverse=True)
    figures = _figures(logs)
    latency = figures[:, 1]
    counted.latencies.append((np.stack([minute, of]), keys.tolist(), latency.copy()))
    cell, member = np.unique(np.stack([minute, of, part]), axis=1, return_inverse=True)
    order = np.argsort(member, kind="stable")
    bounds = np.searchsorted(member[order], np.arange(cell.shape[1] + 1))
    for i in range(cell.shape[1]):
        mine = order[bounds[i] : bounds[i + 1]]
        model, role = str(keys[cell[1, i]]).split("\x00")
        key = (int(cell[0, i]), model, role, int(cell[2, i]))
        counted.cells[key] = counted.cells.get(key, 0) + vector(figures[mine], late[mine])
    counted.n += len(logs)


def _late(counted: Counted, seconds: Any, minute: Any, part: Any) -> Any:
    """A log is late if its minute had ended, by the clock its own partition had before it."""
    late = np.zeros(len(seconds), dtype=bool)
    for each in np.unique(part).tolist():
        mine = np.flatnonzero(part == each)
        clock = np.maximum.accumulate(
            np.concatenate([[counted.clocks.get(each, -math.inf)], seconds[mine]])
        )
        late[mine] = minute[mine] + LATE_AFTER_S <= clock[:-1] + 1e-7
        counted.clocks[each] = float(clock[-1])
    return late


def _figures(logs: list[Any]) -> Any:
    """Columns: answered, latency, intent, confidence, tokens, fallback, script."""
    place = {name: i for i, name in enumerate(invent.INTENTS)} | {None: 0}
    script = {name: i for i, name in enumerate(invent.SCRIPTS)}
    rows = [
        (
            log.get("error") is None,
            log["latency_ms"],
            place[log.get("intent")],
            log.get("confidence") or 0.0,
            log.get("tokens") or 0,
            log.get("fallback_rerank", False),
            script[log.get("script", "other")],
        )
        for log in logs
    ]
    return np.array(rows, dtype=np.float64)


def vector(figures: Any, late: Any) -> Any:
    """What a cell holds of these logs."""
    answers = figures[figures[:, 0] == 1]
    intent, confidence = answers[:, 2].astype(np.int64), answers[:, 3]
    centre = np.minimum(np.floor(confidence * 100 + 1e-9), 99).astype(np.int64)
    stretches = (
        [len(figures)],
        [len(figures) - len(answers)],
        [late.sum()],
        [np.rint(figures[:, 1] * 1000).sum()],
        [np.rint(confidence * 1e6).sum()],
        [answers[:, 4].sum()],
        np.bincount(intent, minlength=10),
        np.bincount(intent[confidence < 0.6], minlength=10),
        np.bincount(intent[answers[:, 5] == 1], minlength=10),
        np.bincount(answers[:, 6].astype(np.int64), minlength=4),
        np.bincount(np.searchsorted(EDGES, figures[:, 1], side="left"), minlength=len(EDGES)),
        np.bincount(centre, minlength=100),
    )
    return np.concatenate(stretches).astype(np.int64)
