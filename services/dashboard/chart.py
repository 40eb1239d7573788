"""Pure. Histories and shares as inline SVG: no script, no style attribute, every text escaped.
Colours are the style sheet's.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import markupsafe

from services.dashboard import board, words

WIDTH, HEIGHT = 360, 132
_LEFT, _RIGHT, _TOP, _BOTTOM = 66.0, 354.0, 10.0, 106.0
_LONGEST = 9  # letters of a label that fit beside the axis
_ROW = 19
_NAME = 20  # letters of an intent beside its bar


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a time and a value lie in the picture."""

    since: dt.datetime
    until: dt.datetime
    low: float
    high: float

    def x(self, at: dt.datetime) -> float:
        """Left to right in time."""
        return _LEFT + (_RIGHT - _LEFT) * ((at - self.since) / (self.until - self.since))

    def y(self, value: float) -> float:
        """Bottom to top; what lies outside is drawn at the edge."""
        inside = min(max(value, self.low), self.high)
        return _BOTTOM - (_BOTTOM - _TOP) * (inside - self.low) / (self.high - self.low)


def history(panel: board.Panel, since: dt.datetime, until: dt.datetime) -> markupsafe.Markup:
    """The panel's history with its levels; an empty string where there is none."""
    values = [point.value for series in panel.series for point in series.points]
    if not values:
        return markupsafe.Markup("")
    low, high = _bounds(panel, values)
    scale = Scale(since, max(until, since + dt.timedelta(seconds=1)), low, high)
    inside = markupsafe.Markup("").join(
        (*_frame(panel, scale), *_levels(panel, scale), *_lines(panel, scale))
    )
    return _svg(described(panel), HEIGHT, inside)


def described(panel: board.Panel) -> str:
    """The chart in a sentence, for who does not see it."""
    main = panel.series[0]
    values = [point.value for point in main.points]
    said = _said(panel)
    ends = f"from {words.when(main.points[0].end)} to {words.when(main.points[-1].end)}"
    levels = "".join(f", {line.name} {said(line.value)}" for line in panel.lines)
    return f"{panel.name}, {len(values)} windows {ends}: lowest {said(min(values))}, highest {said(max(values))}, newest {said(values[-1])}{levels}"


def bars(shares: Sequence[board.Share]) -> markupsafe.Markup:
    """Each intent's share as a bar, its share in the reference as a tick."""
    widest = max(
        [share.share for share in shares] + [share.reference or 0.0 for share in shares] + [1e-9]
    )
    rows = [_bar(share, i * _ROW, widest) for i, share in enumerate(shares)]
    listed = ", ".join(
        f"{share.intent} {words.amount(board.Unit.RATIO, share.share)}" for share in shares
    )
    return _svg(
        f"Share of each intent: {listed}", len(shares) * _ROW + 2, markupsafe.Markup("").join(rows)
    )


def _bar(share: board.Share, top: int, widest: float) -> markupsafe.Markup:
    left, room = 128.0, 176.0
    bar = board.markup(
        '<rect class="bar" x="{x}" y="{y}" width="{w:.1f}" height="11"/>',
        x=left,
        y=top + 4,
        w=room * share.share / widest,
    )
    tick = markupsafe.Markup("")
    if share.reference is not None:
        at = left + room * share.reference / widest
        tick = board.markup('<path class="tick" d="M{x:.1f} {y}v17"/>', x=at, y=top + 1)
    value = _text(WIDTH - 2, top + 14, words.amount(board.Unit.RATIO, share.share), "end")
    # The table below has it whole.
    name = share.intent if len(share.intent) <= _NAME else share.intent[: _NAME - 1] + "…"
    return _text(left - 6, top + 14, name, "end") + bar + tick + value


def _svg(label: str, height: int, inside: markupsafe.Markup) -> markupsafe.Markup:
    return board.markup(
        '<svg viewBox="0 0 {w} {h}" role="img" aria-label="{label}">{inside}</svg>',
        w=WIDTH,
        h=height,
        label=label,
        inside=inside,
    )


def _text(x: float, y: float, text: str, anchor: str = "start", css: str = "") -> markupsafe.Markup:
    return board.markup(
        '<text class="{c}" x="{x:.1f}" y="{y:.1f}" text-anchor="{a}">{t}</text>',
        c=css,
        x=x,
        y=y,
        a=anchor,
        t=text,
    )


def _bounds(panel: board.Panel, values: Sequence[float]) -> tuple[float, float]:
    """The value axis: histories, levels and the newest interval fit; it begins at zero unless small
    is bad.
    """
    newest = panel.series[0].points[-1:]
    ends = [end for point in newest for end in (point.low, point.high) if end is not None]
    known = [*values, *ends, *(line.value for line in panel.lines)]
    if panel.unit is not board.Unit.MODEL and not panel.at_least:
        known.append(0.0)
    low, high = min(known), max(known)
    return (low, high) if high > low else (low, low + (abs(low) or 1.0))


def _said(panel: board.Panel) -> Callable[[float], str]:
    """How this panel names a value."""
    if panel.levels:
        return lambda value: panel.levels[min(max(round(value), 0), len(panel.levels) - 1)]
    return lambda value: words.amount(panel.unit, value)


def _label(panel: board.Panel, value: float) -> str:
    """A value beside the axis: as short as there is room for, and never a number that has lost its
    digits.
    """
    if panel.unit is board.Unit.MS and value >= 100:
        return f"{value:,.0f} ms" if value < 10_000 else f"{value / 1000:,.0f} s"
    if panel.unit is board.Unit.LOGS and value >= 1_000_000:
        return f"{value / 1_000_000:,.1f} M"
    said = _said(panel)(value).removesuffix(" nats").removesuffix(" logs")
    return said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…"


def _frame(panel: board.Panel, scale: Scale) -> Iterator[markupsafe.Markup]:
    """Axes: the lowest and highest value, the first and last time."""
    yield board.markup(
        '<path class="axis" d="M{l} {t}V{b}H{r}"/>', l=_LEFT, t=_TOP, b=_BOTTOM, r=_RIGHT
    )
    for value, y in ((scale.low, _BOTTOM), (scale.high, _TOP + 4)):
        if (
            value == scale.high
            and panel.levels
            and _label(panel, value) == _label(panel, scale.low)
        ):
            continue  # one champion all along: its name once
        yield _text(_LEFT - 5, y, _label(panel, value), "end")
    yield _text(_LEFT, HEIGHT - 10, words.when(scale.since))
    yield _text(_RIGHT, HEIGHT - 10, words.when(scale.until), "end")


def _levels(panel: board.Panel, scale: Scale) -> Iterator[markupsafe.Markup]:
    below = [line for line in panel.lines if line.limit]
    for line in panel.lines:
        css, y = ("limit" if line.limit else "level"), scale.y(line.value)
        yield board.markup(
            '<path class="{c}" d="M{l} {y:.1f}H{r}"/>', c=css, l=_LEFT, y=y, r=_RIGHT
        )
        # A name stands above its line, unless the line is the top of the picture; levels close to
        # the limit go without.
        if line.limit or all(abs(y - scale.y(other.value)) > 12 for other in below):
            yield _text(
                _LEFT + 4, y - 3 if y > _TOP + 10 else y + 12, line.name, "start", f"of-{css}"
            )


def _lines(panel: board.Panel, scale: Scale) -> Iterator[markupsafe.Markup]:
    for number, series in enumerate(panel.series):
        for stretch in _stretches(series):
            places = [(scale.x(point.end), scale.y(point.value)) for point in stretch]
            if number == 0:
                yield _band(stretch, scale)
            yield board.markup(
                '<path class="line s{i}" d="{d}"/>',
                i=number,
                d=_path(places, step=bool(panel.levels)),
            )
            if len(places) == 1 or (number == 0 and stretch[-1] is series.points[-1]):
                yield board.markup(
                    '<circle class="dot s{i}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>',
                    i=number,
                    x=places[-1][0],
                    y=places[-1][1],
                )


def _stretches(series: board.Series) -> list[list[board.Point]]:
    """The points between two gaps: no line is drawn where a window is missing."""
    found: list[list[board.Point]] = []
    for point in series.points:
        if found and (
            series.step_s is None
            or (point.end - found[-1][-1].end).total_seconds() <= 1.5 * series.step_s
        ):
            found[-1].append(point)
        else:
            found.append([point])
    return found


def _path(places: Sequence[tuple[float, float]], *, step: bool) -> str:
    """M x y, then a line (or a step) to each further place.

    >>> _path([(0.0, 1.0), (2.0, 3.0)], step=True)
    'M0.0 1.0H2.0V3.0'
    """
    rest = (f"H{x:.1f}V{y:.1f}" if step else f"L{x:.1f} {y:.1f}" for x, y in places[1:])
    return f"M{places[0][0]:.1f} {places[0][1]:.1f}" + "".join(rest)


def _band(stretch: Sequence[board.Point], scale: Scale) -> markupsafe.Markup:
    """The 95 % intervals as an area; nothing where a point has none."""
    known = [
        (scale.x(p.end), scale.y(p.low), scale.y(p.high))
        for p in stretch
        if p.low is not None and p.high is not None
    ]
    if len(known) < 2:
        return markupsafe.Markup("")
    outline = [(x, high) for x, _, high in known] + [(x, low) for x, low, _ in reversed(known)]
    return board.markup('<path class="band" d="{d}Z"/>', d=_path(outline, step=False))
