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

from schemas import events, tallies, times, windows
from streams.count import chunks, columns, decode

# How far logs of one partition may lie out of order before one counts as late.
GRACE: Final = dt.timedelta(seconds=30)
_GRACE_US: Final = GRACE // dt.timedelta(microseconds=1)
_FUTURE_US: Final = events.FUTURE_LIMIT // dt.timedelta(microseconds=1)
_PAST_US: Final = events.PAST_LIMIT // dt.timedelta(microseconds=1)

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
    bad: columns.Bools


@dataclass(frozen=True, slots=True)
class _Read:
    """A run of records, read: its logs as columns; what was bad; who is to be asked; which logs
    were bad, in order.
    """

    logs: columns.Columns
    dead: Sequence[DeadLetter]
    sampled: Sequence[events.ServingLog]
    bad: columns.Bools


def chunk(part: chunks.Chunk, limits: Limits) -> Observed:
    """Count a chunk."""
    return _counted(list(_runs(part, limits)), limits)


def _counted(runs: Sequence[_Read], limits: Limits) -> Observed:
    logs = columns.joined([run.logs for run in runs])
    bad = np.concatenate([run.bad for run in runs])
    dead: list[DeadLetter] = []
    sampled: list[events.ServingLog] = []
    for run in runs:
        dead += run.dead
        sampled += run.sampled

    if len(logs.ts_us) == 0:
        nothing = tallies.from_rows([])
        return Observed([], nothing, dead, sampled, limits.max_event_ts, bad)

    late, clock_us = _late(logs.ts_us, limits.max_event_ts)
    keys, counted = columns.by_key(logs, late)
    clock = times.from_micros(clock_us)
    return Observed(keys, counted, dead, sampled, clock, bad)


def _runs(part: chunks.Chunk, limits: Limits) -> Iterator[_Read]:
    """Decode at once what can be; halving finds what is unusual, so that one bad record costs about
    one more decode of its chunk.
    """
    records = len(part.values)
    most, few = _BLOCK, _FEW
    if any(part.batch):
        most, few = _BLOCK // _ENVELOPE, 1

    read = _at_once(part, limits) if records <= most else None

    if read is not None:
        yield read
    elif records <= few:
        yield _one_by_one(part, limits)
    else:
        middle = records // 2
        yield from _runs(part.cut(0, middle), limits)
        yield from _runs(part.cut(middle, records), limits)


def _at_once(part: chunks.Chunk, limits: Limits) -> _Read | None:
    """All records in one decode; None if anything in them is unusual."""
    values = part.values
    count = len(values)
    if any(part.batch):
        values, sizes = _unwrapped(part)
        count = sum(sizes)
        if max(sizes) > events.ENVELOPE_MAX:
            return None

    joined = b"\n".join(values)
    decoded = decode.chunk(joined, count)
    if decoded is None:
        return None
    logs, as_columns = decoded
    if not _countable(as_columns.ts_us, part, limits):
        return None
    sampled = _sampled(joined, _chosen(logs))
    if sampled is None:
        return None

    none_bad = np.zeros(len(logs), dtype=np.bool_)
    return _Read(as_columns, [], sampled, none_bad)


def _unwrapped(part: chunks.Chunk) -> tuple[list[bytes], list[int]]:
    """Each record without the line breaks at an envelope's end, and how many lines it then has."""
    values: list[bytes] = []
    sizes: list[int] = []
    for value, batch in zip(part.values, part.batch, strict=True):
        lines = value.rstrip(b"\n") if batch else value
        values.append(lines)
        sizes.append(lines.count(b"\n") + 1 if batch else 1)
    return values, sizes


def _countable(
    ts_us: windows.Counts,
    part: chunks.Chunk,
    limits: Limits,
) -> bool:
    """Whether no log has a time for which it must become a dead letter."""
    if limits.check_time and not _timely(ts_us, part):
        return False
    if limits.keep_from is None:
        return True
    return bool(ts_us.min() >= times.micros(limits.keep_from))


def _timely(ts_us: windows.Counts, part: chunks.Chunk) -> bool:
    """Whether every log keeps the contract's two limits whatever record it came in."""
    first_us = min(part.appended_ms) * 1000
    last_us = max(part.appended_ms) * 1000
    ahead = int(ts_us.max()) - first_us
    behind = last_us - int(ts_us.min())
    return ahead <= _FUTURE_US and behind <= _PAST_US


def _chosen(logs: Sequence[decode.Log]) -> list[int]:
    """Places of the answers that people are to be asked about."""
    samples = [log.sample for log in logs]
    if samples.count(None) == len(samples):  # as mostly
        return []

    chosen = []
    for i, sample in enumerate(samples):
        if sample is not None and logs[i].error is None:
            chosen.append(i)
    return chosen


def _sampled(joined: bytes, chosen: Sequence[int]) -> list[events.ServingLog] | None:
    """The logs at these places, with everything checked that decode.Log leaves out; None if one is
    bad.
    """
    if not chosen:
        return []

    lines = joined.split(b"\n")
    logs: list[events.ServingLog] = []
    for i in chosen:
        log = events.serving_log(lines[i])
        if isinstance(log, events.Malformed):
            return None
        logs.append(log)
    return logs


def _one_by_one(part: chunks.Chunk, limits: Limits) -> _Read:
    logs: list[events.ServingLog] = []
    dead: list[DeadLetter] = []
    bad: list[bool] = []

    for i, value in enumerate(part.values):
        for line, raw in lines(value, batch=part.batch[i]):
            log = _log(raw, line, part, i, limits)
            if isinstance(log, events.Malformed):
                bad.append(True)
                dead.append(_letter(part.offsets[i], line, raw, log))
            else:
                bad.append(False)
                logs.append(log)

    as_columns = columns.of(logs, _times_us(logs))
    sampled = [log for log in logs if log.sample and log.error is None]
    return _Read(as_columns, dead, sampled, np.array(bad, dtype=np.bool_))


def _letter(offset: int, line: int, raw: bytes, why: events.Malformed) -> DeadLetter:
    return DeadLetter(
        offset,
        line=max(line, 0),  # an envelope that is too long is kept as its whole record
        reason=why.reason,
        detail=why.detail,
        raw=raw,
    )


def _times_us(logs: Sequence[events.ServingLog]) -> windows.Counts:
    instants = [times.micros(log.ts) for log in logs]
    return np.array(instants, dtype=np.int64)


def lines(value: bytes, *, batch: bool) -> Iterator[tuple[int, bytes]]:
    """The logs of a record, numbered: 0 for a single one, 1 .. inside an envelope; -1 for an
    envelope that is too long, kept whole.
    """
    if not batch:
        yield 0, value
        return

    numbered = enumerate(value.split(b"\n"), start=1)
    logs = [(number, line) for number, line in numbered if line.strip()]
    if len(logs) <= events.ENVELOPE_MAX:
        yield from logs
    else:
        yield -1, value


def _log(
    raw: bytes,
    line: int,
    part: chunks.Chunk,
    i: int,
    limits: Limits,
) -> events.ServingLog | events.Malformed:
    """The log of one line of the chunk's record i, or why it is not counted."""
    if line < 0:
        detail = f"more than {events.ENVELOPE_MAX} logs"
        return events.Malformed(events.Reason.ENVELOPE_TOO_LONG, detail)

    log = events.serving_log(raw)
    if isinstance(log, events.Malformed):
        return log
    if limits.keep_from is not None and log.ts < limits.keep_from:
        detail = "ts lies before the oldest minute that is still kept"
        return events.Malformed(events.Reason.TOO_LATE, detail)
    if not limits.check_time:
        return log

    untimely = events.untimely(
        log.ts,
        _appended(part.appended_ms[i]),
        by_producer=part.offsets[i] in part.by_producer,
    )
    return log if untimely is None else untimely


def _appended(ms: int) -> dt.datetime:
    """The append time. Where a topic takes the producer's own it may be any number: one beyond the
    calendar is as far off as its end.
    """
    not_before = max(ms * 1000, times.micros(times.FIRST))
    us = min(not_before, times.micros(times.LAST))
    return times.from_micros(us)


def _late(ts_us: windows.Counts, clock: dt.datetime | None) -> tuple[columns.Bools, int]:
    """Whether each log's minute had ended, grace included, by the partition's clock when it came;
    and the clock afterwards.
    """
    newest = np.maximum.accumulate(ts_us)
    start: Sequence[int] | windows.Counts = newest[:1]  # without a clock the first log sets it
    if clock is not None:
        start = [times.micros(clock)]
        newest = np.maximum(newest, start)

    before = np.concatenate((start, newest[:-1]))
    minute_end = (ts_us // columns.MINUTE_US + 1) * columns.MINUTE_US
    late: columns.Bools = minute_end <= before - _GRACE_US
    return late, int(newest[-1])


def joined(parts: Sequence[Observed]) -> tuple[list[Key], tallies.Tallies]:
    """The tallies of several chunks as one, each key once, in order."""
    every: list[Key] = []
    for part in parts:
        every += part.keys

    keys = sorted(set(every))
    place = {key: i for i, key in enumerate(keys)}
    places = [place[key] for key in every]
    into = np.array(places, dtype=np.int64)
    stacked = tallies.stacked([part.tallies for part in parts])
    return keys, stacked.merged(into, len(keys))


def tally(logs: Iterable[events.ServingLog]) -> windows.Tally:
    """The tally of logs, none of them late."""
    members = list(logs)
    as_columns = columns.of(members, _times_us(members))
    none_late = np.zeros(len(members), dtype=np.bool_)
    one_group = np.zeros(len(members), dtype=np.int64)
    stack = columns.grouped(as_columns, none_late, one_group, 1)
    return tallies.one(stack, 0)


def deleted(part: chunks.Chunk) -> DeadLetter:
    """The record of a gap: what retention deleted before anybody read it cannot be counted, but it
    is not passed over in silence.
    """
    last = part.low + part.deleted - 1
    gap = f"offsets {part.low} to {last} ({part.deleted} records)"
    detail = f"{gap} were deleted before they were read"
    return DeadLetter(part.low, 0, events.Reason.DELETED_UNREAD, detail, b"")
