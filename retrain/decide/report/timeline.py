"""Pure. One policy's decisions and signals over time: decisions in lanes, incidents as bands behind
them, three signals with their limits below.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from retrain.decide import replay
from retrain.decide.report import chart, panels
from retrain.pages import svg
from schemas import decisions, events, why

Kind, Hold = decisions.Kind, decisions.HoldReason

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
    Hold.LABELS_BIASED: (svg.VERMILION, "2 2"),
    Hold.INTENT_LOST: (svg.VERMILION, "6 2 2 2"),
    Hold.PAUSED: (svg.PURPLE, "10 3"),
    Hold.NOT_WORTH_IT: (svg.SKY, "2 3"),
}
_OTHER_HOLD = (svg.GREY, "4 4")
_PANELS: Final = (
    ("live accuracy (ratio, 95 % interval)", panels.accuracy),
    ("intent mix: KL over noise floor (nats)", panels.mix_kl),
    ("low-confidence rate above the reference's (ratio)", panels.low_confidence),
)
_TOP, _LANE, _GAP = 30, 22, 34
_EDGE: Final = dt.timedelta(hours=1)


def draw(
    taken: replay.Taken,
    incidents: Sequence[events.Incident],
    time: chart.Time,
    name: str,
) -> str:
    """The whole picture of one policy."""
    lanes = _lanes(taken)
    under_lanes = _TOP + _LANE * len(lanes)
    height = under_lanes + len(_PANELS) * (panels.HEIGHT + _GAP) + 24
    parts = [
        *_incidents(incidents, time, height),
        *_axis(time, height),
        *_decided(taken, lanes, time),
        *_signals(taken, time, under_lanes),
    ]
    return svg.picture(chart.WIDTH, height, parts, f"Decisions and signals over time under {name}")


def _signals(
    taken: replay.Taken,
    time: chart.Time,
    under_lanes: float,
) -> Iterator[str]:
    for i, (title, read) in enumerate(_PANELS):
        readings: list[panels.Reading] = []
        for scene, decision in taken:
            readings += read(scene, decision)
        top = under_lanes + i * (panels.HEIGHT + _GAP) + _GAP - 6
        yield from panels.draw(title, panels.thinned(readings), time, top)


def _lanes(taken: replay.Taken) -> list[str]:
    """The kinds of action, then the reasons of holds, that occur."""
    kinds = set()
    reasons = set()
    for _, decision in taken:
        kinds.add(decision.decision)
        if decision.decision is Kind.HOLD:
            reasons.add(_reason(decision))

    actions = [str(kind) for kind in ACTIONS if kind in kinds]
    return [*actions, *sorted(reasons, key=_order)]


def _order(reason: str) -> tuple[int, str]:
    """Holds as the contract lists them, then any other by name."""
    listed = [str(hold) for hold in Hold]
    if reason in listed:
        return listed.index(reason), reason
    return len(listed), reason


def _reason(decision: decisions.Decision) -> str:
    return str(decision.hold_reason or "hold")


def _decided(
    taken: replay.Taken,
    lanes: Sequence[str],
    time: chart.Time,
) -> Iterator[str]:
    middle_of_first = _TOP + _LANE / 2
    heights = {lane: middle_of_first + _LANE * i for i, lane in enumerate(lanes)}
    for lane, y in heights.items():
        name = lane if lane in ACTIONS else f"hold: {lane}"
        yield svg.text(chart.LEFT - 12, y + 4, name, "end")
        yield chart.across(y, "#ddd", 0.7)

    for stretch in _stretches(taken):
        colour, dash = style(stretch.reason)
        y = heights[stretch.reason]
        # From the beginning of its first hour: a decision stands at an hour's end.
        begin = (time.x(stretch.first - _EDGE), y)
        end = (time.x(stretch.last), y)
        yield svg.line([begin, end], colour, 7, dash)

    for _, decision in taken:
        if decision.decision in ACTIONS:
            shape, colour = ACTIONS[decision.decision]
            x, y = time.x(decision.at), heights[str(decision.decision)]
            yield svg.mark(shape, x, y, colour, _tooltip(decision))


def style(reason: str) -> tuple[str, str]:
    """A hold's colour and the dashes of its line."""
    if reason not in list(Hold):
        return _OTHER_HOLD
    return HOLDS.get(Hold(reason), _OTHER_HOLD)


def _tooltip(decision: decisions.Decision) -> str:
    at = f"{decision.at:%Y-%m-%d %H:%M} UTC"
    cause = decision.cause or "unknown"
    said = f"{at} {decision.decision} of {decision.model}, cause {cause}"
    return "\n".join((said, *why.lines(decision)))


@dataclass(slots=True)
class _Stretch:
    """Holds one after the other for the same reason: the first instant and the last."""

    first: dt.datetime
    last: dt.datetime
    reason: str


def _stretches(taken: replay.Taken) -> list[_Stretch]:
    """In the order of time; an hour without traffic ends one, as any action does."""
    stretches: list[_Stretch] = []
    current: _Stretch | None = None
    for _, decision in taken:
        if decision.decision is not Kind.HOLD:
            current = None
            continue
        reason, at = _reason(decision), decision.at
        if current and current.reason == reason and at - current.last <= _EDGE:
            current.last = at
        else:
            current = _Stretch(at, at, reason)
            stretches.append(current)
    return stretches


def _incidents(
    incidents: Sequence[events.Incident],
    time: chart.Time,
    height: float,
) -> Iterator[str]:
    box_height = height - _TOP - 18
    for i, incident in enumerate(incidents):
        ended = incident.ended or time.end
        if incident.started > time.end or ended < time.begin:
            continue
        begin = time.x(incident.started)
        width = max(2.0, time.x(ended) - begin)
        span = f"from {incident.started} to {incident.ended}"
        says = f"{incident.id}: {incident.kind}, {span}"
        yield chart.hatched(begin, _TOP - 4, width, box_height, says)

        title = f"{incident.id[:24]}: {incident.kind[:16]}"
        line = 11 + i % 2 * 12  # two lines of titles: neighbours do not cover each other
        anchor = "end" if begin > chart.WIDTH * 0.8 else "start"
        yield svg.text(begin, line, title, anchor, "incident")


def _axis(time: chart.Time, height: float) -> Iterator[str]:
    for at in time.ticks():
        x = time.x(at)
        top, bottom = (x, _TOP - 4), (x, height - 20)
        yield svg.line([top, bottom], "#e4e4e4", 0.7)
        inside = min(x, chart.WIDTH - 34)
        yield svg.text(inside, height - 6, f"{at:%Y-%m-%d}", "middle", "tick")
