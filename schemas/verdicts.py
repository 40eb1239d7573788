"""Pure. Signal: a measured number with its n, interval and noise floor; Verdict: what the policy
says of it.
"""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from schemas import signals


class Level(StrEnum):
    """How a single window stands. `blind`: too little evidence to say, which is never the same as
    ok.
    """

    OK = "ok"
    WATCH = "watch"
    BREACH = "breach"
    BLIND = "blind"


@dataclass(frozen=True, slots=True)
class Signal:
    """One number of one window. Rates are ratios, latencies milliseconds, KL nats; `low`/`high` its
    95 % interval. `age_hours`: how long before `end` the window ended that it is of, where labels
    take longer than a week.
    """

    model: str
    horizon: str
    end: dt.datetime
    signal: str
    value: float | None
    n: int
    intent: str | None = None
    reference_n: int | None = None
    low: float | None = None
    high: float | None = None
    noise_floor: float | None = None
    p_value: float | None = None
    reference: float | None = None
    age_hours: int = 0

    @property
    def excess(self) -> float:
        """What of the value is more than chance alone shows on average."""
        return (self.value or 0.0) - (self.noise_floor or 0.0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A signal judged. `limit` is the policy's enter level; `in_breach` says that the k-of-n rule
    holds, with hysteresis, and `since` from which window's end on without a break. `intents`: of
    which it is proven, or labels are needed of, where a figure is of the worst of them; `strata`:
    the messages that annotators leave out. `days_alike`: of a mix in breach, how many of the last
    days have one mix.
    """

    signal: Signal
    verdict: Level
    limit: float
    in_breach: bool
    level: str | None = None
    labels_needed: int | None = None
    since: dt.datetime | None = None
    intents: tuple[str, ...] = ()
    days_alike: int | None = None
    strata: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        """Whether it shows that all is well, which is more than that nothing is proven: what should
        not fall is not under its limit, either.
        """
        if self.verdict is not Level.OK or self.in_breach:
            return False
        value, about = self.signal.value, signals.of(self.signal.signal)
        return value is None or not (about.falls and about.beyond(value, self.limit))
