"""Pure. One policy's decisions and signals over time: decisions in lanes, incidents as bands behind
them, three signals with their limits below.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from retrain.decide import replay
from retrain.decide.report import svg
from schemas import decisions, events, present
from streams.stats import divergence

Kind, Hold = decisions.Kind, decisions.HoldReason
Taken = Sequence[tuple[replay.Scene, decisions.Decision]]

ACTIONS: Final = {
    Kind.RETRAIN: ("triangle", svg.VERMILION),
    Kind.ROLLBACK: ("left", svg.PURPLE),
    Kind.FIX_UPSTREAM: ("square", svg.ORANGE),
    Kind.REWEIGHT: ("diamond", svg.BLUE),
}
# A hold's colour and the dashes of its line; its lane has its name beside it.
HOLDS: Final = {
    Hold.HEALTHY: (svg.GREEN, ""),
    Hold.WATCHING: (svg.ORANGE, "6 3"),
    Hold.TOO_FEW_LOGS: (svg.GREY, "2 3"),
    Hold.TOO_FEW_LABELS: (svg.GREY, "8 2 2 2"),
    Hold.COOLING_DOWN: (svg.SKY, "10 3"),
    Hold.RUN_IN_PROGRESS: (svg.BLUE, "4 2"),
    Hold.LATENCY_ONLY: (svg.PURPLE, "3 3"),
    Hold.MIX_ONLY: (svg.BLUE, "1 3"),
}
_OTHER_HOLD = (svg.GREY, "4 4")
_TOP, _LANE, _PANEL, _GAP = 30, 22, 110, 34
_POINTS = 1_200  # more than the picture has pixels to show
_EDGE: Final = dt.timedelta(hours=1)


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


def draw(taken: Taken, incidents: Sequence[events.Incident], time: svg.Time, name: str) -> str:
    """The whole picture of one policy."""
    lanes = _lanes(taken)
    height = _TOP + _LANE * len(lanes) + 3 * (_PANEL + _GAP) + 24
    panels: list[str] = []
    places = (
        ("live accuracy (ratio, 95 % interval)", _accuracy),
        ("intent mix: KL over noise floor (nats)", _kl),
        ("low-confidence rate (ratio)", _low),
    )
    for i, (title, reading) in enumerate(places):
        top = _TOP + _LANE * len(lanes) + i * (_PANEL + _GAP) + _GAP - 6
        panels += _panel(
            title, _thinned([found for one in taken for found in reading(*one)]), time, top
        )
    parts = [
        *_incidents(incidents, time, height),
        *_axis(time, height),
        *_decided(taken, lanes, time),
        *panels,
    ]
    return svg.picture(height, parts, f"Decisions and signals over time under {name}")


def _lanes(taken: Taken) -> list[str]:
    """The kinds of action, then the reasons of holds, that occur."""
    acted = {decision.decision for _, decision in taken}
    held = {_reason(decision) for _, decision in taken if decision.decision is Kind.HOLD}
    order = [str(reason) for reason in Hold]
    return [
        *(str(kind) for kind in ACTIONS if kind in acted),
        *sorted(held, key=lambda reason: (order.index(reason) if reason in order else 99, reason)),
    ]


def _reason(decision: decisions.Decision) -> str:
    return str(decision.hold_reason or "hold")


def _decided(taken: Taken, lanes: Sequence[str], time: svg.Time) -> Iterator[str]:
    place = {name: _TOP + _LANE * i + _LANE / 2 for i, name in enumerate(lanes)}
    for name, y in place.items():
        yield svg.text(
            svg.LEFT - 12,
            y + 4,
            name if name in {str(kind) for kind in ACTIONS} else f"hold: {name}",
            "end",
        )
        yield svg.line([(svg.LEFT, y), (svg.WIDTH - svg.RIGHT, y)], "#ddd", 0.7)
    for begin, end, reason in _stretches(taken):
        colour, dash = HOLDS.get(Hold(reason), _OTHER_HOLD) if reason in list(Hold) else _OTHER_HOLD
        yield svg.line(
            [(time.x(begin - _EDGE), place[reason]), (time.x(end), place[reason])], colour, 7, dash
        )
    for _, decision in taken:
        if decision.decision in ACTIONS:
            shape, colour = ACTIONS[decision.decision]
            says = f"{decision.at:%Y-%m-%d %H:%M} UTC {decision.decision} of {decision.model}, cause {decision.cause or 'unknown'}"
            yield svg.mark(shape, time.x(decision.at), place[str(decision.decision)], colour, says)


def _stretches(taken: Taken) -> list[tuple[dt.datetime, dt.datetime, str]]:
    """Holds one after the other for the same reason, each as first and last instant; an hour
    without traffic ends a stretch.
    """
    found: list[tuple[dt.datetime, dt.datetime, str]] = []
    before = None
    for _, decision in taken:
        reason = _reason(decision) if decision.decision is Kind.HOLD else None
        if (
            reason is not None
            and found
            and before == reason
            and decision.at - found[-1][1] <= _EDGE
        ):
            found[-1] = (found[-1][0], decision.at, reason)
        elif reason is not None:
            found.append((decision.at, decision.at, reason))
        before = reason
    return found


def _incidents(
    incidents: Sequence[events.Incident], time: svg.Time, height: float
) -> Iterator[str]:
    for i, incident in enumerate(incidents):
        begin, end = time.x(incident.started), time.x(incident.ended or time.end)
        if incident.started > time.end or (incident.ended or time.end) < time.begin:
            continue
        box = f'<rect x="{begin}" y="{_TOP - 4}" width="{max(2.0, end - begin):g}" height="{height - _TOP - 18:g}" fill="url(#hatch)" stroke="#555" '
        yield (
            box
            + f'stroke-dasharray="2 2"><title>{svg.safe(f"{incident.id}: {incident.kind}, from {incident.started} to {incident.ended}")}</title></rect>'
        )
        yield svg.text(
            begin,
            11 + i % 2 * 12,
            f"{incident.id[:24]}: {incident.kind[:16]}",
            "end" if begin > svg.WIDTH * 0.8 else "start",
            "incident",
        )


def _axis(time: svg.Time, height: float) -> Iterator[str]:
    for at in time.ticks():
        yield svg.line([(time.x(at), _TOP - 4), (time.x(at), height - 20)], "#e4e4e4", 0.7)
        yield svg.text(
            min(time.x(at), svg.WIDTH - 34), height - 6, f"{at:%Y-%m-%d}", "middle", "tick"
        )


def _readings(decision: decisions.Decision, name: str) -> Iterator[Reading]:
    for reason in decision.reasons:
        if reason.signal == name and reason.value is not None:
            yield Reading(decision.at, reason.value, reason.low, reason.high, reason.limit)


def _accuracy(_: replay.Scene, decision: decisions.Decision) -> Iterator[Reading]:
    return _readings(decision, "live_accuracy")


def _low(_: replay.Scene, decision: decisions.Decision) -> Iterator[Reading]:
    return (
        Reading(one.at, one.value, None, None, one.limit)
        for one in _readings(decision, "low_confidence_rate")
    )


def _kl(scene: replay.Scene, decision: decisions.Decision) -> Iterator[Reading]:
    """What the limit is held against: the KL less what pure chance shows at these sample sizes, as
    its interval is.
    """
    n = next((reason.n for reason in decision.reasons if reason.signal == "intent_mix_kl"), 0)
    reference = scene.view.reference
    floor = (
        divergence.noise_floor(
            k=len(present.INTENTS), n=n, reference_n=reference.n if reference else None
        )
        if n
        else 0.0
    )
    return (
        dataclasses.replace(one, value=max(0.0, one.value - floor))
        for one in _readings(decision, "intent_mix_kl")
    )


def _thinned(found: Sequence[Reading]) -> list[Reading]:
    """At most _POINTS readings: of each run the one that lies furthest from its limit, so that no
    peak is lost.
    """
    run = max(1, -(-len(found) // _POINTS))
    furthest: Callable[[Reading], float] = lambda one: abs(one.value - one.limit)  # noqa: E731
    return [max(found[i : i + run], key=furthest) for i in range(0, len(found), run)]


def _panel(title: str, found: Sequence[Reading], time: svg.Time, top: float) -> Iterator[str]:
    """One signal: its line, its interval, its limit dashed, three figures at its left."""
    yield svg.text(svg.LEFT, top - 4, title, kind="panel")
    if not found:
        yield svg.text(svg.LEFT + 10, top + _PANEL / 2, "nothing measured")
        return
    low, high = _range(found)

    def y(value: float) -> float:
        return round(top + _PANEL * (1 - (value - low) / (high - low)), 1)

    for value in (low, (low + high) / 2, high):
        yield svg.line([(svg.LEFT, y(value)), (svg.WIDTH - svg.RIGHT, y(value))], "#bbb", 0.6)
        yield svg.text(svg.LEFT - 8, y(value) + 4, f"{value:.3g}", "end", "tick")
    x = [time.x(one.at) for one in found]
    banded = [
        (at, one.low, one.high)
        for at, one in zip(x, found, strict=True)
        if one.low is not None and one.high is not None
    ]
    if banded:
        yield svg.band(
            [(at, y(below)) for at, below, _ in banded],
            [(at, y(above)) for at, _, above in banded],
            svg.BLUE,
        )
    yield svg.line(
        [(at, y(one.limit)) for at, one in zip(x, found, strict=True)], svg.VERMILION, 1.5, "7 4"
    )
    yield svg.line([(at, y(one.value)) for at, one in zip(x, found, strict=True)], svg.BLUE)
    yield svg.text(
        svg.WIDTH - svg.RIGHT, top - 4, f"dashed: limit {found[-1].limit:.3g}", "end", "limit"
    )


def _range(found: Sequence[Reading]) -> tuple[float, float]:
    values = [
        edge
        for one in found
        for edge in (one.value, one.low, one.high, one.limit)
        if edge is not None
    ]
    low, high = min(values), max(values)
    low = 0.0 if low < (high - low) / 4 else low
    return low, high if high > low else low + 1.0
