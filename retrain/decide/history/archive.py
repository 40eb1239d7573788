"""Pure. Lines of serving logs -> what a replay asks of them: the tally of any window, the sampled
messages of any stretch, in a few array operations.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from retrain.evaluation import live
from retrain.labels import labelled, votes
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
    asked: live.Sample
    said: votes.Votes

    def rows(self, start: dt.datetime, end: dt.datetime) -> windows.Counts:
        """Which of its hours begin at start <= t < end."""
        low, high = np.searchsorted(
            self.starts_us, [times.micros(start), times.micros(end)]
        ).tolist()
        return np.arange(low, high)

    def tally(self, rows: windows.Counts) -> windows.Tally:
        """The tally of these hours together."""
        return tallies.one(
            self.counts.chosen(rows).merged(np.zeros(len(rows), dtype=np.int64), 1), 0
        )

    def hours(self, rows: windows.Counts) -> dict[dt.datetime, live.Hour]:
        """The answers of these hours."""
        return {self.starts[i]: self.answers[i] for i in rows.tolist()}

    def sampled(
        self, start: dt.datetime, end: dt.datetime, as_of: dt.datetime, rules: policy.Labels
    ) -> live.Sample:
        """The messages with start <= ts < end, with the labels that held at `as_of`."""
        low, high = np.searchsorted(
            self.asked.ts_us, [times.micros(start), times.micros(end)]
        ).tolist()
        return labelled.labelled(
            self.asked.chosen(slice(low, high)),
            votes.standing(self.said, low, high, times.micros(as_of)),
            rules,
        )


def block(lines: Sequence[bytes]) -> tuple[Block, list[tuple[int, events.Malformed]]]:
    """Decode and count lines of one log each; also which of them are malformed, by their place."""
    decoded = decode.chunk(b"\n".join(lines), len(lines))
    if decoded is not None:
        return _counted(*decoded), []
    each = [events.serving_log(line) for line in lines]
    logs = [log for log in each if isinstance(log, events.ServingLog)]
    ts_us = np.array([times.micros(log.ts) for log in logs], dtype=np.int64)
    return _counted(logs, columns.of(logs, ts_us)), [
        (i, found) for i, found in enumerate(each) if isinstance(found, events.Malformed)
    ]


def _counted(logs: Sequence[events.ServingLog | decode.Log], found: columns.Columns) -> Block:
    minutes, counts = columns.by_key(found, np.zeros(len(logs), dtype=np.bool_))
    mine = [
        (i, (model, times.micros(start) // HOUR_US * HOUR_US))
        for i, (start, model, role) in enumerate(minutes)
        if role == "champion"
    ]
    keys, merged = _merged(
        [key for _, key in mine], counts.chosen(np.array([i for i, _ in mine], dtype=np.int64))
    )
    champion = [role == "champion" for role in found.role]
    asked = [
        Asked(
            ts,
            log.req_id,
            log.model,
            log.intent,
            log.confidence,
            log.sample.p,
            slices.of(log.sample.text),
        )
        for log, ts, is_mine in zip(logs, found.ts_us.tolist(), champion, strict=True)
        if is_mine
        and log.sample is not None
        and log.sample.queue == "measure"
        and log.intent is not None
        and log.confidence is not None
    ]
    return Block(keys, merged, asked, found.ts_us[np.array(champion, dtype=np.bool_)])


def _merged(keys: Sequence[Key], counts: tallies.Tallies) -> tuple[list[Key], tallies.Tallies]:
    """Each key once, in order, with the sum of its tallies."""
    distinct = sorted(set(keys))
    place = {key: i for i, key in enumerate(distinct)}
    return distinct, counts.merged(
        np.array([place[key] for key in keys], dtype=np.int64), len(distinct)
    )


def joined(blocks: Iterable[Block]) -> Block:
    """Several blocks as one."""
    parts = [*blocks, Block([], tallies.from_rows([]), [], np.zeros(0, dtype=np.int64))]
    keys, counts = _merged(
        [key for part in parts for key in part.keys],
        tallies.stacked([part.counts for part in parts]),
    )
    return Block(
        keys,
        counts,
        [one for part in parts for one in part.asked],
        np.sort(np.concatenate([part.ts_us for part in parts])),
    )


def archives(found: Block, given: Sequence[events.HumanLabel]) -> dict[str, Archive]:
    """An archive of every model. `given`: labels in the order people gave them."""
    said = [votes.entry(label) for label in given]
    asked: dict[str, list[Asked]] = {model: [] for model, _ in found.keys}
    once: set[tuple[str, str]] = set()
    for one in sorted(found.asked):
        # A message that was logged twice is asked about once, as in the database.
        if (one.model, one.req_id) not in once:
            once.add((one.model, one.req_id))
            asked[one.model].append(one)
    rows: dict[str, list[int]] = {model: [] for model in asked}
    for i, (model, _) in enumerate(found.keys):
        rows[model].append(i)
    return {model: _archive(model, found, rows[model], asked[model], said) for model in asked}


def _archive(
    model: str,
    found: Block,
    rows: Sequence[int],
    asked: Sequence[Asked],
    said: Sequence[votes.Entry],
) -> Archive:
    starts_us = np.array([found.keys[i][1] for i in rows], dtype=np.int64)
    counts = found.counts.chosen(np.array(rows, dtype=np.int64))
    n, errors, confidence = (
        counts.scalars[:, windows.SCALARS.index(name)].tolist()
        for name in ("n", "errors", "confidence_sum_micro")
    )
    return Archive(
        model=model,
        starts_us=starts_us,
        starts=[times.from_micros(us) for us in starts_us.tolist()],
        counts=counts,
        answers=[
            live.Hour(n[i] - errors[i], confidence[i] / windows.MICRO) for i in range(len(rows))
        ],
        asked=live.sample(
            (
                (times.from_micros(one.ts_us), one.intent, one.confidence, one.p, None)
                for one in asked
            ),
            [one.slices for one in asked],
        ),
        said=votes.said([one.req_id for one in asked], said),
    )
