"""Pure. Check: one number of a run held against its healthy range. What an audit finds, what
training shows, whether a model is ready and what it costs are checks; log lines, boards, report and
Slack render the same object.
"""

import math
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a number stands. What is not known is watched, never ok."""

    OK = "ok"
    WATCH = "watch"
    ACT = "act"


class Stage(StrEnum):
    """Which part of a run a check is of, in order."""

    AUDIT = "audit"
    SPLIT = "split"
    TRAINING = "training"
    VALIDATION = "validation"
    COMPILE = "compile"
    READINESS = "readiness"
    COST = "cost"


@dataclass(frozen=True, slots=True)
class Range:
    """The values from `least` to `most`; None where it is open.

    >>> str(Range(most=0.05)), str(Range(300)), str(Range(0.1, 0.3)), str(Range())
    ('at most 0.05', 'at least 300', '0.1 to 0.3', 'any')
    """

    least: float | None = None
    most: float | None = None

    def __str__(self) -> str:
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        if self.most is not None:
            return f"at most {self.most:g}"
        return "any" if self.least is None else f"at least {self.least:g}"

    def holds(self, value: float) -> bool:
        """Whether a value lies in it."""
        above = self.least is None or value >= self.least
        return above and (self.most is None or value <= self.most)

    def misses(self, low: float, high: float) -> bool:
        """Whether nothing from `low` to `high` lies in it."""
        under = self.least is not None and high < self.least
        return under or (self.most is not None and low > self.most)


ANY = Range()


@dataclass(frozen=True, slots=True)
class Check:
    """`value` of `n` things (rows, steps, messages) with its 95 % interval or its noise floor, the
    healthy range, how it stands, and what to do where it is not ok.
    """

    stage: Stage
    name: str
    value: float | None
    n: int
    healthy: Range
    level: Level
    remedy: str = ""
    low: float | None = None
    high: float | None = None
    floor: float | None = None


def check(
    stage: Stage,
    name: str,
    value: float | None,
    n: int,
    healthy: Range,
    *,
    bearable: Range = ANY,
    remedy: str = "",
    low: float | None = None,
    high: float | None = None,
    floor: float | None = None,
) -> Check:
    """Judge a number: ok in its healthy range, else watched; to be acted on where it lies beyond
    what is `bearable`, with its whole interval where it has one. A noise floor is taken off first.

    >>> most = Range(most=0.05)
    >>> check(Stage.AUDIT, "synthetic_low_quality", 0.096, 5_000, most, bearable=most).level
    <Level.ACT: 'act'>
    >>> check(Stage.AUDIT, "label_noise", None, 0, most).level
    <Level.WATCH: 'watch'>
    """
    if value is None or not math.isfinite(value):
        value, level = None, Level.WATCH
    elif healthy.holds(value - (floor or 0.0)):
        level = Level.OK
    else:
        ends = (value - (floor or 0.0),) * 2 if low is None or high is None else (low, high)
        level = Level.ACT if bearable.misses(*ends) else Level.WATCH
    return Check(stage, name, value, n, healthy, level, remedy, low, high, floor)
