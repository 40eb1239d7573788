"""Pure. How good a candidate is at each intent, and at each kind of message."""

from collections.abc import Iterator
from typing import Final

from retrain.evaluation.validation import OfIntent, Validation
from retrain.pages import markup
from schemas import units

_INTENTS: Final = ("intent", "n", "precision", "recall", "95 % interval", "F1")
_SLICES: Final = ("messages", "n", "accuracy", "95 % interval")


def parts(seen: Validation) -> Iterator[str]:
    """Both tables."""
    yield markup.table(_INTENTS, [_row(each) for each in seen.by_intent])
    yield "<h3>Slices</h3>"
    if not seen.slices:
        yield markup.paragraph("No row was held out.")
        return
    rows = []
    for part in seen.slices:
        accuracy = units.percent(part.accuracy)
        rows.append(markup.Row((part.name, f"{part.n:,}", accuracy, _spread(part.low, part.high))))
    yield markup.table(_SLICES, rows)


def _row(of: OfIntent) -> markup.Row:
    cells = (
        of.intent,
        f"{of.n:,}",
        _percent(of.precision),
        _percent(of.recall),
        _spread(of.low, of.high),
        _percent(of.f1),
    )
    return markup.Row(cells)


def _percent(ratio: float | None) -> str:
    return markup.NONE if ratio is None else units.percent(ratio)


def _spread(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return markup.NONE
    return f"{units.percent(low)} to {units.percent(high)}"
