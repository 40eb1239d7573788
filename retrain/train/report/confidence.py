"""Pure. Whether a candidate's confidence means what it says: the reliability plot before and after
the temperature, and how sure it is where it is right and where it is wrong.
"""

from collections.abc import Iterator, Sequence

from retrain.evaluation.validation import Bin, Validation
from retrain.pages import markup, svg

_WIDTH, _HEIGHT = 320, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 310, 10, 266
_LOW, _FLOOR = 150, 126  # the height of a histogram, and where its bars stand
_AXIS, _BEFORE, _AFTER = "var(--line)", "var(--second)", "var(--first)"
_CAPTION = "before the temperature (dashed), after it with 95 % intervals, perfect (dotted)"


def reliability(seen: Validation) -> str:
    """The plot, and how far confidence is from what it says."""
    n = sum(seen.right) + sum(seen.wrong)
    words = markup.paragraph(
        f"ECE {seen.ece_before:.4f} before the temperature, {seen.ece:.4f} after; perfect "
        f"confidence would show {seen.ece_floor:.4f} at this n = {n:,}."
    )
    return f'{words}<div class="charts">{_reliability(seen)}</div>'


def histograms(seen: Validation) -> str:
    """How sure it is where it is right, and where it is wrong."""
    right = _histogram("right answers", seen.right, seen.confidence_right, _AFTER)
    wrong = _histogram("wrong answers", seen.wrong, seen.confidence_wrong, _BEFORE)
    return f'<div class="charts">{right}{wrong}</div>'


def _reliability(seen: Validation) -> str:
    if not seen.reliability:
        return markup.chart("Reliability", markup.paragraph("No row was held out.", "none"))
    parts = [
        *_axes(),
        *_spread(seen.reliability),
        *_line(seen.reliability_before, _BEFORE, "4 3"),
        *_line(seen.reliability, _AFTER, ""),
    ]
    says = f"reliability: ECE {seen.ece_before:.4f} before the temperature, {seen.ece:.4f} after"
    picture = svg.picture(_WIDTH, _HEIGHT, parts, says)
    return markup.chart("Reliability", picture, _CAPTION)


def _place(confidence: float, accuracy: float) -> svg.Point:
    """Where both lie, in pixels."""
    x = _LEFT + confidence * (_RIGHT - _LEFT)
    y = _BOTTOM - accuracy * (_BOTTOM - _TOP)
    return round(x, 1), round(y, 1)


def _axes() -> Iterator[str]:
    """With the line on which perfect confidence lies."""
    corner = (_LEFT, _BOTTOM)
    yield svg.line([(_LEFT, _TOP), corner, (_RIGHT, _BOTTOM)], _AXIS, 1)
    yield svg.line([corner, (_RIGHT, _TOP)], _AXIS, 1, "1 3")
    for value in (0.0, 0.5, 1.0):
        x, y = _place(value, value)
        name = f"{value:g}"
        yield svg.text(x, _BOTTOM + 16, name, "middle")
        yield svg.text(_LEFT - 6, y + 4, name, "end")
    middle = (_LEFT + _RIGHT) / 2
    yield svg.text(middle, _HEIGHT - 4, "confidence, against accuracy", "middle")


def _spread(bins: Sequence[Bin]) -> Iterator[str]:
    """The interval of each bin."""
    for part in bins:
        low = _place(part.confidence, part.low)
        high = _place(part.confidence, part.high)
        yield svg.line([low, high], _AFTER, 1)


def _line(bins: Sequence[Bin], colour: str, dash: str) -> Iterator[str]:
    """From bin to bin, each of them marked."""
    places = [_place(part.confidence, part.accuracy) for part in bins]
    yield svg.line(places, colour, 1.6, dash)
    for place in places:
        yield svg.dot(place, 3, colour)


def _histogram(
    title: str,
    counts: Sequence[int],
    mean: float | None,
    colour: str,
) -> str:
    """How many answers have a confidence in each step. It has a height of its own: right ones are
    many.
    """
    heading = f"Confidence of {title}"
    n = sum(counts)
    if not n:
        return markup.chart(heading, markup.paragraph("none", "none"))

    caption = f"n = {n:,}, mean {markup.figure(mean)}"
    parts = [*_frame(max(counts)), *_bars(counts, colour)]
    picture = svg.picture(_WIDTH, _LOW, parts, f"{heading}: {caption}")
    return markup.chart(heading, picture, caption)


def _frame(most: int) -> Iterator[str]:
    """The line that bars stand on, and the figures beside it."""
    yield svg.line([(_LEFT, _FLOOR), (_RIGHT, _FLOOR)], _AXIS, 1)
    yield svg.text(_LEFT - 6, _TOP + 8, f"{most:,}", "end")
    below = _LOW - 8
    yield svg.text(_LEFT, below, "0")
    yield svg.text(_RIGHT, below, "1", "end")


def _bars(counts: Sequence[int], colour: str) -> Iterator[str]:
    """The tallest takes all the height there is."""
    step = (_RIGHT - _LEFT) / len(counts)
    one = (_FLOOR - _TOP) / max(counts)
    for place, count in enumerate(counts):
        left = _LEFT + place * step
        height = count * one
        yield svg.box(left, _FLOOR - height, step - 1, height, colour)
