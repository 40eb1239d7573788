"""Pure. How long the demo still takes: its work in seconds of a free machine, and how much longer
this machine needs for each kind of it.

What this machine has measured counts: above all the first training, step by step, for the second. A
figure that was told rises only with a word why.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from schemas import runs

State = runs.State

FIRST_RUN: Final = 45.0
NEXT_RUN: Final = 60.0
_STARTING: Final = 15.0
_ENDING: Final = 15.0
_A_THOUSAND: Final = 10.0  # messages
# So much of each kind this machine is taken to do at the speed that is known without it.
_GUESS_S: Final = 15.0
_SLACK: Final = 1.25  # so much later than told an end may seem before another one is told
_SLACK_S: Final = 20.0
_WORD_S: Final = 60.0  # how long a rise is explained
_NEARLY: Final = 0.95  # of a step whose time is over
# The parts of a run's time that its steps take, until the first run has told this machine's own.
SHARES: Final[Mapping[str, float]] = {
    State.TRAINING: 0.7,
    State.EVALUATED: 0.25,
    State.COMPILED: 0.04,
    State.GATED: 0.01,
}


class Kind(StrEnum):
    """Of work."""

    START = "start"
    RUN = "run"
    TRAFFIC = "traffic"
    END = "end"


@dataclass(slots=True)
class Pace:
    """total, done: of each kind, in seconds of a free machine. took: the seconds that what is done
    took here. now: the last instant heard of.
    """

    total: Mapping[Kind, float]
    now: float
    done: dict[Kind, float] = field(default_factory=lambda: dict.fromkeys(Kind, 0.0))
    took: dict[Kind, float] = field(default_factory=lambda: dict.fromkeys(Kind, 0.0))

    def advance(self, kind: Kind, done: float, now: float) -> None:
        """So much of this kind is behind now, and the time since the last call went into it."""
        self.took[kind] += now - self.now
        self.done[kind] = min(max(done, self.done[kind]), self.total[kind])
        self.now = now

    @property
    def whole(self) -> float:
        """Seconds of a free machine for all of it."""
        return sum(self.total.values())

    @property
    def behind(self) -> float:
        """Seconds of a free machine that are done."""
        return sum(self.done.values())

    def slowness(self, kind: Kind) -> float:
        """How many seconds a free machine's second of this kind takes here; as long as little of it
        is done, mostly that of all work.
        """
        took = sum(self.took.values())
        overall = (took + _GUESS_S) / (self.behind + _GUESS_S)
        guessed = _GUESS_S * overall
        return (self.took[kind] + guessed) / (self.done[kind] + _GUESS_S)

    def left(self) -> float:
        """Seconds that all the rest will take here."""
        return sum(self._left(kind) for kind in Kind)

    def _left(self, kind: Kind) -> float:
        ahead = self.total[kind] - self.done[kind]
        return ahead * self.slowness(kind)


def of(messages: int, now: float) -> Pace:
    """The pace of a demo of so many messages that begins now."""
    total = {
        Kind.START: _STARTING,
        Kind.RUN: FIRST_RUN + NEXT_RUN,
        Kind.TRAFFIC: traffic(messages),
        Kind.END: _ENDING,
    }
    return Pace(total, now)


def traffic(messages: int) -> float:
    """Seconds of a free machine for so many messages."""
    return _A_THOUSAND * messages / 1000


def shares(began: Mapping[str, float], ended: float) -> Mapping[str, float]:
    """The parts of a run's time that its steps took; began: when each step began, in seconds.

    >>> shares({State.TRAINING: 10.0, State.EVALUATED: 70.0, State.COMPILED: 88.0}, 90.0)[
    ...     State.EVALUATED
    ... ]
    0.225
    """
    start = began.get(State.TRAINING, ended)
    if ended <= start:
        return SHARES
    whole = ended - start
    following = ended
    parts: dict[str, float] = {}
    for step in reversed(list(SHARES)):
        begin = began.get(step, following)  # one that was over before anybody looked took no time
        parts[step] = (following - begin) / whole
        following = begin
    return {step: parts[step] for step in SHARES}


def fraction(
    parts: Mapping[str, float],
    state: str,
    within: float,
) -> float:
    """How much of a run is behind, in [0, 1], when so much of the step it is in is.

    >>> round(fraction(SHARES, State.EVALUATED, 0.5), 3), fraction(SHARES, State.QUEUED, 0.0)
    (0.825, 0.0)
    """
    steps = list(parts)
    if state not in steps:
        return 0.0 if state == State.QUEUED else 1.0
    before = sum(parts[step] for step in steps[: steps.index(state)])
    return before + parts[state] * min(within, _NEARLY)


@dataclass(frozen=True, slots=True)
class Promise:
    """What was told: so many seconds left, at this instant. risen: when it last became more than
    told before.
    """

    at: float
    left: float
    risen: float | None = None

    def rest(self, now: float) -> float:
        """What it still leaves."""
        return max(0.0, self.left - (now - self.at))

    def longer(self, now: float) -> bool:
        """Whether to say that it is more than was told."""
        return self.risen is not None and now - self.risen <= _WORD_S


def promised(
    before: Promise | None,
    estimate: float,
    now: float,
) -> Promise:
    """What to tell: never more than before, unless by so much that it has to be said.

    >>> told = promised(None, 100.0, 0.0)
    >>> promised(told, 95.0, 30.0).rest(30.0), promised(told, 200.0, 30.0).rest(30.0)
    (70.0, 200.0)
    """
    if before is None:
        return Promise(now, estimate)
    rest = before.rest(now)
    if estimate > _SLACK * rest + _SLACK_S:
        return Promise(now, estimate, risen=now)
    return Promise(now, min(estimate, rest), before.risen)
