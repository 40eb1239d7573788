"""Pure. What leaves the product: a decision taken, a run changed, an alarm raised. Who knows it
writes it into the outbox, the notifier reads it there.

How a message lies in its row, and what rows of earlier versions lack, is known here alone.
"""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import msgspec

from schemas import decisions, runs


class Kind(StrEnum):
    """What a message tells of."""

    DECISION = "decision"
    RUN = "run"
    ALARM = "alarm"


class NotReadable(ValueError):
    """A row of the outbox that is no message; the text names the kind and the field."""


@dataclass(frozen=True, slots=True)
class DecisionTaken:
    """A decision, and the run it has begun. `dedupe_key`: the same one is told once;
    `thread_key`: messages of one key share one thread.
    """

    kind: ClassVar = Kind.DECISION
    taken: decisions.Decision
    run_id: str | None

    @property
    def thread_key(self) -> str:
        """A run's states follow its decision; what begins none repeats every hour: once a day."""
        if self.run_id:
            return _incident(self.taken.id)
        return f"{self.taken.decision}:{self.taken.model}:{self.taken.at:%Y-%m-%d}"

    @property
    def dedupe_key(self) -> str:
        """A decision begins its thread."""
        return self.thread_key


@dataclass(frozen=True, slots=True)
class RunChanged:
    """Where a run stands. `started`: when this try of it began."""

    kind: ClassVar = Kind.RUN
    run_id: str
    state: runs.State
    decision_id: str | None
    base_model: str | None
    candidate: str | None
    champion: str | None
    gates: tuple[runs.Gate, ...]
    promoted: bool
    error: str | None
    started: dt.datetime | None = None

    @property
    def thread_key(self) -> str:
        """One thread an incident, which is the decision where there is one."""
        return _incident(self.decision_id) if self.decision_id else f"run:{self.run_id}"

    @property
    def dedupe_key(self) -> str:
        """A run that starts over tells its states again."""
        started = self.started.isoformat() if self.started else "-"
        return f"run:{self.run_id}:{self.state}:{started}"


@dataclass(frozen=True, slots=True)
class AlarmRaised:
    """What cannot mend itself, and who can do what; told once for each `key`."""

    kind: ClassVar = Kind.ALARM
    key: str
    cause: str
    remedy: str

    @property
    def thread_key(self) -> str:
        """An alarm stands alone."""
        return self.dedupe_key

    @property
    def dedupe_key(self) -> str:
        """Its own key among those of all messages."""
        return alarm_key(self.key)


Message = DecisionTaken | RunChanged | AlarmRaised


def _incident(decision_id: str) -> str:
    return f"decision:{decision_id}"


def alarm_key(key: str) -> str:
    """The `dedupe_key` of the alarm with this key."""
    return f"alarm:{key}"


def of_run(row: Mapping[str, Any]) -> RunChanged:
    """A row of tables.run as it stands. Raises msgspec.ValidationError for one that no run left."""
    columns = {**row, "run_id": row["id"], "gates": row["gates"] or []}
    names = [field.name for field in dataclasses.fields(RunChanged)]
    fields = {name: columns[name] for name in names}
    return msgspec.convert(fields, RunChanged)


def payload(message: Message) -> dict[str, Any]:
    """The message as one flat JSON object."""
    if isinstance(message, DecisionTaken):
        flat: dict[str, Any] = msgspec.to_builtins(message.taken)
        return flat | {"run_id": message.run_id}
    fields: dict[str, Any] = msgspec.to_builtins(message)
    return fields


def read(kind: str, stored: object) -> Message:
    """The message of a row's kind and payload. Raises NotReadable.

    >>> read("alarm", {"cause": "no window comes out", "remedy": "read the log"}).cause
    'no window comes out'
    """
    try:
        match kind:
            case Kind.DECISION:
                return _decision(stored)
            case Kind.RUN:
                return msgspec.convert(stored, RunChanged)
            case Kind.ALARM:
                return _alarm(stored)
    except msgspec.ValidationError as error:
        raise NotReadable(f"{kind}: {error}") from None
    raise NotReadable(f"unknown kind {kind!r}")


def _decision(stored: object) -> DecisionTaken:
    taken = msgspec.convert(stored, decisions.Decision)
    run_id = stored.get("run_id") if isinstance(stored, Mapping) else None
    return DecisionTaken(taken, msgspec.convert(run_id, str | None))


def _alarm(stored: object) -> AlarmRaised:
    """Rows of earlier versions have their key in the row's own column alone."""
    keyed = {"key": "", **stored} if isinstance(stored, Mapping) else stored
    return msgspec.convert(keyed, AlarmRaised)


class Delivery(StrEnum):
    """What is known of the last attempt at a message that is not in Slack: it decides what the next
    one must do.
    """

    NOT_SENT = "not sent"  # surely not there: send it
    UNCLEAR = "unclear"  # it may be there: look for it first
    PARKED = "parked"  # nobody tries again until a person has looked

    def because(self, cause: str) -> str:
        """The text of the row's `error`.

        >>> Delivery.UNCLEAR.because("no answer")
        'unclear: no answer'
        """
        return f"{self}: {cause}"

    @classmethod
    def of(cls, error: str | None) -> "Delivery | None":
        """What a row's `error` says; None for a row not tried yet, or put back by a person.

        >>> Delivery.of("unclear: no answer"), Delivery.of(None)
        (<Delivery.UNCLEAR: 'unclear'>, None)
        """
        state, separator, _ = (error or "").partition(": ")
        if not separator or state not in tuple(cls):
            return None
        return cls(state)
