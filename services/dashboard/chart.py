"""Pure. Histories and shares as inline SVG: no script, no style attribute, every text escaped.
Colours are the style sheet's.
"""

import datetime as dt
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import markupsafe

from services.dashboard import board, words

Markup = markupsafe.Markup
Panel = board.Panel
Point = board.Point
Series = board.Series
Unit = board.Unit
Place = tuple[float, float]

WIDTH = 360
HEIGHT = 132
_LEFT = 66.0
_RIGHT = 354.0
_TOP = 10.0
_BOTTOM = 106.0
_LONGEST = 9  # letters of a label that fit beside the axis
_ROW = 19
_NAME = 20  # letters of an intent beside its bar
_BARS = 128.0  # where an intent's bar begins
_WIDEST = 176.0  # how wide the longest bar is


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a time and a value lie in the picture."""

    since: dt.datetime
    until: dt.datetime
    low: float
    high: float

    def x(self, at: dt.datetime) -> float:
        """Left to right in time."""
        width = _RIGHT - _LEFT
        passed = (at - self.since) / (self.until - self.since)
        return _LEFT + width * passed

    def y(self, value: float) -> float:
        """Bottom to top; what lies outside is drawn at the edge."""
        height = _BOTTOM - _TOP
        span = self.high - self.low
        inside = min(max(value, self.low), self.high)
        return _BOTTOM - height * (inside - self.low) / span

    def place(self, point: Point) -> Place:
        """Where a point lies: (x, y)."""
        x = self.x(point.end)
        y = self.y(point.value)
        return x, y


def history(
    panel: Panel,
    since: dt.datetime,
    until: dt.datetime,
) -> Markup:
    """The panel's history with its levels; an empty string where there is none."""
    values = [point.value for series in panel.series for point in series.points]
    if not values:
        return Markup("")

    low, high = _bounds(panel, values)
    end = max(until, since + dt.timedelta(seconds=1))
    scale = Scale(since, end, low, high)
    parts = [
        *_frame(panel, scale),
        *_levels(panel, scale),
        *_lines(panel, scale),
    ]
    return _svg(described(panel), HEIGHT, parts)


def described(panel: Panel) -> str:
    """The chart in a sentence, for who does not see it."""
    points = panel.series[0].points
    values = [point.value for point in points]
    amount = _amount(panel)
    begin = words.when(points[0].end)
    end = words.when(points[-1].end)
    figures = [
        f"lowest {amount(min(values))}",
        f"highest {amount(max(values))}",
        f"newest {amount(values[-1])}",
    ]
    for line in panel.lines:
        figures.append(f"{line.name} {amount(line.value)}")
    windows = f"{len(values)} windows from {begin} to {end}"
    return f"{panel.name}, {windows}: {', '.join(figures)}"


def bars(shares: Sequence[board.Share]) -> Markup:
    """Each intent's share as a bar, its share in the reference as a tick."""
    widest = 1e-9
    for share in shares:
        widest = max(widest, share.share, share.reference or 0.0)

    rows = []
    named = []
    for place, share in enumerate(shares):
        percent = words.amount(Unit.RATIO, share.share)
        rows.append(_bar(share, percent, place * _ROW, widest))
        named.append(f"{share.intent} {percent}")
    label = f"Share of each intent: {', '.join(named)}"
    return _svg(label, len(shares) * _ROW + 2, rows)


def _bar(
    share: board.Share,
    percent: str,
    top: int,
    widest: float,
) -> Markup:
    """One row: the name of the intent, its bar, the tick of its reference, its share."""
    bar = board.markup(
        '<rect class="bar" x="{x}" y="{y}" width="{w:.1f}" height="11"/>',
        x=_BARS,
        y=top + 4,
        w=_WIDEST * share.share / widest,
    )
    tick = Markup("")
    if share.reference is not None:
        tick = board.markup(
            '<path class="tick" d="M{x:.1f} {y}v17"/>',
            x=_BARS + _WIDEST * share.reference / widest,
            y=top + 1,
        )
    # The table below has the name whole.
    base = top + 14
    intent = _shortened(share.intent, _NAME)
    name = _text(_BARS - 6, base, intent, "end")
    value = _text(WIDTH - 2, base, percent, "end")
    return name + bar + tick + value


def _shortened(text: str, most: int) -> str:
    """At most so many letters, the last of them a mark where some are missing."""
    if len(text) <= most:
        return text
    return text[: most - 1] + "…"


def _svg(label: str, height: int, parts: Sequence[Markup]) -> Markup:
    """The picture around its parts. `label`: for who does not see it."""
    return board.markup(
        '<svg viewBox="0 0 {w} {h}" role="img" aria-label="{label}">{inside}</svg>',
        w=WIDTH,
        h=height,
        label=label,
        inside=Markup("").join(parts),
    )


def _text(
    x: float,
    y: float,
    text: str,
    anchor: str = "start",
    css: str = "",
) -> Markup:
    """A text at (x, y), which is where its `anchor` stands."""
    return board.markup(
        '<text class="{c}" x="{x:.1f}" y="{y:.1f}" text-anchor="{a}">{t}</text>',
        c=css,
        x=x,
        y=y,
        a=anchor,
        t=text,
    )


def _bounds(panel: Panel, values: Sequence[float]) -> tuple[float, float]:
    """The value axis: histories, levels and the newest interval fit; it begins at zero unless small
    is bad.
    """
    shown = [*values]
    for newest in panel.series[0].points[-1:]:
        if newest.low is not None:
            shown.append(newest.low)
        if newest.high is not None:
            shown.append(newest.high)
    for line in panel.lines:
        shown.append(line.value)
    if panel.unit is not Unit.MODEL and not panel.at_least:
        shown.append(0.0)

    low = min(shown)
    high = max(shown)
    # One value alone still needs an axis.
    if high <= low:
        high = low + (abs(low) or 1.0)
    return low, high


def _amount(panel: Panel) -> Callable[[float], str]:
    """How this panel names a value."""
    levels = panel.levels

    def level(value: float) -> str:
        place = max(round(value), 0)
        return levels[min(place, len(levels) - 1)]

    if levels:
        return level
    return functools.partial(words.amount, panel.unit)


def _label(panel: Panel, value: float) -> str:
    """A value beside the axis: as short as there is room for, and never a number that has lost its
    digits.
    """
    if panel.unit is Unit.MS and value >= 10_000:
        return f"{value / 1000:,.0f} s"
    if panel.unit is Unit.MS and value >= 100:
        return f"{value:,.0f} ms"
    if panel.unit is Unit.LOGS and value >= 1_000_000:
        return f"{value / 1_000_000:,.1f} M"

    amount = _amount(panel)(value)
    number = amount.removesuffix(" nats").removesuffix(" logs")
    return _shortened(number, _LONGEST)


def _frame(panel: Panel, scale: Scale) -> Iterator[Markup]:
    """Axes: the lowest and highest value, the first and last time."""
    yield board.markup(
        '<path class="axis" d="M{l} {t}V{b}H{r}"/>',
        l=_LEFT,
        t=_TOP,
        b=_BOTTOM,
        r=_RIGHT,
    )
    low = _label(panel, scale.low)
    high = _label(panel, scale.high)
    beside = _LEFT - 5
    yield _text(beside, _BOTTOM, low, "end")
    # One champion all along: its name once.
    if not panel.levels or high != low:
        yield _text(beside, _TOP + 4, high, "end")

    since = words.when(scale.since)
    until = words.when(scale.until)
    below = HEIGHT - 10
    yield _text(_LEFT, below, since)
    yield _text(_RIGHT, below, until, "end")


def _levels(panel: Panel, scale: Scale) -> Iterator[Markup]:
    """A line across for each level, with its name where there is room."""
    limits = [scale.y(line.value) for line in panel.lines if line.limit]
    for line in panel.lines:
        css = "limit" if line.limit else "level"
        y = scale.y(line.value)
        yield board.markup(
            '<path class="{c}" d="M{l} {y:.1f}H{r}"/>',
            c=css,
            l=_LEFT,
            y=y,
            r=_RIGHT,
        )
        # Levels close to the limit go without a name.
        crowded = any(abs(y - limit) <= 12 for limit in limits)
        if line.limit or not crowded:
            # A name stands above its line, unless the line is the top of the picture.
            base = y - 3 if y > _TOP + 10 else y + 12
            yield _text(_LEFT + 4, base, line.name, "start", f"of-{css}")


def _lines(panel: Panel, scale: Scale) -> Iterator[Markup]:
    """Each series, the main one with its band and a dot at its newest value."""
    step = bool(panel.levels)
    for number, series in enumerate(panel.series):
        main = number == 0
        for stretch in _stretches(series):
            places = [scale.place(point) for point in stretch]
            if main:
                yield _band(stretch, scale)
            yield board.markup(
                '<path class="line s{i}" d="{d}"/>',
                i=number,
                d=_path(places, step=step),
            )
            newest = stretch[-1] is series.points[-1]
            if len(places) == 1 or (main and newest):
                yield _dot(number, places[-1])


def _dot(number: int, place: Place) -> Markup:
    """Where a line ends, or a point without a line."""
    x, y = place
    return board.markup(
        '<circle class="dot s{i}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>',
        i=number,
        x=x,
        y=y,
    )


def _stretches(series: Series) -> list[list[Point]]:
    """The points between two gaps: no line is drawn where a window is missing."""
    stretches: list[list[Point]] = []
    before = None
    for point in series.points:
        if before is None or _gap(series, before, point):
            stretches.append([])
        stretches[-1].append(point)
        before = point
    return stretches


def _gap(
    series: Series,
    before: Point,
    point: Point,
) -> bool:
    """Whether a window is missing between two points that follow each other."""
    if series.step_s is None:
        return False
    apart = point.end - before.end
    return apart.total_seconds() > 1.5 * series.step_s


def _path(places: Sequence[Place], *, step: bool) -> str:
    """M x y, then a line (or a step) to each further place.

    >>> _path([(0.0, 1.0), (2.0, 3.0)], step=True)
    'M0.0 1.0H2.0V3.0'
    """
    x, y = places[0]
    path = f"M{x:.1f} {y:.1f}"
    for x, y in places[1:]:
        path += f"H{x:.1f}V{y:.1f}" if step else f"L{x:.1f} {y:.1f}"
    return path


def _band(stretch: Sequence[Point], scale: Scale) -> Markup:
    """The 95 % intervals as an area; nothing where a point has none."""
    upper = []
    lower = []
    for point in stretch:
        if point.low is None or point.high is None:
            continue
        x = scale.x(point.end)
        high = scale.y(point.high)
        low = scale.y(point.low)
        upper.append((x, high))
        lower.append((x, low))
    if len(upper) < 2:
        return Markup("")

    # Along the upper ends and back along the lower ones.
    outline = upper + lower[::-1]
    return board.markup(
        '<path class="band" d="{d}Z"/>',
        d=_path(outline, step=False),
    )
