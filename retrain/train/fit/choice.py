"""Pure. Which epoch is kept, and when no further one is worth its time."""

from collections.abc import Sequence
from typing import Final

from retrain.train import signs
from schemas import runs
from schemas.checks import Level

# Signs that another epoch makes worse; what the others are signs of is a person's to mend.
_ENDING: Final = ("overfitting_epochs",)
# A model's latency is that of its graph, which no epoch changes: all epochs keep the limit or none
# does. So it is measured once, on the artefact, and its gate holds the one that is kept to it.
CRITERION: Final = "max macro_f1 subject to latency"


def best(scores: Sequence[float]) -> int:
    """The epoch, from 1, of the highest macro-F1, the earliest where it is alike; 0 without any.

    >>> best([0.90, 0.93, 0.93])
    2
    """
    return max(range(len(scores)), key=scores.__getitem__) + 1 if scores else 0


def why_stop(rows: Sequence[runs.Metric], patience: int) -> str | None:
    """Why a fine-tune with these numbers ends before its last epoch; None while it goes on.
    `patience`: so many epochs in a row may pass without a better macro-F1; 0 means all of them.
    """
    for check in signs.checks(rows):
        if check.name in _ENDING and check.level is Level.ACT:
            return f"{check.name}: {check.remedy}"
    scores = signs.Series(rows).of("val_macro_f1")
    waited = len(scores) - best(scores)
    if patience and waited >= patience:
        return f"macro_f1 has not risen for {waited} epochs"
    return None
