"""Pure. Whether a candidate's confidence means what it says: the reliability plot before and after
the temperature, and how sure it is where it is right and where it is wrong.
"""

from collections.abc import Iterator, Sequence

from retrain.evaluation.validation import Bin, Validation
from retrain.pages import markup, svg

_SIDE, _HEIGHT = 320, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 310, 10, 266
_BARS, _BASE = 150, 126


def parts(seen: Validation) -> Iterator[str]:
    """The plot, both histograms, and their figures."""
    n = sum(seen.right) + sum(seen.wrong)
    yield markup.paragraph(
        f"ECE {seen.ece_before:.4f} before the temperature, {seen.ece:.4f} after; perfect "
        f"confidence would show {seen.ece_floor:.4f} at this n = {n:,}."
    )
    yield f'<div class="charts">{_reliability(seen)}'
    yield _histogram("right answers", seen.right, seen.confidence_right, "var(--first)")
    yield _histogram("wrong answers", seen.wrong, seen.confidence_wrong, "var(--second)")
    yield "</div>"


def _reliability(seen: Validation) -> str:
    if not seen.reliability:
        return markup.paragraph("No row was held out.", "none")
    parts = [*_axes(), *_spread(seen.reliability)]
    for bins, colour, dash in (
        (seen.reliability_before, "var(--second)", "4 3"),
        (seen.reliability, "var(--first)", ""),
    ):
        places = [_place(each.confidence, each.accuracy) for each in bins]
        parts.append(svg.line(places, colour, 1.6, dash))
        parts += [svg.dot(place, 3, colour) for place in places]
    says = f"reliability: ECE {seen.ece_before:.4f} before the temperature, {seen.ece:.4f} after"
    picture = svg.picture(_SIDE, _HEIGHT, parts, says)
    caption = "before the temperature (dashed), after it with 95 % intervals, perfect (dotted)"
    return f"<figure><h3>Reliability</h3>{picture}<figcaption>{caption}</figcaption></figure>"


def _place(confidence: float, accuracy: float) -> svg.Point:
    x = _LEFT + confidence * (_RIGHT - _LEFT)
    return round(x, 1), round(_BOTTOM - accuracy * (_BOTTOM - _TOP), 1)


def _axes() -> Iterator[str]:
    yield svg.line([(_LEFT, _TOP), (_LEFT, _BOTTOM), (_RIGHT, _BOTTOM)], "var(--line)", 1)
    yield svg.line([_place(0, 0), _place(1, 1)], "var(--line)", 1, "1 3")
    for value in (0.0, 0.5, 1.0):
        x, y = _place(value, value)
        yield svg.text(x, _BOTTOM + 16, f"{value:g}", "middle")
        yield svg.text(_LEFT - 6, y + 4, f"{value:g}", "end")
    yield svg.text((_LEFT + _RIGHT) / 2, _HEIGHT - 4, "confidence, against accuracy", "middle")


def _spread(bins: Sequence[Bin]) -> Iterator[str]:
    """The interval of each bin."""
    for each in bins:
        ends = [_place(each.confidence, each.low), _place(each.confidence, each.high)]
        yield svg.line(ends, "var(--first)", 1)


def _histogram(title: str, counts: Sequence[int], mean: float | None, colour: str) -> str:
    """How many answers have a confidence in each step; its own height, as right ones are many."""
    n, most = sum(counts), max(counts, default=0)
    heading = f"<h3>Confidence of {title}</h3>"
    if not n:
        return f"<figure>{heading}{markup.paragraph('none', 'none')}</figure>"
    wide = (_RIGHT - _LEFT) / len(counts)
    parts = [
        svg.line([(_LEFT, _BASE), (_RIGHT, _BASE)], "var(--line)", 1),
        svg.text(_LEFT - 6, _TOP + 8, f"{most:,}", "end"),
        svg.text(_LEFT, _BARS - 8, "0"),
        svg.text(_RIGHT, _BARS - 8, "1", "end"),
    ]
    for step, count in enumerate(counts):
        tall = (_BASE - _TOP) * count / most
        parts.append(svg.box(_LEFT + step * wide, _BASE - tall, wide - 1, tall, colour))
    says = f"confidence of {n:,} {title}, mean {markup.figure(mean)}"
    picture = svg.picture(_SIDE, _BARS, parts, says)
    caption = f"n = {n:,}, mean {markup.figure(mean)}"
    return f"<figure>{heading}{picture}<figcaption>{caption}</figcaption></figure>"
