"""Pure. What becomes of the rows that a machine wrote (seed, stage A): where more than one in
twenty is bad, the bad ones leave the training set; the rest may be so much of it and no more.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Flags = npt.NDArray[np.bool_]

MOST_BAD: Final = 0.05
MOST_SHARE: Final = 0.3  # of the training set


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether bad machine rows leave, and why; the share of them, of n machine rows."""

    filters: bool
    reason: str
    share: float | None
    n: int

    @property
    def fields(self) -> dict[str, Any]:
        """Of the line [DECISION]."""
        return {"filter_synthetic": self.filters, "reason": self.reason}


def decided(machine: Flags, bad: Flags) -> Decision:
    """Of n rows: which a machine wrote, and which of all are bad. Shapes (n,).

    >>> of_twenty = np.ones(20, dtype=bool)
    >>> decided(of_twenty, np.arange(20) < 2).reason, decided(of_twenty, np.arange(20) < 1).filters
    ('noise above 5% threshold', False)
    """
    n = int(machine.sum())
    if not n:
        return Decision(False, "no synthetic rows", None, 0)
    share = float(bad[machine].mean())
    if share > MOST_BAD:
        return Decision(True, f"noise above {MOST_BAD:.0%} threshold", share, n)
    return Decision(False, f"noise of {share:.1%} within {MOST_BAD:.0%} threshold", share, n)


def kept(train: pd.DataFrame, bad: "pd.Series[bool]", filters: bool, seed: int) -> pd.DataFrame:
    """What stays of the training rows, in their order: all of people, and of the machine's up to
    MOST_SHARE of the whole, shared alike among their intents. `bad`: at the index of the rows.
    """
    machine = train["kind"] == "machine"
    leave = bad[train.index] & filters
    rest = train[machine & ~leave]
    most = int(MOST_SHARE / (1 - MOST_SHARE) * (~machine).sum())

    chosen = []
    counts = Counter(rest["intent"])
    for intent, room in shared(most, counts).items():
        of = rest[rest["intent"] == intent]
        chosen += of.sample(n=room, random_state=seed).index.tolist()
    return train[~machine | train.index.isin(chosen)]


def shared(room: int, counts: Mapping[str, int]) -> dict[str, int]:
    """How many of each intent there is room for: alike, but for those that have fewer.

    >>> shared(10, {"faq": 20, "promotion": 2, "chitchat": 9})
    {'promotion': 2, 'chitchat': 4, 'faq': 4}
    """
    rooms = {}
    fewest_first = sorted(counts.items(), key=lambda each: (each[1], each[0]))
    for place, (intent, n) in enumerate(fewest_first):
        rooms[intent] = min(n, room // (len(fewest_first) - place))
        room -= rooms[intent]
    return rooms
