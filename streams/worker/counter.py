"""What the stream worker does with a chunk, without Faust: claim partitions, count, flush. Ends the
process rather than lose or double a log.

An exception must never reach Faust: it would acknowledge the chunk. So whatever cannot be mended
here ends the process with the contract's exit code, unacknowledged, and the next owner reads on
from the offset in Postgres.
"""

import dataclasses
import datetime as dt
import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from schemas import events, messages, settings
from streams import identity, outbox, store
from streams.count import chunks, observe
from streams.end import End, end_process
from streams.panes import retention
from streams.panes import store as pane_store
from streams.worker import breaker, failpoints, poison
from streams.worker.ending import telling
from streams.worker.pending import Pending, joined
from streams.worker.retrying import Retrying

log = logging.getLogger("intentwatch.streams")


@dataclass(slots=True)
class Owned:
    """A partition of ours. `head`: the next offset to count, flushed or not; `on_trial`: its last
    owners died before they had settled, so a child decodes its chunks first.
    """

    epoch: int
    head: int
    max_event_ts: dt.datetime | None
    bad_until: int
    on_trial: bool
    health: breaker.Health = breaker.FRESH


class Counter:
    """Counts the chunks of the partitions this worker has claimed, and flushes what was counted in
    one transaction. Thread-safe.
    """

    def __init__(
        self,
        engine: sa.Engine,
        *,
        topic: str,
        check_time: bool,
        points: failpoints.Failpoints | None = None,
        end: End = end_process,
        beat: Callable[[], None] = lambda: None,
        topic_id: Callable[[], str | None] = lambda: "",
    ) -> None:
        self._engine = engine
        self._topic = topic
        self._check_time = check_time
        self._end = end
        self._told_end = telling(engine, topic, end)
        self._beat = beat
        self._ask_id = topic_id
        self._points = points or failpoints.Failpoints()
        self._persist = Retrying(self._told_end, beat)
        self._trial = poison.TrialDecoder(self._points.armed)
        self._owned: dict[int, Owned] = {}
        self._pending: dict[int, Pending] = {}
        self._settles_at = 0.0  # on the monotonic clock; infinite once it has
        self._keep_from: dt.datetime | None = None
        self._slots: set[dt.datetime] = set()
        self._state = threading.Lock()
        self._flushing = threading.RLock()
        self.waiting = 0  # logs counted and not flushed
        self.topic_id = ""  # of the topic that was claimed

    def claim(
        self,
        parts: Collection[int],
        seen: identity.Topic | None = None,
    ) -> dict[int, store.Claim]:
        """Become the owner of exactly these partitions, of the topic that was `seen`; returns where
        to read on. Ends the process where they were read of another topic.
        """
        topic_id = seen.id if seen else ""

        def attempt() -> tuple[dict[int, store.Claim], dict[int, Owned], dt.datetime | None]:
            with self._engine.begin() as connection:
                claims = store.claim(connection, self._topic, parts, seen)
                owned = {}
                for part, claim in claims.items():
                    owned[part] = self._as_owned(connection, part, claim, topic_id)
                keep_from = store.keep_from(connection, self._topic)
                return claims, owned, keep_from

        with self._flushing:
            claims, owned, keep_from = self._persist("claim partitions", attempt)
            for claim in claims.values():
                self.same(claim.topic_id or topic_id, topic_id)
            with self._state:
                self.topic_id = topic_id
                self._pending.clear()
                self.waiting = 0
                self._owned = owned
                self._keep_from = keep_from
                self._settles_at = time.monotonic() + poison.SETTLED_S
            return claims

    def _as_owned(
        self,
        connection: sa.Connection,
        part: int,
        claim: store.Claim,
        topic_id: str,
    ) -> Owned:
        place = (self._topic, part, claim.next_offset)
        bad = store.bad_before(connection, *place, breaker.MOST_OF, topic_id)
        return Owned(
            epoch=claim.epoch,
            head=claim.next_offset,
            max_event_ts=claim.max_event_ts,
            bad_until=claim.bad_until,
            on_trial=claim.stalls >= poison.AFTER_STALLS,
            health=breaker.resumed(bad, claim.bad_until, claim.next_offset),
        )

    def same(self, read: str, now: str) -> None:
        """End the process where the topic of this name is another one now than was read."""
        if read != now:
            self._told_end(identity.another(self._topic, read, now), settings.EXIT_INTEGRITY)

    def release(self) -> None:
        """Partitions are about to move to other workers: flush once if that can be done now, then
        own none. What is not flushed is read again by them.
        """
        with self._flushing:
            try:
                self._flush(lambda attempt: attempt())
                self._settle()
            except (sa.exc.SQLAlchemyError, store.Fenced) as error:
                why = str(error).splitlines()[0]
                log.warning(
                    "could not flush before a rebalance, the next owner reads again: %s", why
                )
            with self._state:
                self._pending.clear()
                self._owned = {}
                self.waiting = 0

    def epoch(self, part: int) -> int:
        """The epoch under which a partition is ours; 0 if it is not."""
        with self._state:
            return self._owned[part].epoch if part in self._owned else 0

    def behind(self, ends: Mapping[int, int]) -> int:
        """Records of the partitions owned that have not been counted yet. `ends`: where each
        partition ends.
        """
        unread = 0
        with self._state:
            for part, owned in self._owned.items():
                unread += max(0, ends.get(part, 0) - owned.head)
        return unread

    def add(self, chunk: chunks.Chunk) -> None:
        """Count a chunk; `flush` makes it last. What an earlier claim fetched, or was counted
        already, is dropped.
        """
        with self._state:
            owned = self._owned.get(chunk.part)
            if owned is None or owned.epoch != chunk.claim or chunk.high <= owned.head:
                return

            fresh = chunk.since(owned.head)
            if not owned.on_trial:
                self._add(owned, fresh, [])
                return
            for survived, killer in self._trial.safe(fresh):
                self._add(owned, survived, [killer] if killer else [])

    def _add(
        self,
        owned: Owned,
        chunk: chunks.Chunk,
        letters: list[observe.DeadLetter],
    ) -> None:
        if chunk.low > owned.head:
            gap = f"a chunk begins at {chunk.low}, expected {owned.head}"
            self._end(
                f"{chunk.topic}/{chunk.part}: {gap}; reading on from Postgres",
                settings.EXIT_INTEGRITY,
            )

        self._points.passed("decode")
        self._points.decoding(chunk.values)
        limits = observe.Limits(owned.max_event_ts, self._check_time, self._keep_from)
        seen = observe.chunk(chunk, limits)

        self._judge(owned, chunk, seen)

        if chunk.deleted:
            letters.append(observe.deleted(chunk))
        begun = Pending(owned.epoch, owned.head, owned.head, owned.max_event_ts)
        pending = self._pending.setdefault(chunk.part, begun)
        letters += seen.dead
        pending.seen.append(dataclasses.replace(seen, dead=letters))
        owned.head = pending.high = chunk.high
        owned.max_event_ts = pending.max_event_ts = seen.max_event_ts
        pending.leader_epoch = chunk.leader_epoch
        self.waiting += len(seen.bad) or 1

    def _judge(self, owned: Owned, chunk: chunks.Chunk, seen: observe.Observed) -> None:
        """Stop where so much is bad that a person must look first, and none has."""
        owned.health, trouble = breaker.after(owned.health, seen.bad)
        if trouble:
            if chunk.low >= owned.bad_until:
                self._stop_reading(chunk, owned, trouble, seen)
            owned.health = breaker.FRESH  # accepted: what comes after it is judged by itself

    def _stop_reading(
        self, chunk: chunks.Chunk, owned: Owned, trouble: str, seen: observe.Observed
    ) -> None:
        place = f"{chunk.topic}/{chunk.part}"
        trouble += f" ({', '.join(sorted({letter.reason for letter in seen.dead}))})"
        by_producer = any(events.PRODUCERS_TIME in letter.detail for letter in seen.dead)
        cause = breaker.cause(place, trouble, owned.head, by_producer=by_producer)
        remedy = breaker.remedy(place, chunk.high, by_producer=by_producer)

        def alarm() -> None:
            # Once until a person accepts: not for each start, nor for each partition of a bad
            # release.
            with self._engine.begin() as connection:
                accepted = store.accepted(connection, chunk.topic)
                raised = messages.AlarmRaised(
                    messages.bad_key(chunk.topic, self.topic_id, accepted),
                    f"The stream worker has stopped: {cause}",
                    remedy,
                )
                outbox.tell(connection, raised)

        self._persist("raise an alarm", alarm)
        self._end(f"{cause}; {remedy}", settings.EXIT_INTEGRITY)

    def flush(self) -> bool:
        """Put everything counted so far into Postgres, in one transaction. Returns when it is
        there, False where Kafka does not say whose it is; ends the process if it cannot be.
        """
        with self._flushing:
            try:
                stored = self._flush(
                    lambda attempt: self._persist("store what was counted", attempt)
                )
                if stored and time.monotonic() > self._settles_at:
                    self._persist("settle", self._settle)
            except store.Fenced as fenced:
                self._end(str(fenced), settings.EXIT_FENCED)
            return stored is not None

    def _flush(self, persist: Callable[[Callable[[], None]], None]) -> bool | None:
        """Whether there was something to store; None where it has to wait."""
        with self._state:
            taken = self._pending
            self._pending = {}
            waiting, self.waiting = self.waiting, 0
        if not taken:
            return False
        if not self._of_the_topic_claimed():
            with self._state:
                self._pending = joined(taken, self._pending)
                self.waiting += waiting
            return None

        moved = []
        counted = {}
        for part, p in sorted(taken.items()):
            moved.append(p.advance(part))
            if any(seen.keys for seen in p.seen):
                counted[part] = observe.joined(p.seen)

        persist(lambda: self._partition(_minutes(counted)))
        persist(lambda: self._store(moved, counted, taken))
        self._points.passed("committed")
        return True

    def _of_the_topic_claimed(self) -> bool:
        """Whether all that was fetched by now is of the topic that was claimed: an id that is still
        there has been there all the time. Ends the process where it is another's.
        """
        self._beat()
        now = self._ask_id()
        if now is not None:
            self.same(self.topic_id, now)
        return now is not None

    def _settle(self) -> None:
        """This worker has lived with its partitions for a while, or gives them back in order:
        nothing in them kills.
        """
        with self._state:
            epochs = {part: owned.epoch for part, owned in self._owned.items()}
        with self._engine.begin() as connection:
            store.settle(connection, self._topic, epochs)
        with self._state:
            self._settles_at = math.inf
            for owned in self._owned.values():
                owned.on_trial = False
            self._trial.close()

    def _partition(self, minutes: Iterable[dt.datetime]) -> None:
        """The partitions of these minutes, in a transaction of its own: making one must not wait
        for what a flush has locked.
        """
        new = set(retention.slots("pane_minute", minutes)) - self._slots
        if new:
            with self._engine.begin() as connection:
                pane_store.make_partitions(connection, "pane_minute", new)
            self._slots |= new

    def _store(
        self, moved: list[store.Advance], counted: pane_store.Counted, taken: dict[int, Pending]
    ) -> None:
        self._points.passed("begin")
        with self._engine.begin() as connection:
            if not store.advance(connection, self._topic, moved):
                return  # an earlier attempt had committed; only its answer was lost
            self._points.passed("offset")
            pane_store.add_panes(connection, counted)
            self._points.passed("panes")
            for part, pending in taken.items():
                self._keep(connection, part, pending.seen)
            self._keep_from = store.keep_from(connection, self._topic)
            self._points.passed("commit")

    def _keep(
        self,
        connection: sa.Connection,
        part: int,
        seen: Iterable[observe.Observed],
    ) -> None:
        dead: list[observe.DeadLetter] = []
        sampled: list[events.ServingLog] = []
        for chunk in seen:
            dead += chunk.dead
            sampled += chunk.sampled
        store.add_dead_letters(connection, self._topic, part, dead, self.topic_id)
        store.add_sampled(connection, sampled)

        for letter in dead:
            if letter.reason == events.Reason.DELETED_UNREAD:
                place = f"{self._topic}/{part}"
                alarm = messages.AlarmRaised(
                    f"{place}:deleted:{letter.offset}",
                    f"{place}: {letter.detail}; windows of that time are short of them",
                    "raise the topic's retention, or start more stream workers",
                    lasts=False,
                )
                outbox.tell(connection, alarm)


def _minutes(counted: pane_store.Counted) -> Iterator[dt.datetime]:
    for keys, _ in counted.values():
        for minute, *_ in keys:
            yield minute
