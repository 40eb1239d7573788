"""Pure. How good a candidate is at each intent, and at each kind of message."""

from typing import Final

from retrain.evaluation.confusion import Scores
from retrain.evaluation.validation import OfIntent, Slice, Validation
from retrain.pages import markup
from schemas import units

_INTENTS: Final = ("intent", "n", "precision", "recall", "95 % interval", "F1")
_SLICES: Final = ("messages", "n", "accuracy", "95 % interval")


def table(seen: Validation) -> str:
    """Each intent with its n and its interval, then each slice."""
    intents = markup.table(_INTENTS, [_intent(each) for each in seen.by_intent])
    slices = markup.paragraph("No row was held out.")
    if seen.slices:
        slices = markup.table(_SLICES, [_slice(part) for part in seen.slices])
    return f"{_wide('intents', intents)}<h4>Slices</h4>{_wide('slices', slices)}"


def _wide(name: str, table: str) -> str:
    """On a telephone it is the table that moves, not the page."""
    return f'<div class="wide" tabindex="0" role="region" aria-label="{name}">{table}</div>'


def whole(scores: Scores | None) -> str:
    """The figures of all held-out rows together."""
    if scores is None:
        return ""
    return markup.facts(
        {
            "held-out rows": f"{scores.n:,}",
            "accuracy": units.percent(scores.accuracy),
            "macro F1": units.percent(scores.macro_f1),
            "rare recall": _percent(scores.rare_recall),
            "mean severity": markup.figure(scores.severity),
        }
    )


def _intent(of: OfIntent) -> markup.Row:
    cells = (
        of.intent,
        f"{of.n:,}",
        _percent(of.precision),
        _percent(of.recall),
        _spread(of.low, of.high),
        _percent(of.f1),
    )
    return markup.Row(cells)


def _slice(part: Slice) -> markup.Row:
    cells = (
        part.name,
        f"{part.n:,}",
        _percent(part.accuracy),
        _spread(part.low, part.high),
    )
    return markup.Row(cells)


def _percent(ratio: float | None) -> str:
    return markup.NONE if ratio is None else units.percent(ratio)


def _spread(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return markup.NONE
    return f"{units.percent(low)} to {units.percent(high)}"
