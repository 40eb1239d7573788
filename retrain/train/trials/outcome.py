"""Pure. What became of one thing that was tried."""

from dataclasses import dataclass

from retrain.evaluation import confusion


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What was tried, what it says of the held-out rows (shape (n,)), and what that is worth.

    minutes: of training; p95_ms and mb are of the artefact, None where none was compiled.
    trained: whether its encoder knew anything before; one that did not says nothing by its
    answers, and its minutes are reckoned from a part of the rows.
    """

    name: str
    predicted: confusion.Labels
    scores: confusion.Scores
    minutes: float
    p95_ms: float | None = None
    mb: float | None = None
    note: str = ""
    trained: bool = True
