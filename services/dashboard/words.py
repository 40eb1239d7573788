"""Pure. Values, times and durations as a reader sees them: always with the unit, always UTC."""

import datetime as dt

import markupsafe

from schemas import units
from services.dashboard import board

Unit = board.Unit


def amount(unit: board.Unit, value: float | None) -> str:
    """A value with its unit.

    >>> amount(Unit.RATIO, 0.714), amount(Unit.RATIO, 0.0004)
    ('71.4 %', '0.04 %')
    >>> amount(Unit.MS, 13.94), amount(Unit.NATS, 0.0291), amount(Unit.LOGS, 12040)
    ('13.9 ms', '0.029 nats', '12,040 logs')
    """
    if value is None:
        return "no value"
    written = {
        Unit.RATIO: units.percent,
        Unit.MS: units.ms,
        Unit.NATS: units.nats,
        Unit.ODDS: units.odds,
    }.get(unit)
    return written(value) if written else f"{value:,.0f} logs"


def points(difference: float) -> str:
    """A difference of two ratios in percentage points.

    >>> points(0.123), points(-0.004)
    ('+12.3 points', '-0.4 points')
    """
    return f"{100 * difference:+.1f} points"


def interval(unit: board.Unit, low: float | None, high: float | None) -> str | None:
    """A 95 % interval, its unit once.

    >>> interval(Unit.RATIO, 0.701, 0.7266), interval(Unit.MS, 12.0, None)
    ('70.1 to 72.7 %', None)
    """
    if low is None or high is None:
        return None
    return f"{amount(unit, low).rsplit(' ', 1)[0]} to {amount(unit, high)}"


def probability(p: float) -> str:
    """A p-value as far as it means anything.

    >>> probability(0.0312), probability(3e-17)
    ('= 0.031', '< 0.0001')
    """
    return f"= {p:.2g}" if p >= 0.0001 else "< 0.0001"


def limit(unit: board.Unit, value: float, *, at_least: bool) -> str:
    """A limit with its direction.

    >>> limit(Unit.MS, 15.0, at_least=False)
    'at most 15.0 ms'
    """
    direction = "at least" if at_least else "at most"
    return f"{direction} {amount(unit, value)}"


def when(at: dt.datetime) -> str:
    """A time in UTC, to the minute.

    >>> when(dt.datetime(2026, 4, 20, 10, 41, 14, tzinfo=dt.UTC))
    '20 Apr 10:41 UTC'
    """
    return f"{at.day} {at:%b %H:%M} UTC"


def span(seconds: float) -> str:
    """A duration in its largest unit.

    >>> span(42), span(600), span(9000), span(400_000)
    ('42 s', '10 min', '2.5 h', '4.6 d')
    """
    if seconds < 120:
        return f"{max(0.0, seconds):.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * 86400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} d"


def spoken(name: str) -> str:
    """An enum's name as words; capitals of a reason stay recognisable in the JSON.

    >>> spoken("TOO_FEW_LABELS"), spoken("fix_upstream")
    ('too few labels', 'fix upstream')
    """
    return name.replace("_", " ").lower()


def prose(text: str) -> markupsafe.Markup:
    """A sentence as HTML, `commands` in it as code; everything else is text.

    >>> print(prose("run `make up` <now>"))
    run <code>make up</code> &lt;now&gt;
    """
    parts = []
    for place, part in enumerate(text.split("`")):
        # Between two backquotes is every other part.
        template = "<code>{t}</code>" if place % 2 else "{t}"
        parts.append(board.markup(template, t=part))
    return markupsafe.Markup("").join(parts)
