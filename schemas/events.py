"""Pure. What arrives from outside: serving logs, human labels, business incidents; bytes -> event |
Malformed. Never raises on bad input.
"""

import datetime as dt
import hashlib
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias, TypeVar

import msgspec

from schemas import present, times

if TYPE_CHECKING:
    Intent: TypeAlias = str
else:
    # A closed set all the same: the taxonomy's intents, and those that were merged, which logs and
    # labels may still name.
    Intent = Literal[tuple(present.INDEX)]
Ratio = Annotated[float, msgspec.Meta(ge=0, le=1)]
# Postgres keeps no NUL in text: one must make its record malformed, never stop its partition.
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Word = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=600_000)]
Instant = Annotated[dt.datetime, msgspec.Meta(tz=True)]

ENVELOPE_MAX = 256
FUTURE_LIMIT = dt.timedelta(minutes=5)
PAST_LIMIT = dt.timedelta(days=8)
# A label counts for 1/p messages: one of less than this would speak for more than ten thousand.
P_FLOOR = 0.0001


class Sample(msgspec.Struct, frozen=True):
    """Why a message was kept for labelling. `p` is its inclusion probability in [P_FLOOR, 1]; text
    travels only here.
    """

    queue: Literal["measure", "train"]
    p: Annotated[float, msgspec.Meta(ge=P_FLOOR, le=1)]
    text: str


class ServingLog(msgspec.Struct, frozen=True):
    """One answer of the classifier, or why there is none. Units: latency and, of it, the time in
    the queue in milliseconds, confidence and margin ratios in [0, 1].
    """

    v: Literal[1]
    ts: Instant
    model: Name
    req_id: Name
    latency_ms: Milliseconds
    role: Literal["champion", "shadow", "canary"] = "champion"
    conversation: Word | None = None
    intent: Intent | None = None
    confidence: Ratio | None = None
    second_intent: Intent | None = None
    margin: Ratio | None = None
    tokens: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    chars: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)] | None = None
    script: Literal["latin", "japanese", "mixed", "other"] = "other"
    fallback_rerank: bool = False
    error: Code | None = None
    tokenizer_hash: Word | None = None
    sample: Sample | None = None
    queue_ms: Milliseconds | None = None
    caller_id: Word | None = None


class HumanLabel(msgspec.Struct, frozen=True):
    """What a person says a message meant, takes back, or cannot tell."""

    req_id: Name
    annotator: Name
    labelled_at: Instant
    intent: Intent | None = None
    also: list[Intent] = []
    action: Literal["label", "retract", "cannot_tell"] = "label"


class Incident(msgspec.Struct, frozen=True):
    """A business incident, or the truth a replay is scored against."""

    id: str
    kind: str
    started: Instant
    ended: Instant | None = None
    model: str | None = None
    intent: Intent | None = None
    count: int | None = None


class Reason(StrEnum):
    """Why bytes are no event, or why a record is not counted: a stable code."""

    INVALID = "invalid"  # JSON of another form
    NOT_JSON = "not_json"
    MISSING_FIELD = "missing_field"
    ERROR_WITH_ANSWER = "error_with_answer"
    ENVELOPE_TOO_LONG = "envelope_too_long"
    FUTURE = "future"
    TOO_LATE = "too_late"
    KILLS_WORKER = "kills_worker"
    DELETED_UNREAD = "deleted_unread"
    NOT_CSV = "not_csv"  # of a file of labels
    UNREGISTERED = "unregistered"  # a label of a name that is not registered


_OF_LABELS: Final = (Reason.NOT_CSV, Reason.UNREGISTERED)
DEAD_LETTER: Final = tuple(reason for reason in Reason if reason not in _OF_LABELS)


@dataclass(frozen=True, slots=True)
class Malformed:
    """Why bytes are not an event. `detail` is for a person and never holds message text."""

    reason: Reason
    detail: str


_T = TypeVar("_T", bound=msgspec.Struct)
_QUOTED = re.compile(r" '.*'", re.DOTALL)  # the offending value, which is foreign text
_log = msgspec.json.Decoder(ServingLog)
_label = msgspec.json.Decoder(HumanLabel)
_incident = msgspec.json.Decoder(Incident)


def _decoded(decoder: "msgspec.json.Decoder[_T]", record: bytes, *instants: str) -> _T | Malformed:
    try:
        return _in_utc(decoder.decode(record), instants)
    except msgspec.ValidationError as error:
        return Malformed(Reason.INVALID, _QUOTED.sub("", str(error)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Malformed(Reason.NOT_JSON, str(error))


def _in_utc(event: _T, fields: tuple[str, ...]) -> _T | Malformed:
    """The event with these times in UTC: people and producers write the zone they please."""
    for field in fields:
        written: dt.datetime | None = getattr(event, field)
        if written is None:
            continue
        instant = times.utc(written)
        if instant is None:
            return Malformed(Reason.INVALID, f"{field} is not between 2000 and 2200")
        if written.tzinfo is not dt.UTC:
            event = msgspec.structs.replace(event, **{field: instant})
    return event


def serving_log(record: bytes) -> ServingLog | Malformed:
    """Decode one log. An answer needs intent, confidence and tokens; a failure needs error and no
    answer.
    """
    log = _decoded(_log, record, "ts")
    if isinstance(log, Malformed):
        return log

    if log.error is None:
        for field in ("intent", "confidence", "tokens"):
            if getattr(log, field) is None:
                return Malformed(Reason.MISSING_FIELD, f"{field} is required unless error is set")
    elif log.intent is not None or log.confidence is not None:
        detail = "intent and confidence are null where error is set"
        return Malformed(Reason.ERROR_WITH_ANSWER, detail)
    return log


# Where a topic takes the time that a record's producer gives it, that clock may be the wrong one.
PRODUCERS_TIME: Final = (
    "the record's time, which its producer has set: the topic is at"
    " message.timestamp.type=CreateTime, not LogAppendTime"
)


def untimely(
    ts: dt.datetime,
    appended: dt.datetime,
    *,
    by_producer: bool = False,
) -> Malformed | None:
    """The contract's two time limits, against the broker's append time (both aware); or what stands
    in its place, `by_producer`.
    """
    clock = PRODUCERS_TIME if by_producer else "the broker's append time"
    if ts - appended > FUTURE_LIMIT:
        return Malformed(Reason.FUTURE, f"ts is more than 5 minutes ahead of {clock}")
    if appended - ts > PAST_LIMIT:
        return Malformed(Reason.TOO_LATE, f"ts is more than 8 days before {clock}")
    return None


def human_label(line: bytes) -> HumanLabel | Malformed:
    """Decode one label. `action` label needs an intent; retract takes the annotator's label back;
    cannot_tell is an answer without one.
    """
    label = _decoded(_label, line, "labelled_at")
    if isinstance(label, Malformed):
        return label
    if label.action == "label" and label.intent is None:
        return Malformed(Reason.MISSING_FIELD, "intent is required for action label")
    return label


def label_id(label: HumanLabel) -> str:
    """Identity of a label by its content, the instant whatever zone it was written in: importing a
    file twice adds nothing, and of two in one instant the smaller holds wherever they are read.
    """
    content = [
        label.req_id,
        label.annotator,
        label.labelled_at.astimezone(dt.UTC).isoformat(),
        label.intent,
        sorted(label.also),
        label.action,
    ]
    text = json.dumps(content)
    return hashlib.sha256(text.encode()).hexdigest()


def ahead(label: HumanLabel, received: dt.datetime) -> Malformed | None:
    """The contract's limit of a label's time, against its arrival (both aware)."""
    if label.labelled_at - received > FUTURE_LIMIT:
        detail = "labelled_at is more than 5 minutes ahead of now: mend its clock or zone"
        return Malformed(Reason.FUTURE, detail)
    return None


def incident(line: bytes) -> Incident | Malformed:
    """Decode one incident line."""
    return _decoded(_incident, line, "started", "ended")
