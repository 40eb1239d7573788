"""Pure. One signal of a replay over time: its line, its 95 % interval, the limit it is held
against.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from retrain.decide import replay
from retrain.decide.report import chart
from retrain.pages import svg
from schemas import decisions, present
from streams.stats import divergence

HEIGHT = 110
_POINTS = 1_200  # more than the picture has pixels to show


@dataclass(frozen=True, slots=True)
class Reading:
    """A signal at an instant, in its own unit; its interval where it has one, and the policy's
    limit then.
    """

    at: dt.datetime
    value: float
    low: float | None
    high: float | None
    limit: float


def accuracy(_: replay.Scene, decision: decisions.Decision) -> Iterator[Reading]:
    """Live accuracy, with its interval."""
    return _readings(decision, "live_accuracy")


def low_confidence(
    _: replay.Scene,
    decision: decisions.Decision,
) -> Iterator[Reading]:
    """How far the low-confidence rate is above the reference's, which is what a decision rests on;
    of so many logs the interval would be a line.
    """
    for reading in _readings(decision, "low_confidence_rise"):
        yield dataclasses.replace(reading, low=None, high=None)


def mix_kl(
    scene: replay.Scene,
    decision: decisions.Decision,
) -> Iterator[Reading]:
    """What the limit is held against: the KL less what pure chance shows at these sample sizes, as
    its interval is.
    """
    floor = _noise_floor(scene, decision)
    for reading in _readings(decision, "intent_mix_kl"):
        yield dataclasses.replace(reading, value=max(0.0, reading.value - floor))


def _readings(decision: decisions.Decision, name: str) -> Iterator[Reading]:
    for reason in decision.reasons:
        if reason.signal == name and reason.value is not None:
            yield Reading(
                decision.at,
                reason.value,
                reason.low,
                reason.high,
                reason.limit,
            )


def _noise_floor(scene: replay.Scene, decision: decisions.Decision) -> float:
    reference = scene.view.reference
    reference_n = reference.n if reference else None
    for reason in decision.reasons:
        if reason.signal == "intent_mix_kl" and reason.n:
            return divergence.noise_floor(
                k=len(present.INTENTS),
                n=reason.n,
                reference_n=reference_n,
            )
    return 0.0


def thinned(readings: Sequence[Reading]) -> list[Reading]:
    """At most _POINTS readings: of each run the one that lies furthest from its limit, so that no
    peak is lost.
    """
    run = max(1, -(-len(readings) // _POINTS))
    starts = range(0, len(readings), run)
    return [max(readings[start : start + run], key=_distance) for start in starts]


def _distance(reading: Reading) -> float:
    return abs(reading.value - reading.limit)


def draw(
    title: str,
    readings: Sequence[Reading],
    time: chart.Time,
    top: float,
) -> Iterator[str]:
    """One signal: its line, its interval, its limit dashed, three figures at its left."""
    yield svg.text(chart.LEFT, top - 4, title, kind="panel")
    if not readings:
        yield svg.text(chart.LEFT + 10, top + HEIGHT / 2, "nothing measured")
        return
    low, high = _range(readings)

    def y(value: float) -> float:
        share = (value - low) / (high - low)
        return round(top + HEIGHT * (1 - share), 1)

    middle = (low + high) / 2
    for value in (low, middle, high):
        yield chart.across(y(value), "#bbb", 0.6)
        yield svg.text(chart.LEFT - 8, y(value) + 4, f"{value:.3g}", "end", "tick")

    yield from _interval(readings, time, y)
    yield from _curves(readings, time, y)
    newest = f"dashed: limit {readings[-1].limit:.3g}"
    yield svg.text(chart.WIDTH - chart.RIGHT, top - 4, newest, "end", "limit")


def _curves(
    readings: Sequence[Reading],
    time: chart.Time,
    y: Callable[[float], float],
) -> Iterator[str]:
    limits = []
    values = []
    for reading in readings:
        x = time.x(reading.at)
        limits.append((x, y(reading.limit)))
        values.append((x, y(reading.value)))
    yield svg.line(limits, svg.VERMILION, 1.5, "7 4")
    yield svg.line(values, svg.BLUE)


def _interval(
    readings: Sequence[Reading],
    time: chart.Time,
    y: Callable[[float], float],
) -> Iterator[str]:
    lower: list[svg.Point] = []
    upper: list[svg.Point] = []
    for reading in readings:
        if reading.low is not None and reading.high is not None:
            x = time.x(reading.at)
            lower.append((x, y(reading.low)))
            upper.append((x, y(reading.high)))
    if lower:
        yield svg.band(lower, upper, svg.BLUE)


def _range(readings: Sequence[Reading]) -> tuple[float, float]:
    """The least and the most of the vertical axis, never the same. From 0 where that is near."""
    values = []
    for reading in readings:
        for edge in (reading.value, reading.low, reading.high, reading.limit):
            if edge is not None:
                values.append(edge)
    low, high = min(values), max(values)
    if low < (high - low) / 4:
        low = 0.0
    if high <= low:
        high = low + 1.0
    return low, high
