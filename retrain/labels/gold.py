"""Pure. Gold questions: messages whose intent reviewers have verified, asked like any other. The
verified label holds whatever annotators say, and their answers show who errs, whoever is in the
majority.

Reviewers look at what was disputed, so an answer from before the message was verified says nothing
of its annotator.
"""

import datetime as dt
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from retrain.evaluation import samples
from retrain.labels import leaning, votes
from schemas import decisions, present, times

Ints = npt.NDArray[np.int64]

# As long an answer tells of its annotator: at the policy's share some ten of each intent.
LOOK_BACK: Final = dt.timedelta(days=28)
# So often even who always lies is right, and honest people are wrong by no more than the leeway.
_LUCK: Final = 0.1
_RIGHT: Final = 1 - leaning.LEEWAY


class Question(NamedTuple):
    """The intent that `by` has verified, and when."""

    intent: str
    at: dt.datetime
    by: str


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """m answers to gold questions, oldest first; arrays of shape (m,): the annotator's place in
    `names`, the verified intent and the one that was named as places in present.INTENTS.
    """

    names: tuple[str, ...]
    annotator: Ints
    verified: Ints
    named: Ints

    def __len__(self) -> int:
        """How many answers."""
        return len(self.annotator)

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Which name what was verified."""
        right: npt.NDArray[np.bool_] = self.verified == self.named
        return right

    def chosen(self, which: npt.NDArray[np.bool_]) -> "Answers":
        """Some of them: a mask of shape (m,)."""
        return Answers(
            self.names,
            self.annotator[which],
            self.verified[which],
            self.named[which],
        )

    def of(self, names: Collection[str]) -> "Answers":
        """Those of these annotators."""
        if not len(self):
            return self
        places = [place for place, name in enumerate(self.names) if name in names]
        return self.chosen(np.isin(self.annotator, places))


@dataclass(frozen=True, slots=True, eq=False)
class Gold:
    """What is verified of a sample: rows and their labels, shape (k,) each; and the answers to all
    gold questions, of whichever messages.
    """

    row: Ints
    label: samples.Places
    answers: Answers


_NOTHING: Final = np.array([], dtype=np.int64)
NO_ANSWERS: Final = Answers((), _NOTHING, _NOTHING, _NOTHING)
NONE: Final = Gold(_NOTHING, _NOTHING.astype(np.int16), NO_ANSWERS)


def of(
    questions: Mapping[str, Question],
    req_ids: Sequence[str],
    entries: Iterable[votes.Entry],
    as_of: dt.datetime,
) -> Gold:
    """Gold of the sample of messages `req_ids`. `entries`: everything that had been said of the
    questions by `as_of`.
    """
    rows = [row for row, req_id in enumerate(req_ids) if req_id in questions]
    labels = [present.INDEX[questions[req_ids[row]].intent] for row in rows]
    return Gold(
        np.array(rows, dtype=np.int64),
        np.array(labels, dtype=np.int16),
        answers(questions, entries, as_of),
    )


def answers(
    questions: Mapping[str, Question],
    entries: Iterable[votes.Entry],
    as_of: dt.datetime,
) -> Answers:
    """What annotators who had said nothing of a question before it was verified say of it now, if
    they have said so in LOOK_BACK.
    """
    asked = list(questions)
    ever = votes.said(asked, entries)
    verified_us = np.array([times.micros(questions[req_id].at) for req_id in asked], dtype=np.int64)
    verified = np.array([present.INDEX[questions[req_id].intent] for req_id in asked])

    early = ever.chosen(ever.at_us <= verified_us[ever.row])
    given = votes.named(votes.latest(ever))
    count = len(ever.names)
    knew = np.isin(given.row * count + given.annotator, early.row * count + early.annotator)
    old = given.at_us <= times.micros(as_of - LOOK_BACK)
    given = given.chosen(~knew & ~old)

    given = given.chosen(np.lexsort((given.row, given.annotator, given.at_us)))
    return Answers(
        given.names,
        given.annotator,
        verified[given.row],
        given.label.astype(np.int64),
    )


def evidence(n: Any, right: Any, share: float) -> Any:
    """How sure it is that `right` of `n` come from another share than this: the log likelihood
    ratio, in nats (Wilks, as in leaning.beyond). Numbers, or arrays of one shape.

    Six of six wrong, where an honest annotator has at least 85 % right:

    >>> round(float(evidence(6, 0, 0.85)), 2)
    11.38
    """
    # Who asks nobody, as the gateway, does not wait for it at the start.
    from scipy import special

    hits = special.rel_entr(right, n * share)
    return hits + special.rel_entr(n - right, n * (1 - share))


def needed(sources: int) -> int:
    """So many answers in one intent, all wrong, prove that one of so many annotators leans.

    >>> needed(3)
    6
    """
    return math.ceil(_proof(sources) / -math.log(leaning.LEEWAY))


def _proof(sources: int) -> float:
    """Evidence (nats) that proves a leaning: as between annotators, the chance is shared out."""
    return math.log(max(sources, 1) * len(present.INTENTS) * leaning.DAYS)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many gold questions an annotator has answered, and how many as they were verified;
    `needed`: answers of one intent that prove a leaning if all are wrong.
    """

    annotator: str
    answered: int
    right: int
    needed: int


def tallies(answers: Answers) -> list[Tally]:
    """Everybody who has answered any, by name."""
    sources = np.unique(answers.annotator).tolist()
    every = []
    for annotator in sources:
        right = answers.right[answers.annotator == annotator]
        tally = Tally(
            answers.names[annotator],
            len(right),
            int(right.sum()),
            needed(len(sources)),
        )
        every.append(tally)
    return every


def aside(answers: Answers) -> list[decisions.Aside]:
    """Who contradicts gold in an intent by more than honest people may beyond chance, in the
    newest answers, however many these are; each in the intent where that is surest.
    """
    sources = np.unique(answers.annotator).tolist()
    asides = []
    for annotator in sources:
        theirs = answers.chosen(answers.annotator == annotator)
        surest, intent = max((_against(theirs, i), i) for i in np.unique(theirs.verified).tolist())
        if surest > _proof(len(sources)):
            asides.append(_told(answers, annotator, intent, surest))
    return asides


def _against(theirs: Answers, intent: int) -> float:
    """The evidence that an annotator errs in an intent by more than the leeway: of the stretch up
    to the newest answer that shows it best.
    """
    newest_first = theirs.right[theirs.verified == intent][::-1]
    right = np.cumsum(newest_first)
    n = np.arange(1, len(right) + 1)
    errs = right < _RIGHT * n
    return float((evidence(n, right, _RIGHT) * errs).max())


def _told(answers: Answers, annotator: int, intent: int, surest: float) -> decisions.Aside:
    """The same for a person: what the annotator calls the intent, and what all others call it."""
    here = answers.chosen(answers.verified == intent)
    mine = here.named[here.annotator == annotator]
    others = here.named[here.annotator != annotator]

    right = float((mine == intent).mean())
    wrong = np.bincount(mine[mine != intent], minlength=len(present.INTENTS))
    named = int(wrong.argmax())
    return decisions.Aside(
        annotator=answers.names[annotator],
        n=len(mine),
        right=right,
        gap=right - 1,
        z=-math.sqrt(2 * surest),
        intent=present.INTENTS[intent],
        named=present.INTENTS[named],
        times=int(wrong[named]),
        others=len(others),
        others_times=int((others == named).sum()),
        gold=True,
    )


def clears(answers: Answers, name: str, gap: float, intent: int | None = None) -> bool:
    """Whether gold takes the side of an annotator who differs from all others by `gap` (ratio) in
    an intent, or in all: it confirms this one, and not the others.
    """
    if not len(answers):
        return False
    if intent is not None:
        answers = answers.chosen(answers.verified == intent)
    mine = answers.of({name})
    others = answers.of({*answers.names} - {name})
    return _confirms(mine, gap) and not _confirms(others, gap)


def _confirms(given: Answers, gap: float) -> bool:
    """Whether more answers are right than if whoever gave them were wrong as often as both sides
    differ.
    """
    share = max(1 - abs(gap), _LUCK)
    n, right = len(given), int(given.right.sum())
    sure = evidence(n, right, share) > math.log(leaning.DAYS)
    return bool(right > share * n and sure)
