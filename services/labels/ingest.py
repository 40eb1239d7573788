"""Pure. Label files: lines -> labels or a reason each, and what a label does to those before it."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from retrain.labels import votes
from schemas import events, normalise, present


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file and what it is."""

    number: int
    found: events.HumanLabel | events.Malformed


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
            yield Line(reader.line_num, events.human_label(json.dumps(_csv_fields(row)).encode()))
    # A field of more than 131,072 letters, as after a quote that is never closed: what follows
    # cannot be told apart.
    except csv.Error as error:
        yield Line(reader.line_num, events.Malformed(events.Reason.NOT_CSV, str(error)))


def _csv_fields(row: Mapping[str, str]) -> dict[str, Any]:
    """A CSV row as the JSON Lines object it stands for; `also` is names with commas, as a JSON list
    or bare.
    """
    fields: dict[str, Any] = {
        name.strip(): value.strip()
        for name, value in row.items()
        if name and value and value.strip()
    }
    if "also" in fields:
        fields["also"] = [
            name.strip()
            for name in fields["also"].strip("[]").replace('"', "").split(",")
            if name.strip()
        ]
    return fields


def row(label: events.HumanLabel) -> dict[str, Any]:
    """A label as a row of tables.human_label."""
    names = ("req_id", "annotator", "labelled_at", "intent", "also", "action")
    return {"id": events.label_id(label)} | {name: getattr(label, name) for name in names}


def report(
    labels: Sequence[events.HumanLabel], known: set[str], history: Sequence[votes.Entry]
) -> dict[str, int]:
    """joined: requests we have a prediction of; orphans: the others, kept; relabels: the same
    person chose anew; conflicts: people differ now. `history`: all that was said of them before.
    """
    stored = {before.id for before in history}
    new = {one.id: one for one in map(votes.entry, labels) if one.id not in stored}
    ever = [*history, *new.values()]
    req_ids = sorted({label.req_id for label in labels})
    joined = sum(label.req_id in known for label in labels)
    return {
        "read": 0,
        "joined": joined,
        "orphans": len(labels) - joined,
        "relabels": sum(
            _changes(before, now) and now.id in new for before, now in pairwise(votes.ordered(ever))
        ),
        "conflicts": len(votes.conflicts(votes.latest(votes.said(req_ids, ever)))),
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
        found = json.loads(raw)
        text, intent = found["text"], found["intent"]
    except (ValueError, KeyError, TypeError) as error:
        return f"not a labelled message: {type(error).__name__} {error}"
    if not isinstance(text, str) or not normalise.text(text):
        return "text is empty"
    if intent not in present.INDEX:
        return f"intent {str(intent)[:60]!r} is not one of the {len(present.INTENTS)}"
    kind = found.get("kind") or "human"
    if kind not in ("human", "machine"):
        return f"kind {kind!r} is neither human nor machine"
    identity = hashlib.sha256(f"{intent}\n{text}".encode()).hexdigest()
    clean = text.replace("\x00", "\ufffd")
    return {
        "id": identity,
        "text": clean,
        "intent": intent,
        "kind": kind,
        "conversation": found.get("conversation"),
        "cluster": found.get("cluster"),
    }
