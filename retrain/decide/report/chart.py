"""Pure. The time axis that all charts of a replay share, and what lies across or behind it."""

import datetime as dt
import math
from dataclasses import dataclass
from typing import Final

from retrain.pages import svg

WIDTH: Final = 1120
LEFT, RIGHT = 190, 16


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


def across(y: float, colour: str, width: float) -> str:
    """A level line from edge to edge of the charts."""
    return svg.line([(LEFT, y), (WIDTH - RIGHT, y)], colour, width)


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
    return f"{box}<title>{svg.safe(says)}</title></rect>"
