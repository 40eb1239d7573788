"""Count dead letters that are serving logs after all, each exactly once: one transaction a batch,
one redrive at a time.
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
        with self.engine.connect() as connection:
            raw = store.raw(
                connection,
                [
                    letter.place
                    for letter in chosen
                    if letter.reason != events.Reason.DELETED_UNREAD
                ],
            )
        found = [letter for letter in chosen if letter.place in raw]
        safe = [
            letter
            for letter in found
            if letter.reason != _KILLS or self._survived(letter, raw[letter.place])
        ]
        again = self._count(safe, raw)
        report.read += len(chosen)
        report.skipped += len(chosen) - len(found) + len(safe) - len(again)
        report.counted += sum(one.counted for one in again)
        report.envelopes += sum(one.apart for one in again)
        report.still_bad += collections.Counter([_KILLS] * (len(found) - len(safe)))
        for one in again:
            report.still_bad.update(
                [one.bad.reason] if one.bad else [line.reason for line in one.lines]
            )

    def _survived(self, letter: letters.Letter, raw: bytes) -> bool:
        """Whether a child process that decodes it, as one log and as an envelope, lives."""
        taster = poison.Taster(self.points.armed)
        try:
            return not any(
                killer
                for _, killer in taster.safe(letters.record(letter, raw, False, True, now=self.now))
            )
        finally:
            taster.close()

    def _count(
        self, chosen: Sequence[letters.Letter], raw: Mapping[letters.Place, bytes]
    ) -> list[letters.Redriven]:
        if not chosen:
            return []
        with self.engine.begin() as connection:
            store.alone(connection)
            still_open = store.still_open(connection, [letter.place for letter in chosen])
            clock, keep_from = (
                streams_store.clock(connection, self.topic),
                streams_store.keep_from(connection, self.topic),
            )
            limits = observe.Limits(clock, self.check_time, keep_from)
            again = [
                letters.redriven(letter, raw[letter.place], limits, self.now)
                for letter in chosen
                if letter.place in still_open
            ]
            self._partition(again)
            self._put(connection, again)
            self.points.passed("commit")
        self.points.passed("committed")
        return again

    def _partition(self, again: Sequence[letters.Redriven]) -> None:
        """The partitions of the minutes, in a transaction of its own: workers that need one must
        not wait for this batch.
        """
        with self.engine.begin() as connection:
            pane_store.make_partitions(
                connection,
                "pane_minute",
                retention.slots("pane_minute", [key[0] for one in again for key in one.seen.keys]),
            )

    def _put(self, connection: sa.Connection, again: Sequence[letters.Redriven]) -> None:
        good = [one for one in again if one.seen.keys]
        if good:
            pane_store.add_panes(connection, {PART: observe.joined([one.seen for one in good])})
        self.points.passed("panes")
        streams_store.add_sampled(connection, [log for one in again for log in one.seen.sampled])
        for one in again:
            streams_store.add_dead_letters(connection, self.topic, one.letter.place.part, one.lines)
            if one.bad and one.bad.reason != one.letter.reason:
                store.restate(connection, one.letter.place, one.bad)
        store.settle(connection, [one.letter.place for one in again if one.bad is None])
