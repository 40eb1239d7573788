"""Pure. What a candidate takes for what: the confusion matrix, the intents that are named where
another was meant, and those that are missed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from retrain.evaluation import confusion
from retrain.evaluation.validation import Validation
from retrain.pages import markup, svg
from retrain.train.report import style
from schemas import present

_TOP: Final = 5
_WORDS: Final = markup.paragraph(
    "Rows are what was meant, columns what was answered. The redder a mistake, the worse what "
    "follows from it; bad ones are in bold."
)
_SEVERE: Final = 0.5  # from here on a mistake is marked


@dataclass(frozen=True, slots=True)
class Mistaken:
    """An intent with `n` mistakes of `of` rows, most of them with another one."""

    intent: str
    n: int
    of: int
    mostly: str
    mostly_n: int


def false_positives(seen: Validation) -> list[Mistaken]:
    """Intents that were answered where another was meant, the most frequent first."""
    columns = list(zip(*seen.confusion, strict=True))
    return _mistaken(seen.intents, columns)


def false_negatives(seen: Validation) -> list[Mistaken]:
    """Intents that were meant where another was answered, the most frequent first."""
    return _mistaken(seen.intents, seen.confusion)


def _mistaken(intents: Sequence[str], lines: Sequence[Sequence[int]]) -> list[Mistaken]:
    """`lines`: of each intent how many rows it shares with every other."""
    every = []
    for place, counts in enumerate(lines):
        total = sum(counts)
        n = total - counts[place]
        if n:
            others = list(counts)
            others[place] = 0
            most = max(others)
            mostly = intents[others.index(most)]
            every.append(Mistaken(intents[place], n, total, mostly, most))
    every.sort(key=lambda mistaken: -mistaken.n)
    return every[:_TOP]


def severity(meant: str, given: str) -> float:
    """How bad a mistake is, in [0, 1]; as bad as can be of an intent that is no more.

    >>> severity("faq", "faq"), severity("once", "faq")
    (0.0, 1.0)
    """
    if meant == given:
        return 0.0
    row, column = present.INDEX.get(meant), present.INDEX.get(given)
    if row is None or column is None:
        return 1.0
    return float(confusion.SEVERITY[row, column])


def matrix(seen: Validation) -> str:
    """The confusion matrix."""
    return _WORDS + _matrix(seen)


def wrongly(seen: Validation) -> str:
    """Top false positives."""
    head = ("answered", "wrongly", "of answers", "mostly meant")
    return _table(head, false_positives(seen))


def missed(seen: Validation) -> str:
    """Top false negatives."""
    head = ("meant", "missed", "of rows", "mostly answered")
    return _table(head, false_negatives(seen))


def _table(head: Sequence[str], mistaken: Sequence[Mistaken]) -> str:
    if not mistaken:
        return markup.paragraph("None: every answer was right.")
    rows = []
    for each in mistaken:
        cells = (
            each.intent,
            f"{each.n:,}",
            f"{each.of:,}",
            f"{each.mostly} ({each.mostly_n:,})",
        )
        rows.append(markup.Row(cells))
    return markup.table(head, rows, "stack")


def _matrix(seen: Validation) -> str:
    """Columns have numbers, which stand before the names of the rows."""
    numbers = ""
    for number, intent in enumerate(seen.intents, 1):
        numbers += f'<th title="{svg.safe(intent)}">{number}</th>'
    rows = ""
    for place, counts in enumerate(seen.confusion):
        intent = seen.intents[place]
        name = svg.safe(f"{place + 1} {intent}")
        cells = "".join(_cells(seen.intents, place, counts))
        rows += f"<tr><th>{name}</th>{cells}</tr>"
    head = f"<thead><tr><th>meant</th>{numbers}</tr></thead>"
    table = f'<table class="grid">{head}<tbody>{rows}</tbody></table>'
    return f'<div class="wide" tabindex="0" role="region" aria-label="confusion">{table}</div>'


def _cells(intents: Sequence[str], place: int, counts: Sequence[int]) -> Iterator[str]:
    """One an answer: how many, shaded; nothing where there was none."""
    meant = intents[place]
    for given, count in zip(intents, counts, strict=True):
        if not count:
            yield "<td></td>"
        elif given == meant:
            recall = count / sum(counts)
            yield _cell("hit", recall, count)
        else:
            bad = severity(meant, given)
            yield _cell("severe" if bad >= _SEVERE else "miss", bad, count)


def _cell(kind: str, share: float, count: int) -> str:
    """`share`: how dark it is, in [0, 1]."""
    step = round(share * style.SHADES)
    return f'<td class="{kind} s{step}">{count}</td>'
