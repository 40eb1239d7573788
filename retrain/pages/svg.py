"""Pure. The marks of charts as SVG text. Every text of a page is escaped here and nowhere else."""

import html
from collections.abc import Mapping, Sequence
from typing import Final

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


def dot(at: Point, radius: float, colour: str) -> str:
    """A filled circle."""
    return f'<circle cx="{at[0]:g}" cy="{at[1]:g}" r="{radius:g}" fill="{colour}"/>'


def box(
    x: float,
    y: float,
    width: float,
    height: float,
    colour: str,
) -> str:
    """A filled rectangle."""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {place} fill="{colour}"/>'


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


def picture(
    width: float,
    height: float,
    parts: Sequence[str],
    says: str,
) -> str:
    """An SVG element, as wide as there is room for. `says`: what a screen reader reads."""
    frame = f'viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{safe(says)}"'
    return f"<svg {frame}>{''.join(parts)}</svg>"


def _joined(points: Sequence[Point]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)
