"""Deliver dead letters to the counting again. Those that are serving logs after all are counted,
each exactly once: one transaction a batch, one redrive at a time.
"""

import collections
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa

from schemas import events
from services.redrive import letters, store
from streams import store as streams_store
from streams.count import observe
from streams.panes import retention
from streams.panes import store as pane_store
from streams.worker import failpoints, poison

# The pane partition of redriven logs: no worker owns it, so nothing a worker writes is touched.
PART: Final = -1
_KILLS: Final = events.Reason.KILLS_WORKER


@dataclass(slots=True)
class Report:
    """What came of it. In letters, except `counted`: in logs, of which a letter that is an envelope
    holds several.

    skipped: redriven meanwhile, or without bytes. envelopes: how many were taken apart into their
    logs and, where a line is bad, letters of its own.
    """

    read: int = 0
    counted: int = 0
    still_bad: collections.Counter[str] = field(default_factory=collections.Counter)
    skipped: int = 0
    envelopes: int = 0


@dataclass(frozen=True, slots=True)
class Redrive:
    """Where and how: `check_time` as the worker's, `now` as the append time of every letter."""

    engine: sa.Engine
    topic: str
    now: dt.datetime
    check_time: bool
    points: failpoints.Failpoints

    def batch(self, chosen: Sequence[letters.Letter], report: Report) -> None:
        """Redrive these letters. Whatever ends it before the commit leaves all of them as they
        were.
        """
        raw = self._raw(chosen)
        safe = []
        killers = 0
        for letter in chosen:
            if letter.place not in raw:
                continue
            if letter.reason != _KILLS or self._survived(letter, raw[letter.place]):
                safe.append(letter)
            else:
                killers += 1
        again = self._count(safe, raw)

        report.read += len(chosen)
        report.skipped += len(chosen) - killers - len(again)
        if killers:
            report.still_bad[_KILLS] += killers
        for one in again:
            _note(report, one)

    def _raw(self, chosen: Sequence[letters.Letter]) -> dict[letters.Place, bytes]:
        """The bytes of those letters that still have them; a gap in the log never had any."""
        places = []
        for letter in chosen:
            if letter.reason != events.Reason.DELETED_UNREAD:
                places.append(letter.place)
        with self.engine.connect() as connection:
            return store.raw(connection, places)

    def _survived(self, letter: letters.Letter, raw: bytes) -> bool:
        """Whether a child process that decodes it, as one log and as an envelope, lives."""
        trial = poison.TrialDecoder(self.points.armed)
        record = letters.record(letter, raw, False, True, now=self.now)
        try:
            return all(killer is None for _, killer in trial.safe(record))
        finally:
            trial.close()

    def _count(
        self,
        chosen: Sequence[letters.Letter],
        raw: Mapping[letters.Place, bytes],
    ) -> list[letters.Redriven]:
        if not chosen:
            return []
        places = [letter.place for letter in chosen]
        with self.engine.begin() as connection:
            store.alone(connection)
            still_open = store.still_open(connection, places)
            clock = streams_store.clock(connection, self.topic)
            keep_from = streams_store.keep_from(connection, self.topic)
            limits = observe.Limits(clock, self.check_time, keep_from)

            again = []
            for letter in chosen:
                if letter.place in still_open:
                    content = raw[letter.place]
                    one = letters.redriven(
                        letter,
                        content,
                        limits,
                        self.now,
                    )
                    again.append(one)
            self._partition(again)
            self._put(connection, again)
            self.points.passed("commit")
        self.points.passed("committed")
        return again

    def _partition(self, again: Sequence[letters.Redriven]) -> None:
        """The partitions of the minutes, in a transaction of its own: workers that need one must
        not wait for this batch.
        """
        minutes = []
        for one in again:
            for minute, *_ in one.seen.keys:
                minutes.append(minute)
        slots = retention.slots("pane_minute", minutes)
        with self.engine.begin() as connection:
            pane_store.make_partitions(connection, "pane_minute", slots)

    def _put(self, connection: sa.Connection, again: Sequence[letters.Redriven]) -> None:
        counted = [one.seen for one in again if one.seen.keys]
        if counted:
            pane_store.add_panes(connection, {PART: observe.joined(counted)})
        self.points.passed("panes")

        sampled: list[events.ServingLog] = []
        for one in again:
            sampled += one.seen.sampled
        streams_store.add_sampled(connection, sampled)

        settled = []
        for one in again:
            place = one.letter.place
            streams_store.add_dead_letters(
                connection,
                self.topic,
                place.part,
                one.lines,
                place.topic_id or "",
            )
            if one.bad is None:
                settled.append(place)
            elif one.bad.reason != one.letter.reason:
                store.restate(connection, place, one.bad)
        store.settle(connection, settled)


def _note(report: Report, one: letters.Redriven) -> None:
    report.counted += one.counted
    report.envelopes += one.apart
    if one.bad:
        report.still_bad[one.bad.reason] += 1
    for line in one.lines:
        report.still_bad[line.reason] += 1
