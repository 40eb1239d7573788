"""Pure. What annotators ever said of messages -> which label of a message holds. Training, live
accuracy, replay, queue and export ask here.

The rule: of each annotator the newest entry counts, unless it takes a label back; of several
annotators the newest vote holds, of equally new ones the first annotator's by name. Of two entries
of one annotator in one instant that of the smaller id is the newer. That nobody can tell is a vote
like any other: where it holds the message is answered and has no label.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from retrain.evaluation import samples, wishes
from schemas import events, present, times

Ints = npt.NDArray[np.int64]


class Entry(NamedTuple):
    """One thing an annotator said of a request: an intent with further ones, that it cannot be
    told, or neither, which takes back what was said before. `labelled_at` is aware. `source`: its
    id, or the label that has it.
    """

    req_id: str
    annotator: str
    labelled_at: dt.datetime
    source: str | events.HumanLabel
    intent: str | None
    also: Sequence[str] = ()
    cannot_tell: bool = False

    @property
    def id(self) -> str:
        """The label's id. Worked out when it is asked for: a hash of a year's labels takes longer
        than to order them.
        """
        return self.source if isinstance(self.source, str) else events.label_id(self.source)


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """m votes, each array of shape (m,): place of the message in its sample, of the annotator in
    `names` (in order), when it was said in microseconds since 1970, the label as a place in
    present.INTENTS (UNLABELLED where it takes one back, CANNOT_TELL where there is none to
    tell), further intents, as wishes has them.
    """

    names: tuple[str, ...]
    row: Ints
    annotator: Ints
    at_us: Ints
    label: samples.Places
    also: wishes.Sets

    def __len__(self) -> int:
        """How many votes."""
        return len(self.row)

    def chosen(self, which: Any) -> "Votes":
        """Some of them: a slice, a mask of shape (m,), or places."""
        if isinstance(which, np.ndarray) and which.dtype == np.bool_:
            which = np.flatnonzero(which)  # read once, not for every column
        return Votes(
            self.names,
            self.row[which],
            self.annotator[which],
            self.at_us[which],
            self.label[which],
            self.also[which],
        )


def entry(label: events.HumanLabel) -> Entry:
    """A label as the rule takes it."""
    intent = None
    if label.action == "label" and label.intent is not None:
        intent = present.survivor(label.intent)
    cannot_tell = label.action == "cannot_tell"
    return Entry(
        label.req_id,
        label.annotator,
        label.labelled_at,
        label,
        intent,
        label.also,
        cannot_tell,
    )


def ordered(entries: Iterable[Entry]) -> list[Entry]:
    """By request and annotator, each one's oldest first: the last is what counts."""
    return sorted(entries, key=lambda entry: (*entry[:3], _LargerIdFirst(entry)))


@dataclass(frozen=True, slots=True, eq=False)
class _LargerIdFirst:
    """Orders entries of one instant; of any others it is not asked."""

    entry: Entry

    def __lt__(self, other: "_LargerIdFirst") -> bool:
        return self.entry.id > other.entry.id


def said(req_ids: Sequence[str], entries: Iterable[Entry]) -> Votes:
    """Everything annotators ever said of the messages `req_ids`, ordered by message, annotator and
    time.

    A request that two models answered has two rows. Entries on other requests are left out.
    """
    rows_of: dict[str, list[int]] = {}
    for number, req_id in enumerate(req_ids):
        rows_of.setdefault(req_id, []).append(number)
    mine = ordered(entry for entry in entries if entry.req_id in rows_of)
    names = tuple(sorted({entry.annotator for entry in mine}))
    place = {name: number for number, name in enumerate(names)}

    votes: list[tuple[int, int, int, int, int]] = []
    for entry in mine:
        numbers = _numbers(entry, place)
        for number in rows_of[entry.req_id]:
            votes.append((number, *numbers))
    votes.sort(key=lambda vote: vote[:2])  # stable: each annotator's order in time stays

    columns = np.array([vote[:4] for vote in votes], dtype=np.int64)
    row, annotator, at_us, label = columns.reshape(-1, 4).T
    # Apart: the bits of a large taxonomy do not fit into 64.
    also = wishes.of([vote[4] for vote in votes])
    return Votes(names, row, annotator, at_us, label.astype(np.int16), also)


def _numbers(entry: Entry, place: Mapping[str, int]) -> tuple[int, int, int, int]:
    """Place of the annotator, instant in microseconds, label, further intents as bits."""
    label = samples.UNLABELLED if entry.intent is None else present.INDEX[entry.intent]
    if entry.cannot_tell:
        label = samples.CANNOT_TELL
    return place[entry.annotator], times.micros(entry.labelled_at), label, bits(entry.also)


def bits(intents: Iterable[str]) -> int:
    """One bit for each intent."""
    return sum(1 << present.INDEX[intent] for intent in set(intents))


def standing(ever: Votes, low: int, high: int, as_of_us: int) -> Votes:
    """What each annotator had last said by an instant of the messages low <= row < high, which
    become the rows 0 to high - low. `ever`: as `said` orders it.
    """
    begin, end = np.searchsorted(ever.row, [low, high]).tolist()
    here = ever.chosen(slice(begin, end))
    by_then = here.chosen(here.at_us <= as_of_us)

    source = by_then.row * len(by_then.names) + by_then.annotator
    last = np.diff(source, append=-1) != 0
    not_taken_back = by_then.label != samples.UNLABELLED
    standing_now = by_then.chosen(last & not_taken_back)
    return replace(standing_now, row=standing_now.row - low)


def latest(ever: Votes) -> Votes:
    """What each annotator says of every message after everything that was ever said."""
    last_row = int(ever.row.max(initial=-1)) + 1
    return standing(ever, 0, last_row, int(ever.at_us.max(initial=0)))


def holding(votes: Votes) -> Votes:
    """Of what annotators say (`standing`) the vote that holds of each message, in the order of
    messages.
    """
    begins = np.flatnonzero(np.diff(votes.row, prepend=-1))
    if len(begins) == len(votes):  # one vote a message, as mostly
        return votes
    sizes = np.diff(begins, append=len(votes))
    newest_us = np.maximum.reduceat(votes.at_us, begins)
    newest = np.flatnonzero(votes.at_us == np.repeat(newest_us, sizes))
    # Of one message they stand in the order of annotators.
    first = np.diff(votes.row[newest], prepend=-1) != 0
    return votes.chosen(newest[first])


def named(votes: Votes) -> Votes:
    """Those that name an intent."""
    return votes.chosen(votes.label >= 0)


def conflicts(votes: Votes) -> Ints:
    """The messages, by row, of which annotators name different intents (`standing`)."""
    votes = named(votes)
    labels_of_rows = np.stack([votes.row, votes.label.astype(np.int64)], axis=1)
    different = np.unique(labels_of_rows, axis=0)
    rows, labels = np.unique(different[:, 0], return_counts=True)
    return rows[labels > 1]


def told(votes: Votes, req_ids: Sequence[str]) -> list[Entry]:
    """Votes as people's entries again, without the ids; `req_ids` as `said` was given them."""
    entries = []
    for row, annotator, at_us, label, also in zip(
        votes.row.tolist(),
        votes.annotator.tolist(),
        votes.at_us.tolist(),
        votes.label.tolist(),
        wishes.places(votes.also),
        strict=True,
    ):
        entry = Entry(
            req_id=req_ids[row],
            annotator=votes.names[annotator],
            labelled_at=times.from_micros(at_us),
            source="",
            intent=present.INTENTS[label] if label >= 0 else None,
            also=tuple(present.INTENTS[place] for place in also),
            cannot_tell=label == samples.CANNOT_TELL,
        )
        entries.append(entry)
    return entries
