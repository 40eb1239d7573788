"""Pure. Scales and marks of the report's charts as SVG text. Every text is escaped here and nowhere
else.
"""

import datetime as dt
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 1120
LEFT, RIGHT = 190, 16
Point = tuple[float, float]

# Okabe and Ito's colours (2008), which people of every colour vision tell apart; shapes say the
# same once more.
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#666666",
)


def safe(text: str) -> str:
    """Foreign text as HTML text or attribute; what cannot be printed becomes a replacement
    character.

    >>> safe('<b>"x"' + chr(7))
    '&lt;b&gt;&quot;x&quot;\\ufffd'
    """
    return html.escape("".join(letter if letter.isprintable() else "\ufffd" for letter in text))


@dataclass(frozen=True, slots=True)
class Time:
    """The horizontal axis: [begin, end] over the width of every chart."""

    begin: dt.datetime
    end: dt.datetime

    def x(self, at: dt.datetime) -> float:
        """Where an instant lies in pixels; one outside lies on the edge."""
        span = max((self.end - self.begin).total_seconds(), 1.0)
        share = (at - self.begin).total_seconds() / span
        return round(LEFT + min(1.0, max(0.0, share)) * (WIDTH - LEFT - RIGHT), 1)

    def ticks(self) -> list[dt.datetime]:
        """Midnights (UTC), at most a dozen of them, evenly apart."""
        day = dt.timedelta(days=1)
        step = max(1, math.ceil((self.end - self.begin) / day / 11))
        first = self.begin.replace(hour=0, minute=0, second=0, microsecond=0)
        midnights = [first + i * step * day for i in range(14)]
        return [at for at in midnights if self.begin <= at <= self.end]


def text(x: float, y: float, words: str, anchor: str = "start", kind: str = "") -> str:
    """Words at a place; `kind`: a CSS class."""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" class="{kind}">{safe(words)}</text>'


def line(points: Sequence[Point], colour: str, width: float = 1.5, dash: str = "") -> str:
    """A polyline; `dash` as in stroke-dasharray."""
    joined = " ".join(f"{x:g},{y:g}" for x, y in points)
    return f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dash}"/>'


def band(low: Sequence[Point], high: Sequence[Point], colour: str) -> str:
    """The area between two lines over the same x."""
    joined = " ".join(f"{x:g},{y:g}" for x, y in [*low, *reversed(high)])
    return f'<polygon points="{joined}" fill="{colour}" fill-opacity="0.22" stroke="none"/>'


def mark(shape: str, x: float, y: float, colour: str, says: str = "") -> str:
    """A shape of 12 pixels around a place, with a tooltip: triangle | left | square | diamond."""
    outline = {
        "triangle": [(0, -7), (7, 6), (-7, 6)],
        "left": [(-7, 0), (6, -7), (6, 7)],
        "square": [(-6, -6), (6, -6), (6, 6), (-6, 6)],
        "diamond": [(0, -8), (8, 0), (0, 8), (-8, 0)],
    }[shape]
    points = " ".join(f"{x + dx:g},{y + dy:g}" for dx, dy in outline)
    return f'<polygon points="{points}" fill="{colour}" stroke="#000" stroke-width="1"><title>{safe(says)}</title></polygon>'


def picture(height: float, parts: Sequence[str], says: str) -> str:
    """An SVG element of the common width. `says`: what a screen reader reads."""
    return f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{safe(says)}">{"".join(parts)}</svg>'
