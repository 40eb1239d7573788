"""Pure. An alert: what stands in breach with one model, from when it began until it is over.
Whoever has to know of it reads it in one thread.
"""

import dataclasses
import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Final

from schemas import decisions, signals

# Of what an alert may be: a cause that a decision believes, labels that are missing, or else the
# first signal of what is in breach.
CASES: Final = (
    decisions.Cause.LANGUAGE,
    decisions.Cause.MIX,
    decisions.Cause.PIPELINE,
    decisions.Cause.BAD_RELEASE,
)
LABELS: Final = "labels"
LATENCY: Final = signals.P95_LATENCY_MS.name


@dataclass(frozen=True, slots=True)
class Figure:
    """A signal of an alert as it stood last, and the worst it has been."""

    reason: decisions.Reason
    worst: float | None

    def seen(self, newest: decisions.Reason) -> "Figure":
        """With what it shows now. Once it has decided, it is what the alert rests on."""
        decided = self.reason.decided or newest.decided
        since = newest.since or self.reason.since
        reason = dataclasses.replace(newest, decided=decided, since=since)
        return Figure(reason, worse(newest.signal, self.worst, newest.value))


def figure(reason: decisions.Reason) -> Figure:
    """Of a signal that was not in the alert before."""
    return Figure(reason, reason.value)


def worse(name: str, one: float | None, other: float | None) -> float | None:
    """The worse of two values of a signal.

    >>> worse("live_accuracy", 0.8, 0.7), worse("p95_latency_ms", 42.9, None)
    (0.7, 42.9)
    """
    if one is None or other is None:
        return other if one is None else one
    return min(one, other) if signals.of(name).falls else max(one, other)


@dataclass(frozen=True, slots=True)
class Alert:
    """`subject`: what it is of, see CASES. Instants are of the stream's clock.

    seen: the last hour in which it stood. told: when a person was told first; None while it has not
    lasted for long enough. updated: when the message was last made to show more. asked: the action
    that was told last, if any; hold: why nothing is done
    now, of a case. never: this version has never met
    what it misses. by: what ended it, where it did not end by itself.
    """

    id: str
    model: str
    subject: str
    since: dt.datetime
    seen: dt.datetime
    figures: tuple[Figure, ...]
    decision_id: str
    asked: decisions.Kind = decisions.Kind.HOLD
    hold: decisions.HoldReason | None = None
    never: bool = False
    told: dt.datetime | None = None
    updated: dt.datetime | None = None
    ended: dt.datetime | None = None
    by: str | None = None

    @property
    def lasted_s(self) -> float:
        """For how long it has stood, in seconds."""
        return ((self.ended or self.seen) - self.since).total_seconds()


def identity(model: str, subject: str, at: dt.datetime) -> str:
    """The id of the alert that is first seen in the hour that ends at `at`."""
    content = f"{model}|{subject}|{at.astimezone(dt.UTC).isoformat()}"
    return f"a_{hashlib.sha256(content.encode()).hexdigest()[:12]}"
