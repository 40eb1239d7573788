"""Pure. Which sources of labels nobody should believe.

Messages come to annotators whatever they say, so of the same hours all of them must find the
classifier about equally often right. One that differs by much is a broken instrument, not a drift:
a drift shows in everybody's labels.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from retrain.evaluation import samples
from retrain.labels import gold, leaning, shifts
from retrain.labels.votes import Votes, named
from schemas import decisions, times

Aside = decisions.Aside
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# One honest source in some 16,000 is beyond it; it is asked of every source at every hour.
_PROVEN_Z: Final = 4.0
_WHOLE: Final = np.array([0])  # the span that begins with the first shift


class Doubt(NamedTuple):
    """An annotator whose labels of the messages with start <= ts < end are not believed."""

    annotator: str
    start: dt.datetime
    end: dt.datetime
    why: str = ""


def aside(
    asked: samples.Sample,
    votes: Votes,
    gap: float,
    answers: gold.Answers = gold.NO_ANSWERS,
) -> tuple[Aside, ...]:
    """Which sources differ from all others beyond chance, by more than `gap` (ratio) in all or by
    more than leaning.LEEWAY in one intent; the one that differs most surely first, then the rest
    anew.

    Before all others who contradicts gold (`answers`); whom gold takes the side of stays. Of two
    that differ in all, and contradict each other alone, neither is surer: the one that came
    later goes. Of two that contradict each other in one intent alone both go.
    """
    votes = named(votes)  # what nobody can tell is neither right nor wrong
    answers = answers.of(votes.names)
    sources = gold.aside(answers)
    if sources:
        votes, answers = _without(sources, votes, answers)
    while _sources(votes) > 1:
        counts = shifts.counted(asked, votes)
        broken = _broken(counts, votes, gap, answers)
        broken = broken or _leaning(counts, asked, votes, answers)
        if not broken:
            break
        sources += broken
        votes, answers = _without(broken, votes, answers)
    return tuple(sources)


def _without(
    sources: Sequence[Aside],
    votes: Votes,
    answers: gold.Answers,
) -> tuple[Votes, gold.Answers]:
    """Labels and answers of the others."""
    others = {*answers.names} - {source.annotator for source in sources}
    return votes.chosen(~_theirs(votes, sources)), answers.of(others)


def believed(asked: samples.Sample, votes: Votes, sources: Iterable[Aside]) -> Votes:
    """The votes that count: of a source that is set aside none since it is."""
    for source in sources:
        theirs = _theirs(votes, [source])
        if source.since is not None:
            begin = times.micros(times.instant(source.since))
            theirs &= asked.ts_us[votes.row] >= begin
        votes = votes.chosen(~theirs)
    return votes


def doubt(source: Aside, start: dt.datetime, end: dt.datetime) -> Doubt:
    """What was found of a source in the messages with start <= ts < end, for another look at
    them.
    """
    begin = start if source.since is None else max(start, times.instant(source.since))
    return Doubt(source.annotator, begin, end, source.said)


def _theirs(votes: Votes, sources: Iterable[Aside]) -> npt.NDArray[np.bool_]:
    """Whose votes they are: shape (m,)."""
    names = {source.annotator for source in sources}
    places = [place for place, name in enumerate(votes.names) if name in names]
    return np.isin(votes.annotator, places)


def _broken(
    counts: shifts.Counts,
    votes: Votes,
    gap: float,
    answers: gold.Answers,
) -> list[Aside]:
    """The source that differs most in all, if one does by more than `gap`."""
    compared = shifts.compared(counts.of_all_intents, _WHOLE)
    gaps, z = compared.gap.ravel(), compared.z.ravel()
    far = np.abs(gaps) > gap
    sure = np.abs(z) > _PROVEN_Z
    differing = np.flatnonzero(far & sure).tolist()
    beyond = [i for i in differing if not gold.clears(answers, votes.names[i], gaps[i])]
    if not beyond:
        return []

    i = _worst(votes, z, beyond)
    n = int(counts.n[i].sum())
    right = int(counts.right[i].sum())
    return [Aside(votes.names[i], n, right / n, float(gaps[i]), float(z[i]))]


def _leaning(
    counts: shifts.Counts,
    asked: samples.Sample,
    votes: Votes,
    answers: gold.Answers,
) -> list[Aside]:
    """The source that leans most surely in one intent, or the two who contradict each other."""

    def is_cleared(proof: leaning.Proof) -> bool:
        name = votes.names[proof.annotator]
        return gold.clears(answers, name, proof.gap, proof.intent)

    doubtful = [proof for proof in leaning.proofs(counts) if not is_cleared(proof)]
    worst = leaning.worst(doubtful, _sources(votes))
    return [leaning.told(proof, asked, votes) for proof in worst]


def _sources(votes: Votes) -> int:
    """How many annotators say anything."""
    return int(np.count_nonzero(np.bincount(votes.annotator)))


def _worst(votes: Votes, z: Floats, among: Sequence[int]) -> int:
    """The annotator of the largest z; of equal ones the one whose first label came last."""

    def surely(i: int) -> tuple[float, int, int]:
        # Two that contradict each other alone have one z, but for its last bits.
        sure = round(abs(float(z[i])), 6)
        came = int(votes.at_us[votes.annotator == i].min())
        return sure, came, i

    return max(among, key=surely)


def without(votes: Votes, ts_us: Ints, doubts: Iterable[Doubt]) -> Votes:
    """The votes that no doubt is about. `ts_us`: when each message came, in microseconds, by
    row.
    """
    believed = np.ones(len(votes), dtype=np.bool_)
    came = ts_us[votes.row]
    for doubt in doubts:
        if doubt.annotator not in votes.names:
            continue
        theirs = votes.annotator == votes.names.index(doubt.annotator)
        begun = came >= times.micros(doubt.start)
        over = came >= times.micros(doubt.end)
        believed &= ~(theirs & begun & ~over)
    return votes.chosen(believed)
