"""Pure. What each annotator says of sampled messages -> the label that holds. A source that nobody should believe is set aside first.

Messages come to annotators whatever they say, so of the same hours all of them must find the classifier about equally often right. One that differs
by much is a broken instrument, not a drift: a drift shows in everybody's labels. And no source fills a day: beyond a cap its labels do not count.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retrain.evaluation import live, wishes
from schemas import policy, present, times

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_DAY_US: Final = 86_400_000_000
_SHIFT_US: Final = 3 * 3_600_000_000  # long enough to hold labels of several sources, too short for a drift to come between them
_PROVEN_Z = 4.0  # one honest source in some 16,000 is beyond it; it is asked of every source at every hour


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """What annotators say now, m votes, one an annotator and message: place of the message in its sample, of the annotator in `names` (which are in
    order), when it was said in microseconds since 1970, the label as a place in present.INTENTS, and further intents, as wishes
    has them. Each array has m rows.
    """

    names: tuple[str, ...]
    row: Ints
    annotator: Ints
    at_us: Ints
    label: live.Places
    also: wishes.Sets

    def __len__(self) -> int:
        """How many votes."""
        return len(self.row)

    def chosen(self, which: Any) -> "Votes":
        """Some of them: a mask of shape (m,) or places."""
        return Votes(self.names, self.row[which], self.annotator[which], self.at_us[which], self.label[which], self.also[which])


@dataclass(frozen=True, slots=True)
class Aside:
    """A source that is not believed: its `n` labels, the share of them by which the classifier was right, and by how much that differs from all others'
    of the same hours (ratio, with its z-score).
    """

    annotator: str
    n: int
    right: float
    gap: float
    z: float


def of(names: tuple[str, ...], entries: Sequence[tuple[int, int, int, int, int]]) -> Votes:
    """Votes from (row, annotator, at_us, label, also), where `also` has one bit an intent."""
    row, annotator, at_us, label = np.array([entry[:4] for entry in entries], dtype=np.int64).reshape(-1, 4).T
    return Votes(names, row, annotator, at_us, label.astype(np.int16), wishes.of([entry[4] for entry in entries]))


def bits(intents: Iterable[str]) -> int:
    """One bit for each intent."""
    return sum(1 << present.INDEX[intent] for intent in set(intents))


def votes(req_ids: Sequence[str], said: Iterable[tuple[str, str, dt.datetime, str, Sequence[str]]]) -> Votes:
    """Votes on the messages `req_ids`, in their order, from (request, annotator, aware time, intent, further intents), one an annotator and request, in
    any order.
    """
    rows: dict[str, list[int]] = {}
    for row, req_id in enumerate(req_ids):  # a request that two models answered has two rows
        rows.setdefault(req_id, []).append(row)
    given = list(said)
    names = tuple(sorted({one[1] for one in given}))
    number = {name: i for i, name in enumerate(names)}
    found = [
        (row, number[annotator], times.micros(at), present.INDEX[intent], bits(also))
        for req_id, annotator, at, intent, also in given
        for row in rows.get(req_id, ())
    ]  # fmt: skip
    return of(names, sorted(found))


def labelled(asked: live.Sample, votes: Votes, rules: policy.Labels) -> live.Sample:
    """The sample with the label that holds for each message: the newest of those that count, of equally new ones the first annotator's by name."""
    counted = within_cap(votes, rules.per_annotator_per_day)
    distrusted = [votes.names.index(one.annotator) for one in aside(asked, counted, rules.source_gap)]
    found = counted.chosen(~np.isin(counted.annotator, distrusted)) if distrusted else counted
    order = np.lexsort((-found.annotator, found.at_us, found.row))  # of several to one row numpy keeps the last
    label, also = np.full(len(asked), live.UNLABELLED, dtype=np.int16), wishes.none(len(asked))
    label[found.row[order]], also[found.row[order]] = found.label[order], found.also[order]
    return replace(asked, label=label, also=also)


def standing(said: Votes, low: int, high: int, as_of_us: int) -> Votes:
    """What annotators had last said by an instant of the messages low <= row < high, which become the rows 0 to high - low.

    `said`: everything they ever said, ordered by row, annotator, time; UNLABELLED where one took back a label.
    """
    found = said.chosen(slice(*np.searchsorted(said.row, [low, high]).tolist()))
    known = found.chosen(found.at_us <= as_of_us)
    last = np.diff(known.row * len(known.names) + known.annotator, append=-1) != 0
    now = known.chosen(last & (known.label != live.UNLABELLED))
    return replace(now, row=now.row - low)


def within_cap(votes: Votes, most: int) -> Votes:
    """The votes that are among the first `most` of their annotator's UTC day, of those given; training (caps.split) counts all sampled messages."""
    if len(votes) <= most:
        return votes
    source = votes.annotator * (1 << 32) + votes.at_us // _DAY_US
    order = np.lexsort((votes.row, votes.at_us, source))
    first = np.flatnonzero(np.diff(source[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    return votes.chosen(np.sort(order[rank < most]))


def aside(asked: live.Sample, votes: Votes, gap: float) -> tuple[Aside, ...]:
    """Which sources differ from all others by more than `gap` (ratio), beyond chance; the one that differs most surely first, then the rest anew.

    Of two that contradict each other alone neither is surer: the one that came later goes.
    """
    found: list[Aside] = []
    while len(np.unique(votes.annotator)) > 1:
        n, right, differs, z = _against_others(asked, votes)
        beyond = np.flatnonzero((np.abs(differs) > gap) & (np.abs(z) > _PROVEN_Z))
        if not len(beyond):
            break
        came = {i: int(votes.at_us[votes.annotator == i].min()) for i in beyond.tolist()}
        worst = max(came, key=lambda i: (round(abs(float(z[i])), 6), came[i], i))
        found.append(Aside(votes.names[worst], int(n[worst]), float(right[worst] / n[worst]), float(differs[worst]), float(z[worst])))
        votes = votes.chosen(votes.annotator != worst)
    return tuple(found)


def _against_others(asked: live.Sample, votes: Votes) -> tuple[Ints, Ints, Floats, Floats]:
    """Of each annotator: labels; those that agree with the classifier; Mantel-Haenszel's risk difference to all others over shifts; its z (Cochran 1954)."""
    shifts, shift = np.unique(asked.ts_us[votes.row] // _SHIFT_US, return_inverse=True)
    cell, shape = votes.annotator * len(shifts) + shift, (len(votes.names), len(shifts))
    agrees = (asked.predicted[votes.row] == votes.label).astype(np.int64)
    n = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
    right = np.bincount(cell[agrees == 1], minlength=shape[0] * shape[1]).reshape(shape)
    all_n, all_right = n.sum(axis=0), right.sum(axis=0)
    others, others_right = all_n - n, all_right - right
    weight = (n * others / all_n).sum(axis=1)
    difference = ((right * others - others_right * n) / all_n).sum(axis=1)
    spread = np.where(all_n > 1, n * others * (all_right * (all_n - all_right) / np.maximum(all_n**2 * (all_n - 1), 1)), 0.0).sum(axis=1)
    differs = np.divide(difference, weight, out=np.zeros(shape[0]), where=weight > 0)
    z = np.divide(difference, np.sqrt(spread), out=np.zeros(shape[0]), where=spread > 0)
    return n.sum(axis=1), right.sum(axis=1), differs, z
