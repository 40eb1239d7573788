"""Pure. The board's nouns: what a panel, the summary above it and the whole page say. The page and
the JSON hold exactly these.
"""

import dataclasses
import datetime as dt
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import markupsafe


class State(StrEnum):
    """How a panel stands, as the word that is shown."""

    OK = "ok"
    WATCH = "watch"
    BREACH = "breach"
    BLIND = "blind"
    STALE = "stale"
    UNJUDGED = "not judged"
    NO_LIMIT = "no limit"
    NO_DATA = "no data"


class Unit(StrEnum):
    """What a panel's value counts. A ratio is shown as percent."""

    MS = "ms"
    RATIO = "ratio"
    NATS = "nats"
    ODDS = "odds"
    LOGS = "logs"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Point:
    """A value with its 95 % interval (or None) and n, at the end of its window."""

    end: dt.datetime
    value: float
    n: int | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """A history, oldest first. Points further apart than `step_s` seconds have a window missing
    between them; None: whatever holds, holds until the next.
    """

    name: str
    step_s: float | None
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A level drawn across the chart; `limit`: the one that makes a breach."""

    name: str
    value: float
    limit: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """One intent of the mix: its logs, its share and its share in the reference (None without one),
    ratios.
    """

    intent: str
    n: int
    share: float
    reference: float | None


@dataclass(frozen=True, slots=True)
class Panel:
    """One of the ten. `missing` says what is absent and what to do about it; then there is no
    value.

    `value`, `low`, `high`, `noise_floor` and `limit` are in `unit`; `lead` says what the value is
    of. Where the unit is a model, the value of a point is an index into `levels`.
    """

    key: str
    name: str
    unit: Unit
    state: State = State.NO_DATA
    verdict: str = ""
    missing: str | None = None
    model: str | None = None
    lead: str = ""
    value: float | None = None
    n: int | None = None
    counted: str = "logs"
    low: float | None = None
    high: float | None = None
    noise_floor: float | None = None
    limit: float | None = None
    at_least: bool = False
    horizon: str | None = None
    end: dt.datetime | None = None
    notes: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    series: tuple[Series, ...] = ()
    shares: tuple[Share, ...] = ()
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the summary: a heading, what holds, and one more sentence."""

    name: str
    text: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """The whole page. `since` and `until` are the time axis of every chart; `alarms` what is silent
    and what to do about it; `champion_run` the run that made the champion, where it is known.
    """

    state: State
    headline: str
    alarms: tuple[str, ...]
    summary: tuple[Item, ...]
    reasons: tuple[dict[str, Any], ...]
    panels: tuple[Panel, ...]
    champion: str | None
    champion_run: str | None
    since: dt.datetime
    until: dt.datetime
    read_at: dt.datetime


def plain(board: Board) -> dict[str, Any]:
    """The board as JSON carries it; times stay datetimes for the encoder."""
    return dataclasses.asdict(board)


def finite(value: Any) -> float | None:
    """A number that can be drawn and written as JSON, or None.

    >>> finite(3), finite(float("nan")), finite(None)
    (3.0, None, None)
    """
    return float(value) if value is not None and math.isfinite(value) else None


def markup(template: str, **values: object) -> markupsafe.Markup:
    """A piece of HTML around values that are escaped."""
    # The template is a literal of this package, the values are escaped.
    return markupsafe.Markup(template).format(**values)  # noqa: S704
