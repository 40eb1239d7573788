"""Pure. The six panels of what a model shows on its held-out rows, in the order in which one reads
them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from retrain.evaluation.validation import Validation
from retrain.train.report import confidence, intents, mistakes


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of a validation under its title; `draw` yields its HTML."""

    key: str
    title: str
    draw: Callable[[Validation], str]


PANELS: Final = (
    Panel("confusion", "Confusion", mistakes.matrix),
    Panel("intents", "Precision, recall and F1", intents.table),
    Panel("reliability", "Reliability", confidence.reliability),
    Panel("confidence", "Confidence", confidence.histograms),
    Panel("false_positives", "Top false positives", mistakes.wrongly),
    Panel("false_negatives", "Top false negatives", mistakes.missed),
)
