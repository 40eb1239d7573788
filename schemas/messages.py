"""Pure. What leaves the product: a decision taken, a run changed, an alert that opens, goes on and
ends, an alarm raised and over. Who knows it writes it into the outbox, the notifier reads it there.

How a message lies in its row, and what rows of earlier versions lack, is known here alone.
"""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final

import msgspec

from schemas import alerts, decisions, runs


class Kind(StrEnum):
    """What a message tells of."""

    DECISION = "decision"
    RUN = "run"
    ALERT = "alert"
    ALARM = "alarm"
    ALARM_OVER = "alarm_over"


class News(StrEnum):
    """What an hour brings of an alert."""

    OPENED = "opened"
    REFRESHED = "refreshed"  # the message shows more, and nobody is called
    OVER = "over"


class NotReadable(ValueError):
    """A row of the outbox that is no message; the text names the kind and the field."""


@dataclass(frozen=True, slots=True)
class DecisionTaken:
    """A decision, and the run it has begun. `dedupe_key`: the same one is told once;
    `thread_key`: messages of one key share one thread. alert_id: of the alert it belongs to.
    """

    kind: ClassVar = Kind.DECISION
    taken: decisions.Decision
    run_id: str | None
    alert_id: str | None = None

    @property
    def thread_key(self) -> str:
        """That of its alert. One of before there were alerts has a run whose states follow it, or
        repeated every hour: once a day.
        """
        if self.alert_id:
            return _alert(self.alert_id)
        if self.run_id:
            return _incident(self.taken.id)
        return f"{self.taken.decision}:{self.taken.model}:{self.taken.at:%Y-%m-%d}"

    @property
    def dedupe_key(self) -> str:
        """Several decisions may share an alert; before there were any, each began its thread."""
        return _incident(self.taken.id) if self.alert_id else self.thread_key


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
    alert_id: str | None = None

    @property
    def thread_key(self) -> str:
        """One thread an incident: that of the alert, or of the decision from before there were
        alerts.
        """
        if self.alert_id:
            return _alert(self.alert_id)
        return _incident(self.decision_id) if self.decision_id else f"run:{self.run_id}"

    @property
    def dedupe_key(self) -> str:
        """A run that starts over tells its states again."""
        started = self.started.isoformat() if self.started else "-"
        return f"run:{self.run_id}:{self.state}:{started}"


@dataclass(frozen=True, slots=True)
class AlertChanged:
    """An alert as it stands. `taken`: the newest decision about it, None where what ended it was
    none.
    """

    kind: ClassVar = Kind.ALERT
    alert: alerts.Alert
    news: News
    taken: decisions.Decision | None = None

    @property
    def thread_key(self) -> str:
        """Each alert has one thread."""
        return _alert(self.alert.id)

    @property
    def dedupe_key(self) -> str:
        """It opens once and ends once; it is shown anew at most once an hour."""
        if self.passes:
            return f"{self.passing}{self.alert.updated}"
        return f"{self.thread_key}:{self.news}"

    @property
    def passes(self) -> bool:
        """Whether a newer one, or the end, takes its place: nobody is called by it."""
        return self.news is News.REFRESHED

    @property
    def passing(self) -> str:
        """How the keys begin of what a newer one takes the place of."""
        return f"{self.thread_key}:{News.REFRESHED}:"


@dataclass(frozen=True, slots=True)
class AlarmRaised:
    """What cannot mend itself, and who can do what; told once for each `key`. `lasts`: it is over
    when its cause is; another one tells of what has happened.
    """

    kind: ClassVar = Kind.ALARM
    key: str
    cause: str
    remedy: str
    lasts: bool = True

    @property
    def thread_key(self) -> str:
        """An alarm stands alone."""
        return self.dedupe_key

    @property
    def dedupe_key(self) -> str:
        """Its own key among those of all messages."""
        return alarm_key(self.key)


@dataclass(frozen=True, slots=True)
class AlarmOver:
    """The cause of an alarm holds no more, and for how many seconds it was told."""

    kind: ClassVar = Kind.ALARM_OVER
    key: str
    cause: str
    lasted_s: float

    @property
    def thread_key(self) -> str:
        """It is said where the alarm was."""
        return alarm_key(self.key)

    @property
    def dedupe_key(self) -> str:
        """An alarm is over once."""
        return f"{self.thread_key}{OVER}"


Message = DecisionTaken | RunChanged | AlertChanged | AlarmRaised | AlarmOver
OVER: Final = ":over"  # behind the key of an alarm
ENDED: Final = ":ended:"  # in the key of the alarm that a worker has ended


def _incident(decision_id: str) -> str:
    return f"decision:{decision_id}"


def _alert(alert_id: str) -> str:
    return f"alert:{alert_id}"


def alarm_key(key: str) -> str:
    """The `dedupe_key` of the alarm with this key."""
    return f"alarm:{key}"


def aside_key(run_id: str) -> str:
    """The key of the alarm that a run is set aside: it stands until another one is queued."""
    return f"run:aside:{run_id}"


def bad_key(topic: str, topic_id: str, accepted: int) -> str:
    """The key of the alarm that a worker has stopped at bad records: it stands until a person has
    `accepted` more of them, or the topic is another one.
    """
    return ":".join(filter(None, (topic, "bad", str(accepted), topic_id)))


def of_run(row: Mapping[str, Any], alert_id: str | None = None) -> RunChanged:
    """A row of tables.run as it stands. Raises msgspec.ValidationError for one that no run left.
    alert_id: of its decision.
    """
    columns = {**row, "run_id": row["id"], "gates": row["gates"] or [], "alert_id": alert_id}
    names = [field.name for field in dataclasses.fields(RunChanged)]
    fields = {name: columns[name] for name in names}
    return msgspec.convert(fields, RunChanged)


def payload(message: Message) -> dict[str, Any]:
    """The message as one flat JSON object."""
    if isinstance(message, DecisionTaken):
        flat: dict[str, Any] = msgspec.to_builtins(message.taken)
        return flat | {"run_id": message.run_id, "alert_id": message.alert_id}
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
            case Kind.ALERT:
                return msgspec.convert(stored, AlertChanged)
            case Kind.ALARM:
                return _alarm(stored)
            case Kind.ALARM_OVER:
                return msgspec.convert(stored, AlarmOver)
    except msgspec.ValidationError as error:
        raise NotReadable(f"{kind}: {error}") from None
    raise NotReadable(f"unknown kind {kind!r}")


def _decision(stored: object) -> DecisionTaken:
    taken = msgspec.convert(stored, decisions.Decision)
    beside = stored if isinstance(stored, Mapping) else {}
    run_id = msgspec.convert(beside.get("run_id"), str | None)
    alert_id = msgspec.convert(beside.get("alert_id"), str | None)
    return DecisionTaken(taken, run_id, alert_id)


def _alarm(stored: object) -> AlarmRaised:
    """Rows of earlier versions have their key in the row's own column alone, and never ended."""
    keyed = {"key": "", "lasts": False, **stored} if isinstance(stored, Mapping) else stored
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
