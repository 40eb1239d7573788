"""Pure. What labels do to those before them, and labelled messages as rows."""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

import msgspec

from retrain.intake import mapping, plain
from retrain.labels import votes
from schemas import events, normalise

Entry = votes.Entry
Label = events.HumanLabel
Row = dict[str, Any]
Text = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]  # Postgres keeps no NUL


class Message(msgspec.Struct, frozen=True):
    """A labelled message that did not come through the queue."""

    text: Text
    intent: str
    kind: Literal["human", "machine", ""] | None = None
    conversation: Text | None = None
    cluster: Text | None = None


_message = msgspec.json.Decoder(Message)


def row(label: Label) -> Row:
    """A label as a row of tables.human_label."""
    return {
        "id": events.label_id(label),
        "req_id": label.req_id,
        "annotator": label.annotator,
        "labelled_at": label.labelled_at,
        "intent": label.intent,
        "also": label.also,
        "action": label.action,
    }


def report(
    labels: Sequence[Label],
    sampled: Mapping[str, dt.datetime],
    history: Sequence[Entry],
) -> dict[str, int]:
    """joined: requests we have a prediction of; orphans: the others, kept; relabels: the same
    person chose anew; conflicts: people differ now; already: were there before; before_message:
    dated before the message they are of.

    `sampled`: the requests we have a prediction of, and when each came. `history`: all that was
    said of them before.
    """
    stored = {entry.id for entry in history}
    new: dict[str, Entry] = {}
    for label in labels:
        entry = votes.entry(label)
        if entry.id not in stored:
            new[entry.id] = entry

    ever = [*history, *new.values()]
    in_order = votes.ordered(ever)
    relabels = 0
    for before, now in pairwise(in_order):
        # Of two old ones that differ an earlier report has told.
        if now.id in new and _changes(before, now):
            relabels += 1

    distinct = {label.req_id for label in labels}
    req_ids = sorted(distinct)
    stack = votes.said(req_ids, ever)
    newest = votes.latest(stack)
    conflicts = votes.conflicts(newest)
    joined = sum(label.req_id in sampled for label in labels)
    return {
        "joined": joined,
        "orphans": len(labels) - joined,
        "relabels": relabels,
        "conflicts": len(conflicts),
        "already": len(labels) - len(new),
        "before_message": _too_early(labels, sampled),
    }


def _too_early(labels: Sequence[Label], sampled: Mapping[str, dt.datetime]) -> int:
    """How many labels are dated before their message."""
    early = 0
    for label in labels:
        ts = sampled.get(label.req_id)
        if ts is not None and label.labelled_at < ts:
            early += 1
    return early


def _changes(before: Entry, now: Entry) -> bool:
    """Whether one annotator names another intent than just before."""
    same_message = before.req_id == now.req_id
    same_person = before.annotator == now.annotator
    if not (same_message and same_person):
        return False
    if before.intent is None or now.intent is None:
        return False
    return before.intent != now.intent


def corpus_row(raw: bytes | Mapping[str, str]) -> Row | str:
    """A labelled message, of JSON or of the cells of a table, as a row of tables.corpus, or why it
    is none. Only text, intent, kind, conversation and cluster are read.
    """
    try:
        message = _decoded(raw)
        intent = plain.intent(message.intent, mapping.Mapping())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, plain.NotPlain) as error:
        return f"not a labelled message: {error}"

    if not normalise.text(message.text):
        return "text is empty"
    content = f"{intent}\n{message.text}"
    identity = hashlib.sha256(content.encode())
    return {
        "id": identity.hexdigest(),
        "text": message.text,
        "intent": intent,
        "kind": message.kind or "human",
        "conversation": message.conversation,
        "cluster": message.cluster,
    }


def _decoded(raw: bytes | Mapping[str, str]) -> Message:
    if isinstance(raw, bytes):
        return _message.decode(raw)
    return msgspec.convert(dict(raw), Message)
