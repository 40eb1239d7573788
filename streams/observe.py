"""Pure. A chunk of records -> panes, dead letters and sampled predictions.

Never raises on bad bytes and never drops one: a record or an envelope's line that is no serving log becomes a dead letter with a reason.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from schemas import events, taxonomy, windows
from streams import chunks
from streams.stats import histogram

MINUTE = dt.timedelta(minutes=1)
# How far logs of one partition may lie out of order before one counts as late.
GRACE = dt.timedelta(seconds=30)

Key = tuple[dt.datetime, str, str]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record (line 0) or an envelope's line (1 ..) that is no serving log."""

    offset: int
    line: int
    reason: str
    detail: str
    raw: bytes

    @property
    def sha256(self) -> str:
        """Identity of the bytes."""
        return hashlib.sha256(self.raw).hexdigest()


@dataclass(slots=True)
class Observed:
    """What a chunk adds. `panes`: minute, model, role -> tally. `max_event_ts`: the partition's clock after it."""

    panes: dict[Key, windows.Tally]
    dead: list[DeadLetter]
    sampled: list[events.ServingLog]
    max_event_ts: dt.datetime | None


def chunk(part: chunks.Chunk, *, max_event_ts: dt.datetime | None, check_time: bool) -> Observed:
    """Count a chunk. `max_event_ts`: the partition's clock before it; `check_time`: hold logs against the broker's append time."""
    logs: list[events.ServingLog] = []
    dead: list[DeadLetter] = []
    for record in part.records:
        for line, raw in lines(record):
            found = _found(raw, record, check_time) if line >= 0 else events.Malformed("envelope_too_long", f"more than {events.ENVELOPE_MAX} logs")
            if isinstance(found, events.Malformed):
                dead.append(DeadLetter(record.offset, max(line, 0), found.reason, found.detail, raw))
            else:
                logs.append(found)
    late, newest = _late(logs, max_event_ts)
    return Observed(_panes(logs, late), dead, [log for log in logs if log.sample and log.error is None], newest)


def lines(record: chunks.Record) -> Iterator[tuple[int, bytes]]:
    """The logs of a record, numbered: 0 for a single one, 1 .. inside an envelope; -1 for an envelope that is too long, kept whole."""
    raw = record.value or b""
    if not record.batch:
        yield 0, raw
        return
    parts = [(number, line) for number, line in enumerate(raw.split(b"\n"), start=1) if line.strip()]
    yield from parts if len(parts) <= events.ENVELOPE_MAX else [(-1, raw)]


def _found(raw: bytes, record: chunks.Record, check_time: bool) -> events.ServingLog | events.Malformed:
    log = events.serving_log(raw)
    if check_time and isinstance(log, events.ServingLog):
        return events.untimely(log.ts, record.appended) or log
    return log


def _late(logs: list[events.ServingLog], clock: dt.datetime | None) -> tuple[list[bool], dt.datetime | None]:
    """Whether each log's minute had ended, grace included, by the partition's clock when it came; and the clock afterwards."""
    late = []
    for log in logs:
        late.append(clock is not None and windows.floor(log.ts, MINUTE) + MINUTE <= clock - GRACE)
        clock = log.ts if clock is None else max(clock, log.ts)
    return late, clock


@dataclass(slots=True)
class _Columns:
    """The logs of one pane as columns."""

    logs: list[events.ServingLog] = field(default_factory=list)
    late: int = 0


def _panes(logs: list[events.ServingLog], late: list[bool]) -> dict[Key, windows.Tally]:
    grouped: dict[Key, _Columns] = defaultdict(_Columns)
    for log, is_late in zip(logs, late, strict=True):
        columns = grouped[windows.floor(log.ts, MINUTE).astimezone(dt.UTC), log.model, log.role]
        columns.logs.append(log)
        columns.late += is_late
    return {key: tally(columns.logs, columns.late) for key, columns in grouped.items()}


def tally(logs: list[events.ServingLog], late: int = 0) -> windows.Tally:
    """The tally of logs, `late` of which came late."""
    latency = np.array([log.latency_ms for log in logs])
    answered = [log for log in logs if log.error is None]
    intent = np.array([taxonomy.INDEX[log.intent] for log in answered if log.intent], dtype=np.int64)
    confidence = np.array([log.confidence for log in answered], dtype=np.float64)
    fallback = np.array([log.fallback_rerank for log in answered], dtype=bool)
    return windows.Tally(
        n=len(logs),
        errors=len(logs) - len(answered),
        late=late,
        latency_sum_us=_sum(latency * 1000),
        confidence_sum_micro=_sum(confidence * windows.MICRO),
        tokens_sum=sum(log.tokens or 0 for log in answered),
        intent_count=_count(intent, len(taxonomy.INTENTS)),
        intent_low=_count(intent[confidence < windows.LOW_CONFIDENCE], len(taxonomy.INTENTS)),
        intent_fallback=_count(intent[fallback], len(taxonomy.INTENTS)),
        script_count=_count([taxonomy.SCRIPTS.index(log.script) for log in answered], len(taxonomy.SCRIPTS)),
        latency_bins=_count(histogram.latency_bins(latency), windows.LATENCY_BINS),
        confidence_bins=_count(confidence_bins(confidence), windows.CONFIDENCE_BINS),
    )


def confidence_bins(confidence: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> windows.Counts:
    """The linear bin of each confidence, 1 in the last one. The tiny shift keeps 0.6 on its own side of an exact edge.

    >>> confidence_bins(np.array([0.0, 0.29, 0.6, 0.599999, 1.0])).tolist()
    [0, 29, 60, 59, 99]
    """
    bins: windows.Counts = np.minimum((confidence * windows.CONFIDENCE_BINS + 1e-9).astype(np.int64), windows.CONFIDENCE_BINS - 1)
    return bins


def _count(values: "Iterable[int] | windows.Counts", size: int) -> windows.Counts:
    return np.bincount(np.asarray(values, dtype=np.int64), minlength=size).astype(np.int64)


def _sum(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> int:
    """Each value is rounded before the sum, so that the total does not depend on how logs were grouped."""
    return int(np.rint(values).astype(np.int64).sum())
