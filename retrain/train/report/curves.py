"""Pure. What training showed while it ran: nine small charts, in the order in which one reads
them.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from retrain.pages import markup, svg
from schemas import runs

_WIDTH, _HEIGHT = 320, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 312, 12, 126
_POINTS: Final = 400  # more than a chart has pixels to show
_FEW: Final = 12  # so many points are marked one by one
_AXIS: Final = "var(--line)"
_NOTHING: Final = "nothing measured"


Rows = Sequence[runs.Metric]


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart of one metric, maybe of a second one beside it (dashed); and what is said where there
    is none.
    """

    title: str
    metric: str
    beside: str | None = None
    without: str = _NOTHING


PANELS: Final = (
    Panel("train loss", "loss_smoothed", "loss"),
    Panel("validation loss", "val_loss"),
    Panel("accuracy", "val_acc"),
    Panel("macro F1", "val_macro_f1"),
    Panel("rare recall", "val_rare_recall"),
    Panel("learning rate", "lr_head", "lr_bottom"),
    Panel("gradient norm", "grad_norm"),
    Panel("GPU use", "gpu_use_share", without="no GPU"),
    Panel("step time (ms)", "step_ms"),
)


@dataclass(frozen=True, slots=True)
class _Scale:
    """From steps and values to pixels."""

    first: int
    last: int
    low: float
    high: float

    def place(self, row: runs.Metric) -> svg.Point:
        step = row.step or 0
        along = (step - self.first) / max(self.last - self.first, 1)
        up = (row.value - self.low) / (self.high - self.low)
        x = _LEFT + along * (_RIGHT - _LEFT)
        y = _BOTTOM - up * (_BOTTOM - _TOP)
        return round(x, 1), round(y, 1)


def draw(metrics: Rows, champion: Rows = ()) -> Iterator[str]:
    """All nine; a chart of nothing says so. `champion`: the numbers of the run that made the model
    beside it (dotted).
    """
    for panel in PANELS:
        main = _rows(metrics, panel.metric)
        beside = _rows(metrics, panel.beside)
        before = _rows(champion, panel.metric)
        shown = [row for row in (*main, *beside, *before) if math.isfinite(row.value)]
        if shown:
            yield _chart(panel, main, beside, before, _scale(shown))
        else:
            without = panel.without if metrics else _NOTHING
            yield markup.chart(panel.title, markup.paragraph(without, "none"))


def _rows(metrics: Rows, name: str | None) -> list[runs.Metric]:
    """A metric's rows, thinned so that no peak is lost: of each stretch the highest."""
    rows = [row for row in metrics if row.name == name]
    length = max(1, -(-len(rows) // _POINTS))
    starts = range(0, len(rows), length)
    return [max(rows[start : start + length], key=_height) for start in starts]


def _height(row: runs.Metric) -> float:
    """What is no number stands out most."""
    return row.value if math.isfinite(row.value) else math.inf


def _scale(shown: Rows) -> _Scale:
    steps = [row.step or 0 for row in shown]
    values = [row.value for row in shown]
    low = min(values)
    high = max(values)
    # One value alone still needs an axis.
    if high <= low:
        high = low + (abs(low) or 1.0)
    return _Scale(min(steps), max(steps), low, high)


def _chart(
    panel: Panel,
    main: Rows,
    beside: Rows,
    before: Rows,
    scale: _Scale,
) -> str:
    parts = [
        *_axes(scale),
        *_curve(before, scale, "var(--soft)", "1 3"),
        *_curve(main, scale, "var(--first)", ""),
        *_curve(beside, scale, "var(--second)", "4 3"),
    ]
    caption = f"{panel.metric} {_said(main)}"
    if beside:
        caption += f"; {panel.beside} (dashed) {_said(beside)}"
    if before:
        caption += f"; champion (dotted) {_said(before)}"
    picture = svg.picture(_WIDTH, _HEIGHT, parts, f"{panel.title}: {_said(main)}")
    return markup.chart(panel.title, picture, caption)


def _axes(scale: _Scale) -> Iterator[str]:
    """With the least and the highest value, the first and the last step."""
    corner = (_LEFT, _BOTTOM)
    yield svg.line([(_LEFT, _TOP), corner, (_RIGHT, _BOTTOM)], _AXIS, 1)
    yield svg.text(_LEFT - 6, _TOP + 4, f"{scale.high:.3g}", "end")
    yield svg.text(_LEFT - 6, _BOTTOM, f"{scale.low:.3g}", "end")
    below = _HEIGHT - 8
    yield svg.text(_LEFT, below, f"step {scale.first:,}")
    yield svg.text(_RIGHT, below, f"{scale.last:,}", "end")


def _curve(
    rows: Rows,
    scale: _Scale,
    colour: str,
    dash: str,
) -> Iterator[str]:
    """Its line, broken where a value is no number; few points are marked."""
    for stretch in _stretches(rows):
        places = [scale.place(row) for row in stretch]
        yield svg.line(places, colour, 1.6, dash)
        if len(rows) <= _FEW:
            for place in places:
                yield svg.dot(place, 2.6, colour)


def _stretches(rows: Rows) -> Iterator[list[runs.Metric]]:
    """The rows between those whose value is no number."""
    stretch: list[runs.Metric] = []
    for row in rows:
        if math.isfinite(row.value):
            stretch.append(row)
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def _said(rows: Rows) -> str:
    """A series in words: where it begins and ends, and how often it is no number."""
    if not rows:
        return _NOTHING
    first = markup.figure(rows[0].value)
    last = markup.figure(rows[-1].value)
    lost = sum(not math.isfinite(row.value) for row in rows)
    return f"{first} to {last}" + (f", {lost} no number" if lost else "")
