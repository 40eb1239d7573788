"""Carry the outbox to Slack: at least once, in order within a thread, without a double wherever
Slack lets us look. Never raises on account of Slack.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from schemas import messages
from services.notifier import compose, slack, store
from streams.stages import rounds

Delivery = messages.Delivery

# About nine hours at the longest wait: a night without Slack loses nothing.
MAX_ATTEMPTS: Final = 120
UNFORESEEN: Final = 3  # attempts that end in an error nobody foresaw
LONGEST_WAIT_S: Final = 300.0
# Over the longest an attempt can take, so nobody takes a message that is still on its way.
LEASE_S: Final = 90.0
# Waiting cures none of these: the message itself is wrong.
_HOPELESS: Final = frozenset(
    (
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_too_long",
        "msg_blocks_too_long",
        "no_text",
        "invalid_arguments",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "metadata_too_large",
        "too_many_attachments",
        "markdown_text_conflict",
    )
)
_GONE: Final = frozenset(
    (
        "message_not_found",
        "thread_not_found",
        "cant_update_message",
        "edit_window_closed",
        "channel_not_found",
        "is_inactive",
    )
)

warn = logging.getLogger("intentwatch.notifier").warning


@dataclass(frozen=True, slots=True)
class Later:
    """Try again after so many seconds."""

    after_s: float
    error: str


@dataclass(frozen=True, slots=True)
class Parked:
    """Set aside: a person has to look."""

    error: str


def after(failure: Exception, attempts: int) -> Later | Parked:
    """Pure. What follows a failed attempt, the `attempts`-th.

    >>> after(slack.NotSent("Slack asks us to wait (429)", 7.0), 1)
    Later(after_s=7.0, error='not sent: Slack asks us to wait (429)')
    >>> after(slack.Unclear("no answer"), 3)
    Later(after_s=8.0, error='unclear: no answer')
    >>> after(slack.Refused("invalid_blocks"), 1)
    Parked(error='Slack says invalid_blocks')
    >>> after(MemoryError(), 1), after(KeyError("gates"), 3)
    (Later(after_s=2.0, error='unclear: MemoryError'), Parked(error="KeyError: 'gates'"))
    """
    if isinstance(failure, compose.NotComposable):
        return Parked(str(failure))
    if not isinstance(failure, slack.NotSent | slack.Unclear):
        # No message can be made of the row, or of what this process has left.
        words = rounds.said(failure)
        if attempts >= UNFORESEEN:
            return Parked(words)
        return Later(2.0**attempts, Delivery.UNCLEAR.because(words))

    hopeless = isinstance(failure, slack.Refused) and failure.code in _HOPELESS
    if hopeless or attempts >= MAX_ATTEMPTS:
        return Parked(str(failure))

    delivery, asked = Delivery.UNCLEAR, None
    if isinstance(failure, slack.NotSent):
        delivery, asked = Delivery.NOT_SENT, failure.retry_after_s
    wait = 2.0 ** min(attempts, 10) if asked is None else asked
    return Later(min(wait, LONGEST_WAIT_S), delivery.because(str(failure)))


@dataclass(frozen=True, slots=True)
class Carrier:
    """What delivering needs. `board`: where people reach the dashboard; None: no message links to
    it.
    """

    engine: sa.Engine
    client: slack.Slack
    board: str | None = None

    def drain(self, stopping: Callable[[], bool]) -> float:
        """Deliver what is due until nothing is or Slack fails; returns how many seconds Slack asked
        us to leave it alone.
        """
        while not stopping():
            with self.engine.begin() as connection:
                row = store.claim(connection, LEASE_S)
            if row is None:
                return 0
            try:
                self._deliver(row)
            except sa.exc.SQLAlchemyError:
                raise  # says nothing of the message
            except Exception as failure:
                verdict = self._put_off(row, failure)
                if isinstance(verdict, Parked):
                    continue
                # What befell this one would befall the next.
                asked = isinstance(failure, slack.NotSent) and failure.retry_after_s is not None
                return verdict.after_s if asked else 0
        return 0

    def _put_off(self, row: store.Row, failure: Exception) -> Later | Parked:
        verdict = after(failure, row.attempts + 1)
        with self.engine.begin() as connection:
            if isinstance(verdict, Later):
                store.postpone(connection, row, verdict.after_s, verdict.error)
                warn(
                    "message %s, attempt %d, %s; again in %.0f s",
                    row.dedupe_key,
                    row.attempts + 1,
                    verdict.error,
                    verdict.after_s,
                )
            else:
                store.park(connection, row, verdict.error)
                warn("message %s is parked: %s", row.dedupe_key, verdict.error)
        return verdict

    def _deliver(self, row: store.Row) -> None:
        with self.engine.connect() as connection:
            rows = store.thread(connection, row)
            posted = store.place(connection, row.thread_key)
        if row not in rows:
            return  # what is newer has taken its place
        root = compose.root([_told(each) for each in rows], self.board)
        place = slack.Place(*posted) if posted else None
        if place is not None and self._edited(place, root):
            self._reply(row, place)
        else:
            # The thread has no message yet, or somebody removed it: the root tells everything so
            # far.
            place = self._root(row, rows, root)
        with self.engine.begin() as connection:
            store.settle(connection, row, place.channel, place.ts)

    def _edited(self, place: slack.Place, root: compose.Message) -> bool:
        try:
            self.client.update(place, root)
        except slack.Refused as refused:
            if refused.code not in _GONE:
                raise
            return False
        return True

    def _root(self, row: store.Row, rows: list[store.Row], root: compose.Message) -> slack.Place:
        """Post the thread's message, unless an attempt that nobody confirmed has."""
        marks = [_mark(each) for each in rows if each.maybe_posted]
        if marks:
            try:
                posted = self.client.find(marks, since=rows[0].created_at)
            except slack.Refused:
                # Slack does not let us look: rather a double that says so than silence.
                root = compose.possible_duplicate(root)
            else:
                if posted is not None:
                    self.client.update(posted, root)
                    return posted
        return self.client.post(root, _mark(row))

    def _reply(self, row: store.Row, place: slack.Place) -> None:
        """Add the row's line to the thread, unless an attempt that nobody confirmed has."""
        line = compose.reply(_told(row))
        if line is None:
            return
        if row.maybe_posted:
            try:
                if self.client.find([_mark(row)], since=row.created_at, thread=place):
                    return
            except slack.Refused:
                line = compose.possible_duplicate(line)
        self.client.reply(place, line, _mark(row))


def _told(row: store.Row) -> compose.Told:
    return compose.Told(row.kind, row.payload, row.created_at)


def _mark(row: store.Row) -> slack.Mark:
    return slack.Mark(row.id, row.dedupe_key)
