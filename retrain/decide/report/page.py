"""Pure. A replay as one HTML page that needs nothing else: no script, no network, readable in print
and without colour.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from retrain.decide import replay
from retrain.decide.report import chart, timeline
from retrain.pages import markup, svg
from schemas import decisions, events

_STYLE: Final = """
:root { color-scheme: light }
body { font: 15px/1.45 system-ui, sans-serif; color: #111; background: #fff; max-width: 1180px; \
margin: 1.2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 1.6rem 0 .3rem; \
overflow-wrap: anywhere }
table { border-collapse: collapse } th, td { padding: .25rem .7rem; \
border-bottom: 1px solid #bbb; text-align: right; font-variant-numeric: tabular-nums }
th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere } \
tbody tr.beside { color: #444; font-style: italic }
svg { width: 100%; height: auto; display: block } \
svg text { font: 12px system-ui, sans-serif; fill: #111 }
svg text.tick { font-size: 11px; fill: #444 } svg text.panel { font-weight: 600 }
svg text.limit { fill: #a33d00; font-weight: 600; paint-order: stroke; stroke: #fff; \
stroke-width: 3px } svg text.incident { font-weight: 600 }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .4rem 0; padding: 0; \
list-style: none }
.legend svg { width: 34px; display: inline-block; vertical-align: middle }
@media print { body { max-width: none; margin: 0 } section { break-inside: avoid } \
* { print-color-adjust: exact } }
"""
_HATCH: Final = (
    '<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>'
    '<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="7" height="7" fill="#888" fill-opacity="0.10"/>'
    '<path d="M0 0V7" stroke="#555" stroke-opacity="0.35"/></pattern></defs></svg>'
)
_HEAD: Final = (
    "policy",
    "hits",
    "misses",
    "false alarms",
    "delay (hours)",
    "delay (messages)",
    "labels used",
    "retrains",
    "cost",
)


_NOTHING_SCORED: Final = (
    "<p>No known incidents were given (<code>--incidents</code>), so nothing is scored.</p>"
)
_NOTE: Final = (
    "<p>always: a retrain at every cool-down's end; weekly: one a week; never: none. "
    "Delays are means over hits. Cost: labels and training, in the policy's currency.</p>"
)


def render(
    played: Sequence[replay.Played],
    incidents: Sequence[events.Incident],
    beside: Sequence[replay.Score],
) -> str:
    """The page. `beside`: the scores of the baselines; empty where no incidents are known, and then
    nothing is scored.
    """
    body = ["<h1>Replay of the retrain trigger</h1>", _HATCH]
    instants = [decision.at for one in played for _, decision in one.taken]
    if instants:
        time = chart.Time(min(instants) - dt.timedelta(hours=1), max(instants))
        body.append(_summary(played, incidents, time))
        body.append(_scores(played, beside))
        body.append(_legend(played))
        body += [_section(one, incidents, time) for one in played]
    else:
        body.append("<p>There is no complete hour with traffic in this stretch of history.</p>")
    return markup.document("intentwatch: replay", _STYLE, "".join(body))


def _summary(
    played: Sequence[replay.Played],
    incidents: Sequence[events.Incident],
    time: chart.Time,
) -> str:
    hours = max(len(one.taken) for one in played)
    incident = "incident" if len(incidents) == 1 else "incidents"
    count = f"{len(incidents)} known {incident}"
    stretch = f"{time.begin:%Y-%m-%d %H:%M} to {time.end:%Y-%m-%d %H:%M} UTC"
    return f"<p>{stretch}: {hours:,} hours with traffic, {count}. One decision an hour.</p>"


def _scores(
    played: Sequence[replay.Played],
    beside: Sequence[replay.Score],
) -> str:
    if not beside:
        return _NOTHING_SCORED
    names = "".join(f"<th>{name}</th>" for name in _HEAD)
    rows = [_row(one.score, "") for one in played]
    rows += [_row(score, "beside") for score in beside]
    head = f"<thead><tr>{names}</tr></thead>"
    body = f"<tbody>{''.join(rows)}</tbody>"
    return f"<h2>Scores on the known incidents</h2><table>{head}{body}</table>{_NOTE}"


def _row(score: replay.Score, kind: str) -> str:
    figures = (
        f"{score.hits:,}",
        f"{score.misses:,}",
        f"{score.false_alarms:,}",
        _delay(score.delay_hours),
        _delay(score.delay_messages),
        f"{score.labels_used:,}",
        f"{score.retrains:,}",
        f"{score.cost:,.2f}",
    )
    cells = "".join(f"<td>{figure}</td>" for figure in figures)
    return f'<tr class="{kind}"><td>{svg.safe(score.policy)}</td>{cells}</tr>'


def _delay(mean: float | None) -> str:
    return "–" if mean is None else f"{mean:,.1f}"


def _legend(played: Sequence[replay.Played]) -> str:
    entries = []
    for kind, (shape, colour) in timeline.ACTIONS.items():
        entries.append(_entry(svg.mark(shape, 17, 9, colour), str(kind)))

    held = {decision.hold_reason for one in played for _, decision in one.taken}
    for reason in decisions.HoldReason:
        if reason in held:
            colour, dash = timeline.style(reason)
            entries.append(_entry(_stroke(colour, 7, dash), f"hold: {reason}"))

    known_incident = '<rect width="34" height="18" fill="url(#hatch)" '
    known_incident += 'stroke="#555" stroke-dasharray="2 2"/>'
    interval = svg.band([(0, 14), (34, 14)], [(0, 4), (34, 4)], svg.BLUE)
    entries.append(_entry(known_incident, "known incident"))
    entries.append(_entry(_stroke(svg.BLUE), "signal"))
    entries.append(_entry(interval, "95 % interval"))
    entries.append(_entry(_stroke(svg.VERMILION, 1.5, "7 4"), "limit of the policy"))
    return f'<h2>Legend</h2><ul class="legend">{"".join(entries)}</ul>'


def _stroke(
    colour: str,
    width: float = 1.5,
    dash: str = "",
) -> str:
    """A line across an icon."""
    return svg.line([(0, 9), (34, 9)], colour, width, dash)


def _entry(part: str, name: str) -> str:
    icon = f'<svg viewBox="0 0 34 18" aria-hidden="true">{part}</svg>'
    return f"<li>{icon} {svg.safe(name)}</li>"


def _section(
    one: replay.Played,
    incidents: Sequence[events.Incident],
    time: chart.Time,
) -> str:
    acted = sum(decision.decision is not decisions.Kind.HOLD for _, decision in one.taken)
    counts = f"Retrains: {one.score.retrains}. Actions in all: {acted}."
    title = f"<h2>{svg.safe(one.name)}</h2>"
    summary = f"<p>{counts} Policy {one.rules.sha256[:12]}.</p>"
    picture = timeline.draw(one.taken, incidents, time, one.name)
    return f"<section>{title}{summary}{picture}</section>"
