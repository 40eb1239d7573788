"""Pure. Label files: lines -> labels or a reason each, and what a label does to those before it."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from retrain.labels import votes
from schemas import events, normalise, present

# Postgres stores neither a NUL nor half a character in a text, and JSON may hold both.
_NO_TEXT: Final = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file and what it is: a label, or why it is none."""

    number: int
    parsed: events.HumanLabel | events.Malformed


def lines(body: bytes, *, is_csv: bool) -> Iterator[Line]:
    """Every non-empty line of a JSON Lines or CSV file, numbered from 1 (in CSV the header is line
    1).
    """
    if not is_csv:
        for number, raw in enumerate(body.split(b"\n"), start=1):
            if raw.strip():
                yield Line(number, events.human_label(raw))
        return
    reader = csv.DictReader(io.StringIO(body.decode("utf-8-sig", "replace"), newline=""))
    try:
        for row in reader:
            as_json = json.dumps(_csv_fields(row)).encode()
            yield Line(reader.line_num, events.human_label(as_json))
    except csv.Error as error:
        # A field of more than 131,072 letters, as after a quote that is never closed: what follows
        # cannot be told apart.
        yield Line(reader.line_num, events.Malformed(events.Reason.NOT_CSV, str(error)))


def _csv_fields(row: Mapping[str, str]) -> dict[str, Any]:
    """A CSV row as the JSON Lines object it stands for; `also` is names with commas, as a JSON list
    or bare.
    """
    fields: dict[str, Any] = {}
    for name, value in row.items():
        # An empty cell is a field left out; a cell beyond the header has no name.
        if name and value and value.strip():
            fields[name.strip()] = value.strip()
    if "also" in fields:
        bare = fields["also"].strip("[]").replace('"', "")
        names = [name.strip() for name in bare.split(",")]
        fields["also"] = [name for name in names if name]
    return fields


def row(label: events.HumanLabel) -> dict[str, Any]:
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
    labels: Sequence[events.HumanLabel], sampled: set[str], history: Sequence[votes.Entry]
) -> dict[str, int]:
    """joined: requests we have a prediction of; orphans: the others, kept; relabels: the same
    person chose anew; conflicts: people differ now.

    `sampled`: the requests we have a prediction of. `history`: all that was said of them before.
    """
    stored = {entry.id for entry in history}
    new: dict[str, votes.Entry] = {}
    for label in labels:
        entry = votes.entry(label)
        if entry.id not in stored:
            new[entry.id] = entry

    ever = [*history, *new.values()]
    relabels = 0
    for before, now in pairwise(votes.ordered(ever)):
        # Of two old ones that differ an earlier report has told.
        if now.id in new and _changes(before, now):
            relabels += 1

    req_ids = sorted({label.req_id for label in labels})
    newest = votes.latest(votes.said(req_ids, ever))
    joined = sum(label.req_id in sampled for label in labels)
    return {
        "read": 0,
        "joined": joined,
        "orphans": len(labels) - joined,
        "relabels": relabels,
        "conflicts": len(votes.conflicts(newest)),
    }


def _changes(before: votes.Entry, now: votes.Entry) -> bool:
    """Whether one annotator names another intent than just before."""
    same = (before.req_id, before.annotator) == (now.req_id, now.annotator)
    named = before.intent is not None and now.intent is not None
    return same and named and before.intent != now.intent


def corpus_row(raw: bytes) -> dict[str, Any] | str:
    """A labelled message as a row of tables.corpus, or why it is none. Only text, intent, kind,
    conversation and cluster are read.
    """
    try:
        message = json.loads(raw)
        text, intent = message["text"], message["intent"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return f"not a labelled message: {type(error).__name__} {error}"
    if not isinstance(text, str) or not normalise.text(text):
        return "text is empty"
    if not isinstance(intent, str) or intent not in present.INDEX:
        return f"intent {str(intent)[:60]!r} is not one of the {len(present.INTENTS)}"
    kind = message.get("kind") or "human"
    if kind not in ("human", "machine"):
        return f"kind {kind!r} is neither human nor machine"
    groups = {}
    for name in ("conversation", "cluster"):
        value = message.get(name)
        if not isinstance(value, str | None):
            return f"{name} is no text"
        groups[name] = value and _NO_TEXT.sub("\ufffd", value)

    identity = f"{intent}\n{text}".encode(errors="surrogatepass")
    return {
        "id": hashlib.sha256(identity).hexdigest(),
        "text": _NO_TEXT.sub("\ufffd", text),
        "intent": intent,
        "kind": kind,
        **groups,
    }
