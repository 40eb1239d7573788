"""Pure. What a page is built of: figures, tables, sections, and the document around them, which
loads nothing from anywhere.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from retrain.pages import svg

NONE: Final = "–"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table; `kind`: a CSS class."""

    cells: Sequence[str]
    kind: str = ""


def figure(value: float | None) -> str:
    """A number in as many digits as one reads.

    >>> figure(0.91249), figure(12345.6), figure(3), figure(None), figure(math.nan)
    ('0.9125', '12,346', '3', '–', 'no number')
    """
    if value is None:
        return NONE
    if not math.isfinite(value):
        return "no number"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def interval(low: float | None, high: float | None) -> str:
    """From where to where; a dash where there is none.

    >>> interval(0.9, 0.95), interval(None, 0.95)
    ('0.9 to 0.95', '–')
    """
    if low is None or high is None:
        return NONE
    return f"{figure(low)} to {figure(high)}"


def table(head: Sequence[str], rows: Sequence[Row], kind: str = "") -> str:
    """A table of texts; `kind`: a CSS class. Each cell says which column it is of, for where there
    is no room for columns.
    """
    names = "".join(f"<th>{svg.safe(name)}</th>" for name in head)
    body = "".join(_row(head, row) for row in rows)
    table = f'<table class="{kind}">'
    return f"{table}<thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"


def _row(head: Sequence[str], row: Row) -> str:
    cells = ""
    for name, cell in zip(head, row.cells, strict=True):
        cells += f'<td data-of="{svg.safe(name)}">{svg.safe(cell)}</td>'
    return f'<tr class="{row.kind}">{cells}</tr>'


def facts(told: Mapping[str, str]) -> str:
    """Names, and what they are."""
    pairs = ""
    for name, value in told.items():
        pairs += f"<div><dt>{svg.safe(name)}</dt><dd>{svg.safe(value)}</dd></div>"
    return f"<dl>{pairs}</dl>"


def paragraph(words: str, kind: str = "") -> str:
    """Words; `kind`: a CSS class."""
    return f'<p class="{kind}">{svg.safe(words)}</p>'


def chart(title: str, picture: str, caption: str = "") -> str:
    """A picture under its title, with what is to be known of it below."""
    below = f"<figcaption>{svg.safe(caption)}</figcaption>" if caption else ""
    return f"<figure><h3>{svg.safe(title)}</h3>{picture}{below}</figure>"


def section(title: str, parts: Iterable[str]) -> str:
    """A part of a page under its title."""
    return f"<section><h2>{svg.safe(title)}</h2>{''.join(parts)}</section>"


def document(title: str, style: str, body: str) -> str:
    """The whole page around its body."""
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{svg.safe(title)}</title><style>{style}</style>"
    )
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'
