"""Pure. Whether a fine-tune is worth more than a linear model of the same rows, or is worse."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from retrain.evaluation import comparison, confusion
from schemas import runs

_SEED: Final = 20260420
# p of the exact test, asked twice of every candidate: of a hundred equal ones two fail at most.
_SURE: Final = 0.01
Verdict = runs.GateVerdict
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rival:
    """What the linear model answers to the held-out rows, and which of them are the newest. Shapes
    (n,).
    """

    predicted: confusion.Labels
    newest: Flags


def gate(
    labels: confusion.Labels,
    candidate: confusion.Labels,
    rival: Rival,
    groups: Sequence[str],
) -> runs.Gate:
    """Fail where fewer right answers than the linear model's are proven, of all rows or of the
    newest alone; else pass, since a tie is no proof: the candidate has its champion to beat, and
    the note says what it is. Shapes (n,).
    """
    every = np.ones(len(labels), dtype=bool)
    told = _compared(labels, candidate, rival.predicted, groups, every)
    if told.verdict is Verdict.PASS and rival.newest.any():
        newest = _compared(labels, candidate, rival.predicted, groups, rival.newest)
        if newest.verdict is Verdict.FAIL:
            return newest
    return told


def _compared(
    labels: confusion.Labels,
    candidate: confusion.Labels,
    linear: confusion.Labels,
    groups: Sequence[str],
    rows: Flags,
) -> runs.Gate:
    """On the chosen rows."""
    mine = candidate[rows] == labels[rows]
    theirs = linear[rows] == labels[rows]
    of = [group for group, chosen in zip(groups, rows, strict=True) if chosen]
    seen = comparison.differences(labels[rows], linear[rows], candidate[rows], of, seed=_SEED)
    low, high = seen["accuracy"].low, seen["accuracy"].high
    if comparison.sign_test(mine, theirs, of) >= _SURE:
        # A few groups that differ make a bootstrap too sure of itself.
        low, high = min(low, 0.0), max(high, 0.0)

    worse = high < 0
    which = "all held-out rows" if rows.all() else "the newest held-out rows"
    return runs.Gate(
        runs.LINEAR,
        Verdict.FAIL if worse else Verdict.PASS,
        float(mine.mean()),
        float(theirs.mean()),
        None,
        low,
        high,
        len(of),
        f"{which}, beside a linear model",
    )
