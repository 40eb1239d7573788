"""Pure. What training showed while it ran: nine small charts, in the order in which one reads
them.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from retrain.pages import markup, svg
from schemas import runs

WIDTH, HEIGHT = 320, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 312, 12, 126
_POINTS: Final = 400  # more than a chart has pixels to show
_FEW: Final = 12  # so many points are marked one by one


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart of one or two metrics by name, and what is said where there is none."""

    title: str
    names: tuple[str, ...]
    without: str = "nothing measured"


PANELS: Final = (
    Panel("train loss", ("loss_smoothed", "loss")),
    Panel("validation loss", ("val_loss",)),
    Panel("accuracy", ("val_acc",)),
    Panel("macro F1", ("val_macro_f1",)),
    Panel("rare recall", ("val_rare_recall",)),
    Panel("learning rate", ("lr_head", "lr_bottom")),
    Panel("gradient norm", ("grad_norm",)),
    Panel("GPU use", ("gpu_use_share",), "no GPU"),
    Panel("step time (ms)", ("step_ms",)),
)
_STYLES: Final = (("var(--first)", ""), ("var(--second)", "4 3"))


@dataclass(frozen=True, slots=True)
class _Scale:
    """From steps and values to pixels."""

    first: int
    last: int
    low: float
    high: float

    def place(self, row: runs.Metric) -> svg.Point:
        along = ((row.step or 0) - self.first) / max(self.last - self.first, 1)
        up = (row.value - self.low) / (self.high - self.low)
        x = _LEFT + along * (_RIGHT - _LEFT)
        return round(x, 1), round(_BOTTOM - up * (_BOTTOM - _TOP), 1)


def draw(metrics: Sequence[runs.Metric]) -> Iterator[str]:
    """All nine; a chart of nothing says so."""
    for panel in PANELS:
        title = f"<h3>{svg.safe(panel.title)}</h3>"
        yield f"<figure>{title}{_panel(panel, metrics)}</figure>"


def _panel(panel: Panel, metrics: Sequence[runs.Metric]) -> str:
    series = [_rows(metrics, name) for name in panel.names]
    shown = [row for rows in series for row in rows if math.isfinite(row.value)]
    if not shown:
        without = panel.without if metrics else "nothing measured"
        return markup.paragraph(without, "none")

    scale = _scale(shown)
    parts = [*_axes(scale)]
    for rows, (colour, dash) in zip(series, _STYLES, strict=False):
        parts += _curve(rows, scale, colour, dash)
    says = f"{panel.title}: {_said(series[0])}"
    picture = svg.picture(WIDTH, HEIGHT, parts, says)
    return f"{picture}<figcaption>{svg.safe(_caption(panel, series))}</figcaption>"


def _rows(metrics: Sequence[runs.Metric], name: str) -> list[runs.Metric]:
    """The metric's rows, thinned so that no peak is lost: of each stretch the highest."""
    rows = [row for row in metrics if row.name == name]
    stretch = max(1, -(-len(rows) // _POINTS))
    return [max(rows[i : i + stretch], key=_height) for i in range(0, len(rows), stretch)]


def _height(row: runs.Metric) -> float:
    """What is no number stands out most."""
    return row.value if math.isfinite(row.value) else math.inf


def _scale(shown: Sequence[runs.Metric]) -> _Scale:
    steps = [row.step or 0 for row in shown]
    values = [row.value for row in shown]
    low, high = min(values), max(values)
    # One value alone still needs an axis.
    if high <= low:
        high = low + (abs(low) or 1.0)
    return _Scale(min(steps), max(steps), low, high)


def _axes(scale: _Scale) -> Iterator[str]:
    yield svg.line([(_LEFT, _TOP), (_LEFT, _BOTTOM), (_RIGHT, _BOTTOM)], "var(--line)", 1)
    yield svg.text(_LEFT - 6, _TOP + 4, _short(scale.high), "end")
    yield svg.text(_LEFT - 6, _BOTTOM, _short(scale.low), "end")
    yield svg.text(_LEFT, HEIGHT - 8, f"step {scale.first:,}")
    yield svg.text(_RIGHT, HEIGHT - 8, f"{scale.last:,}", "end")


def _curve(
    rows: Sequence[runs.Metric],
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


def _stretches(rows: Sequence[runs.Metric]) -> list[list[runs.Metric]]:
    stretches: list[list[runs.Metric]] = [[]]
    for row in rows:
        if math.isfinite(row.value):
            stretches[-1].append(row)
        elif stretches[-1]:
            stretches.append([])
    return [stretch for stretch in stretches if stretch]


def _said(rows: Sequence[runs.Metric]) -> str:
    """A series in words: where it begins and ends, and how often it is no number."""
    if not rows:
        return "nothing measured"
    broken = sum(not math.isfinite(row.value) for row in rows)
    lost = f", {broken} no number" if broken else ""
    return f"{markup.figure(rows[0].value)} to {markup.figure(rows[-1].value)}{lost}"


def _caption(panel: Panel, series: Sequence[Sequence[runs.Metric]]) -> str:
    """What each line is, and its figures."""
    named = []
    for name, rows, style in zip(panel.names, series, ("", " (dashed)"), strict=False):
        if rows:
            named.append(f"{name}{style} {_said(rows)}")
    return "; ".join(named)


def _short(value: float) -> str:
    """A figure for which there is little room."""
    return f"{value:.3g}"
