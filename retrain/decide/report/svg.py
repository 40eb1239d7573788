"""Pure. Scales and marks of the report's charts as SVG text. Every text is escaped here and nowhere
else.
"""

import datetime as dt
import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 1120
LEFT, RIGHT = 190, 16
Point = tuple[float, float]

# Okabe and Ito's colours (2008), which people of every colour vision tell apart; shapes say the
# same once more.
BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
GREY = "#666666"

_SHAPES: Final[Mapping[str, Sequence[Point]]] = {
    "triangle": [(0, -7), (7, 6), (-7, 6)],
    "left": [(-7, 0), (6, -7), (6, 7)],
    "square": [(-6, -6), (6, -6), (6, 6), (-6, 6)],
    "diamond": [(0, -8), (8, 0), (0, 8), (-8, 0)],
}


def safe(text: str) -> str:
    """Foreign text as HTML text or attribute; what cannot be printed becomes a replacement
    character.

    >>> safe('<b>"x"' + chr(7))
    '&lt;b&gt;&quot;x&quot;\\ufffd'
    """
    printable = [letter if letter.isprintable() else "\ufffd" for letter in text]
    return html.escape("".join(printable))


@dataclass(frozen=True, slots=True)
class Time:
    """The horizontal axis: [begin, end] over the width of every chart."""

    begin: dt.datetime
    end: dt.datetime

    def x(self, at: dt.datetime) -> float:
        """Where an instant lies in pixels; one outside lies on the edge."""
        span = max((self.end - self.begin).total_seconds(), 1.0)
        share = (at - self.begin).total_seconds() / span
        inside = min(1.0, max(0.0, share))
        return round(LEFT + inside * (WIDTH - LEFT - RIGHT), 1)

    def ticks(self) -> list[dt.datetime]:
        """Midnights (UTC), at most a dozen of them, evenly apart."""
        day = dt.timedelta(days=1)
        days = (self.end - self.begin) / day
        step = max(1, math.ceil(days / 11))
        first = self.begin.replace(hour=0, minute=0, second=0, microsecond=0)
        midnights = [first + i * step * day for i in range(14)]
        return [at for at in midnights if self.begin <= at <= self.end]


def text(
    x: float,
    y: float,
    words: str,
    anchor: str = "start",
    kind: str = "",
) -> str:
    """Words at a place; `kind`: a CSS class."""
    place = f'x="{x}" y="{y}" text-anchor="{anchor}"'
    return f'<text {place} class="{kind}">{safe(words)}</text>'


def line(
    points: Sequence[Point],
    colour: str,
    width: float = 1.5,
    dash: str = "",
) -> str:
    """A polyline; `dash` as in stroke-dasharray."""
    stroke = f'stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dash}"'
    return f'<polyline points="{_joined(points)}" fill="none" {stroke}/>'


def across(y: float, colour: str, width: float) -> str:
    """A level line from edge to edge of the charts."""
    return line([(LEFT, y), (WIDTH - RIGHT, y)], colour, width)


def band(
    low: Sequence[Point],
    high: Sequence[Point],
    colour: str,
) -> str:
    """The area between two lines over the same x."""
    outline = [*low, *reversed(high)]
    fill = f'fill="{colour}" fill-opacity="0.22"'
    return f'<polygon points="{_joined(outline)}" {fill} stroke="none"/>'


def mark(
    shape: str,
    x: float,
    y: float,
    colour: str,
    says: str = "",
) -> str:
    """A shape of 12 pixels around a place, with a tooltip: triangle | left | square | diamond."""
    outline = [(x + dx, y + dy) for dx, dy in _SHAPES[shape]]
    stroke = 'stroke="#000" stroke-width="1"'
    polygon = f'<polygon points="{_joined(outline)}" fill="{colour}" {stroke}>'
    return f"{polygon}<title>{safe(says)}</title></polygon>"


def hatched(
    x: float,
    y: float,
    width: float,
    height: float,
    says: str,
) -> str:
    """A hatched box with a dashed edge and a tooltip; the page defines the hatch."""
    place = f'x="{x}" y="{y}" width="{width:g}" height="{height:g}"'
    box = f'<rect {place} fill="url(#hatch)" stroke="#555" stroke-dasharray="2 2">'
    return f"{box}<title>{safe(says)}</title></rect>"


def picture(
    height: float,
    parts: Sequence[str],
    says: str,
) -> str:
    """An SVG element of the common width. `says`: what a screen reader reads."""
    frame = f'viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{safe(says)}"'
    return f"<svg {frame}>{''.join(parts)}</svg>"


def _joined(points: Sequence[Point]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)
