"""Pure. Lines of serving logs -> what a replay asks of them: the tally of any window, the sampled
messages of any stretch, in a few array operations.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from retrain.evaluation import live, samples
from retrain.labels import distrust, labelled, lateness, votes
from schemas import events, policy, slices, tallies, times, windows
from streams.count import columns, decode

HOUR: Final = windows.HORIZONS["1h"]
HOUR_US: Final = HOUR // dt.timedelta(microseconds=1)
Key = tuple[str, int]


class Asked(NamedTuple):
    """A message of the measure queue: `ts_us` in microseconds since 1970, its confidence, inclusion
    probability and slices.
    """

    ts_us: int
    req_id: str
    model: str
    intent: str
    confidence: float
    p: float
    slices: int


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The champion's logs of one read: the tally of each model and hour (its start in
    microseconds), who was asked, the time of every log, shape (n,).
    """

    keys: Sequence[Key]
    counts: tallies.Tallies
    asked: Sequence[Asked]
    ts_us: windows.Counts

    @property
    def newest(self) -> dt.datetime:
        """The time of the newest log; the last there may be, of a history without one."""
        return times.from_micros(int(self.ts_us.max())) if len(self.ts_us) else times.LAST


@dataclass(frozen=True, slots=True, eq=False)
class Archive:
    """One model's history. `starts_us`, `starts` and `answers`: its hours with traffic, oldest
    first, a row of `counts` each; `asked`: by time, unlabelled; `said`: everything annotators ever
    said of them, ordered by row, annotator, time.
    """

    model: str
    starts_us: windows.Counts
    starts: Sequence[dt.datetime]
    counts: tallies.Tallies
    answers: Sequence[live.Hour]
    asked: samples.Sample
    said: votes.Votes

    def rows(self, start: dt.datetime, end: dt.datetime) -> windows.Counts:
        """Which of its hours begin at start <= t < end."""
        low, high = _between(self.starts_us, start, end)
        return np.arange(low, high)

    def tally(self, rows: windows.Counts) -> windows.Tally:
        """The tally of these hours together."""
        return tallies.total(self.counts.chosen(rows))

    def hours(self, rows: windows.Counts) -> dict[dt.datetime, live.Hour]:
        """The answers of these hours."""
        return {self.starts[i]: self.answers[i] for i in rows.tolist()}

    def sampled(
        self,
        start: dt.datetime,
        end: dt.datetime,
        as_of: dt.datetime,
        rules: policy.Labels,
    ) -> samples.Sample:
        """The messages with start <= ts < end, with the labels that held at `as_of`."""
        return self.judged(start, end, as_of, rules)[0]

    def judged(
        self,
        start: dt.datetime,
        end: dt.datetime,
        as_of: dt.datetime,
        rules: policy.Labels,
    ) -> tuple[samples.Sample, tuple[distrust.Aside, ...]]:
        """The same, and whose labels are not among them."""
        low, high = _between(self.asked.ts_us, start, end)
        asked = self.asked.chosen(slice(low, high))
        standing = votes.standing(self.said, low, high, times.micros(as_of))
        return labelled.judged(asked, standing, rules)

    def age(self, at: dt.datetime) -> dt.timedelta:
        """How late the labels are that people gave by `at`."""
        low, high = _between(self.asked.ts_us, at - lateness.LOOK_BACK, at)
        standing = votes.standing(self.said, low, high, times.micros(at))
        return lateness.age(self.asked.ts_us[low:high], standing, at)


def _ints(values: Sequence[int]) -> windows.Counts:
    return np.array(values, dtype=np.int64)


def _between(
    ts_us: windows.Counts,
    start: dt.datetime,
    end: dt.datetime,
) -> tuple[int, int]:
    """The places (first, one behind the last) in ordered microseconds of start <= t < end."""
    ends = [times.micros(start), times.micros(end)]
    low, high = np.searchsorted(ts_us, ends).tolist()
    return low, high


def block(lines: Sequence[bytes]) -> tuple[Block, list[tuple[int, events.Malformed]]]:
    """Decode and count lines of one log each; also which of them are malformed, by their place."""
    decoded = decode.chunk(b"\n".join(lines), len(lines))
    if decoded is not None:
        return _counted(*decoded), []

    # One unusual line, and all of the chunk are read one by one, as the contract has it.
    logs: list[events.ServingLog] = []
    malformed: list[tuple[int, events.Malformed]] = []
    for i, line in enumerate(lines):
        event = events.serving_log(line)
        if isinstance(event, events.Malformed):
            malformed.append((i, event))
        else:
            logs.append(event)

    ts_us = _ints([times.micros(log.ts) for log in logs])
    return _counted(logs, columns.of(logs, ts_us)), malformed


def _counted(
    logs: Sequence[events.ServingLog | decode.Log],
    chunk: columns.Columns,
) -> Block:
    keys, counts = _champion_hours(chunk, len(logs))
    is_champion = [role == "champion" for role in chunk.role]
    asked = []
    for log, ts, champion in zip(logs, chunk.ts_us.tolist(), is_champion, strict=True):
        sample = log.sample
        if not champion or sample is None or sample.queue != "measure":
            continue
        if log.intent is None or log.confidence is None:
            continue
        kinds = slices.of(sample.text)
        one = Asked(
            ts,
            log.req_id,
            log.model,
            log.intent,
            log.confidence,
            sample.p,
            kinds,
        )
        asked.append(one)

    of_champion = np.array(is_champion, dtype=np.bool_)
    return Block(keys, counts, asked, chunk.ts_us[of_champion])


def _champion_hours(
    chunk: columns.Columns,
    n: int,
) -> tuple[list[Key], tallies.Tallies]:
    """The tallies of a chunk of n logs by the model and hour of the champion."""
    nobody = np.zeros(n, dtype=np.bool_)
    minutes, counts = columns.by_key(chunk, nobody)
    keys = []
    places = []
    for place, (start, model, role) in enumerate(minutes):
        if role == "champion":
            hour_us = times.micros(start) // HOUR_US * HOUR_US
            keys.append((model, hour_us))
            places.append(place)
    return _merged(keys, counts.chosen(_ints(places)))


def _merged(
    keys: Sequence[Key],
    counts: tallies.Tallies,
) -> tuple[list[Key], tallies.Tallies]:
    """Each key once, in order, with the sum of its tallies."""
    distinct = sorted(set(keys))
    place = {key: i for i, key in enumerate(distinct)}
    into = _ints([place[key] for key in keys])
    return distinct, counts.merged(into, len(distinct))


def joined(blocks: Iterable[Block]) -> Block:
    """Several blocks as one."""
    nothing = Block([], tallies.from_rows([]), [], _ints([]))
    parts = [*blocks, nothing]  # of no blocks, too, there is something to stack
    every_key: list[Key] = []
    asked: list[Asked] = []
    for part in parts:
        every_key += part.keys
        asked += part.asked

    stacked = tallies.stacked([part.counts for part in parts])
    keys, counts = _merged(every_key, stacked)
    ts_us = np.concatenate([part.ts_us for part in parts])
    return Block(keys, counts, asked, np.sort(ts_us))


def archives(
    logs: Block,
    given: Sequence[events.HumanLabel],
) -> dict[str, Archive]:
    """An archive of every model. `given`: labels in the order people gave them."""
    rows: dict[str, list[int]] = {}
    for i, (model, _) in enumerate(logs.keys):
        rows.setdefault(model, []).append(i)

    asked: dict[str, list[Asked]] = {model: [] for model in rows}
    once: set[tuple[str, str]] = set()
    for one in sorted(logs.asked):
        # A message that was logged twice is asked about once, as in the database.
        if (one.model, one.req_id) not in once:
            once.add((one.model, one.req_id))
            asked[one.model].append(one)

    entries = [votes.entry(label) for label in given]
    archives = {}
    for model in rows:
        archives[model] = _archive(model, logs, rows[model], asked[model], entries)
    return archives


def _archive(
    model: str,
    logs: Block,
    rows: Sequence[int],
    asked: Sequence[Asked],
    entries: Sequence[votes.Entry],
) -> Archive:
    starts_us = _ints([logs.keys[i][1] for i in rows])
    counts = logs.counts.chosen(_ints(rows))
    return Archive(
        model=model,
        starts_us=starts_us,
        starts=[times.from_micros(us) for us in starts_us.tolist()],
        counts=counts,
        answers=_answers(counts),
        asked=_unlabelled(asked),
        said=votes.said([one.req_id for one in asked], entries),
    )


def _answers(counts: tallies.Tallies) -> list[live.Hour]:
    by_name = dict(zip(windows.SCALARS, counts.scalars.T, strict=True))
    answered = by_name["n"] - by_name["errors"]
    confidence = by_name["confidence_sum_micro"]
    answers = []
    for n, micro in zip(answered.tolist(), confidence.tolist(), strict=True):
        answers.append(live.Hour(n, micro / windows.MICRO))
    return answers


def _unlabelled(asked: Sequence[Asked]) -> samples.Sample:
    rows = []
    for one in asked:
        ts = times.from_micros(one.ts_us)
        rows.append((ts, one.intent, one.confidence, one.p, None))
    return samples.sample(rows, [one.slices for one in asked])
