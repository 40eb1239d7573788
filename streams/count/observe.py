"""Pure. A chunk of records -> tallies by minute, model and role; dead letters; sampled predictions.

Never raises on bad bytes and never drops one: a record or an envelope's line that is no serving log
becomes a dead letter with a reason. Records in which all is well are decoded together
(streams.count.decode); the unusual ones are found by halving and read one by one.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas import events, tallies, times, windows
from streams.count import chunks, columns, decode

# How far logs of one partition may lie out of order before one counts as late.
GRACE: Final = dt.timedelta(seconds=30)
_GRACE_US: Final = GRACE // dt.timedelta(microseconds=1)
_FUTURE_US, _PAST_US = (
    limit // dt.timedelta(microseconds=1) for limit in (events.FUTURE_LIMIT, events.PAST_LIMIT)
)

Key = columns.Key
# Logs decoded together: more are no faster, and one bad record among them makes all of them dearer.
_BLOCK: Final = 1_250
_ENVELOPE: Final = 200  # logs an envelope is taken to hold
_FEW: Final = 16  # so few records are read one by one if they cannot be read at once


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record (line 0) or an envelope's line (1 ..) that is no serving log."""

    offset: int
    line: int
    reason: events.Reason
    detail: str
    raw: bytes

    @property
    def sha256(self) -> str:
        """Identity of the bytes."""
        return hashlib.sha256(self.raw).hexdigest()


@dataclass(frozen=True, slots=True)
class Limits:
    """What a log's time is held against: the partition's clock before the chunk; the append time,
    if at all; the oldest minute still kept.
    """

    max_event_ts: dt.datetime | None = None
    check_time: bool = True
    keep_from: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """What a chunk adds: the tally of each key; what was bad; who is to be asked; the partition's
    clock after it; which logs were bad, in order.
    """

    keys: Sequence[Key]
    tallies: tallies.Tallies
    dead: Sequence[DeadLetter]
    sampled: Sequence[events.ServingLog]
    max_event_ts: dt.datetime | None
    bad: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Read:
    """A run of records, read: its logs as columns; what was bad; who is to be asked; which logs
    were bad, in order.
    """

    found: columns.Columns
    dead: Sequence[DeadLetter]
    sampled: Sequence[events.ServingLog]
    bad: npt.NDArray[np.bool_]


def chunk(part: chunks.Chunk, limits: Limits) -> Observed:
    """Count a chunk."""
    return _counted(list(_runs(part, limits)), limits)


def _counted(runs: Sequence[_Read], limits: Limits) -> Observed:
    found = columns.joined([run.found for run in runs])
    dead, sampled = (
        [letter for run in runs for letter in run.dead],
        [log for run in runs for log in run.sampled],
    )
    bad = np.concatenate([run.bad for run in runs])
    if len(found.ts_us) == 0:
        return Observed([], tallies.from_rows([]), dead, sampled, limits.max_event_ts, bad)
    late, clock_us = _late(found.ts_us, limits.max_event_ts)
    return Observed(*columns.by_key(found, late), dead, sampled, times.from_micros(clock_us), bad)


def _runs(part: chunks.Chunk, limits: Limits) -> Iterator[_Read]:
    """Decode at once what can be; halving finds what is unusual, so that one bad record costs about
    one more decode of its chunk.
    """
    most, few = (_BLOCK // _ENVELOPE, 1) if any(part.batch) else (_BLOCK, _FEW)
    read = _at_once(part, limits) if len(part.values) <= most else None
    if read is not None:
        yield read
    elif len(part.values) <= few:
        yield _one_by_one(part, limits)
    else:
        middle = len(part.values) // 2
        yield from _runs(part.cut(0, middle), limits)
        yield from _runs(part.cut(middle, len(part.values)), limits)


def _at_once(part: chunks.Chunk, limits: Limits) -> _Read | None:
    """All records in one decode; None if anything in them is unusual."""
    values = (
        [
            value.rstrip(b"\n") if batch else value
            for value, batch in zip(part.values, part.batch, strict=True)
        ]
        if any(part.batch)
        else part.values
    )
    sizes = (
        [
            value.count(b"\n") + 1 if batch else 1
            for value, batch in zip(values, part.batch, strict=True)
        ]
        if any(part.batch)
        else ()
    )
    if sizes and max(sizes) > events.ENVELOPE_MAX:
        return None
    joined = b"\n".join(values)
    decoded = decode.chunk(joined, sum(sizes) if sizes else len(values))
    if decoded is None:
        return None
    logs, found = decoded
    if limits.check_time and not _timely(found.ts_us, part):
        return None
    if limits.keep_from is not None and found.ts_us.min() < times.micros(limits.keep_from):
        return None
    samples = [log.sample for log in logs]
    chosen = (
        []
        if samples.count(None) == len(samples)
        else [i for i, log in enumerate(logs) if log.sample is not None and log.error is None]
    )
    sampled = _sampled(joined, chosen) if chosen else []
    return (
        None if sampled is None else _Read(found, [], sampled, np.zeros(len(logs), dtype=np.bool_))
    )


def _timely(ts_us: windows.Counts, part: chunks.Chunk) -> bool:
    """Whether every log keeps the contract's two limits whatever record it came in."""
    first, last = min(part.appended_ms) * 1000, max(part.appended_ms) * 1000
    return int(ts_us.max()) - first <= _FUTURE_US and last - int(ts_us.min()) <= _PAST_US


def _sampled(joined: bytes, chosen: Sequence[int]) -> list[events.ServingLog] | None:
    lines = joined.split(b"\n")
    found = [events.serving_log(lines[i]) for i in chosen]
    logs = [log for log in found if isinstance(log, events.ServingLog)]
    return logs if len(logs) == len(found) else None


def _one_by_one(part: chunks.Chunk, limits: Limits) -> _Read:
    logs: list[events.ServingLog] = []
    dead: list[DeadLetter] = []
    bad: list[bool] = []
    for i, offset in enumerate(part.offsets):
        for line, raw in lines(part.values[i], batch=part.batch[i]):
            found = _found(raw, line, part, i, limits)
            bad.append(isinstance(found, events.Malformed))
            if isinstance(found, events.Malformed):
                dead.append(DeadLetter(offset, max(line, 0), found.reason, found.detail, raw))
            else:
                logs.append(found)
    as_columns = columns.of(logs, np.array([times.micros(log.ts) for log in logs], dtype=np.int64))
    sampled = [log for log in logs if log.sample and log.error is None]
    return _Read(as_columns, dead, sampled, np.array(bad, dtype=np.bool_))


def lines(value: bytes, *, batch: bool) -> Iterator[tuple[int, bytes]]:
    """The logs of a record, numbered: 0 for a single one, 1 .. inside an envelope; -1 for an
    envelope that is too long, kept whole.
    """
    if not batch:
        yield 0, value
        return
    parts = [
        (number, line) for number, line in enumerate(value.split(b"\n"), start=1) if line.strip()
    ]
    yield from parts if len(parts) <= events.ENVELOPE_MAX else [(-1, value)]


def _found(
    raw: bytes, line: int, part: chunks.Chunk, i: int, limits: Limits
) -> events.ServingLog | events.Malformed:
    if line < 0:
        return events.Malformed(
            events.Reason.ENVELOPE_TOO_LONG, f"more than {events.ENVELOPE_MAX} logs"
        )
    log = events.serving_log(raw)
    if isinstance(log, events.Malformed):
        return log
    if limits.keep_from is not None and log.ts < limits.keep_from:
        return events.Malformed(
            events.Reason.TOO_LATE, "ts lies before the oldest minute that is still kept"
        )
    return (
        events.untimely(log.ts, _appended(part.appended_ms[i])) if limits.check_time else None
    ) or log


def _appended(ms: int) -> dt.datetime:
    """The append time. Where a topic takes the producer's own it may be any number: one beyond the
    calendar is as far off as its end.
    """
    return times.from_micros(
        min(max(ms * 1000, times.micros(times.FIRST)), times.micros(times.LAST))
    )


def _late(ts_us: windows.Counts, clock: dt.datetime | None) -> tuple[npt.NDArray[np.bool_], int]:
    """Whether each log's minute had ended, grace included, by the partition's clock when it came;
    and the clock afterwards.
    """
    newest = np.maximum.accumulate(ts_us)
    if clock is not None:
        newest = np.maximum(newest, times.micros(clock))
    before = np.concatenate((newest[:1] if clock is None else [times.micros(clock)], newest[:-1]))
    minute_end = (ts_us // columns.MINUTE_US + 1) * columns.MINUTE_US
    late: npt.NDArray[np.bool_] = minute_end <= before - _GRACE_US
    return late, int(newest[-1])


def joined(parts: Sequence[Observed]) -> tuple[list[Key], tallies.Tallies]:
    """The tallies of several chunks as one, each key once, in order."""
    keys = sorted({key for part in parts for key in part.keys})
    place = {key: i for i, key in enumerate(keys)}
    into = np.array([place[key] for part in parts for key in part.keys], dtype=np.int64)
    return keys, tallies.stacked([part.tallies for part in parts]).merged(into, len(keys))


def tally(logs: Iterable[events.ServingLog]) -> windows.Tally:
    """The tally of logs, none of them late."""
    members = list(logs)
    found = columns.of(members, np.array([times.micros(log.ts) for log in members], dtype=np.int64))
    none, whole = np.zeros(len(members), dtype=np.bool_), np.zeros(len(members), dtype=np.int64)
    return tallies.one(columns.grouped(found, none, whole, 1), 0)


def deleted(part: chunks.Chunk) -> DeadLetter:
    """The record of a gap: what retention deleted before anybody read it cannot be counted, but it
    is not passed over in silence.
    """
    last = part.low + part.deleted - 1
    detail = (
        f"offsets {part.low} to {last} ({part.deleted} records) were deleted before they were read"
    )
    return DeadLetter(part.low, 0, events.Reason.DELETED_UNREAD, detail, b"")
