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

Entry = votes.Entry
Label = events.HumanLabel
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file and what it is: a label, or why it is none."""

    number: int
    parsed: Label | events.Malformed


def lines(body: bytes, *, is_csv: bool) -> Iterator[Line]:
    """Every non-empty line of a JSON Lines or CSV file, numbered from 1 (in CSV the header is line
    1).
    """
    if is_csv:
        yield from _csv_lines(body)
        return
    for number, raw in enumerate(body.split(b"\n"), start=1):
        if raw.strip():
            yield Line(number, events.human_label(raw))


def _csv_lines(body: bytes) -> Iterator[Line]:
    """Those of a CSV file, each decoded as the JSON it stands for."""
    text = body.decode("utf-8-sig", "replace")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        for row in reader:
            fields = json.dumps(_csv_fields(row))
            label = events.human_label(fields.encode())
            yield Line(reader.line_num, label)
    except csv.Error as error:
        # A field of more than 131,072 letters, as after a quote that is never closed: what follows
        # cannot be told apart.
        malformed = events.Malformed(
            events.Reason.NOT_CSV,
            str(error),
        )
        yield Line(reader.line_num, malformed)


def _csv_fields(row: Mapping[str, str]) -> Row:
    """A CSV row as the JSON Lines object it stands for; `also` is names with commas, as a JSON list
    or bare.
    """
    fields: Row = {}
    for name, cell in row.items():
        # An empty cell is a field left out; a cell beyond the header has no name.
        if name and cell and cell.strip():
            fields[name.strip()] = cell.strip()
    if "also" in fields:
        fields["also"] = _names(fields["also"])
    return fields


def _names(cell: str) -> list[str]:
    """`["a", "b"]`, or bare `a, b`; what is empty is no name."""
    bare = cell.strip("[]").replace('"', "")
    names = []
    for part in bare.split(","):
        name = part.strip()
        if name:
            names.append(name)
    return names


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
    sampled: set[str],
    history: Sequence[Entry],
) -> dict[str, int]:
    """joined: requests we have a prediction of; orphans: the others, kept; relabels: the same
    person chose anew; conflicts: people differ now.

    `sampled`: the requests we have a prediction of. `history`: all that was said of them before.
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
        "read": 0,
        "joined": joined,
        "orphans": len(labels) - joined,
        "relabels": relabels,
        "conflicts": len(conflicts),
    }


def _changes(before: Entry, now: Entry) -> bool:
    """Whether one annotator names another intent than just before."""
    same_message = before.req_id == now.req_id
    same_person = before.annotator == now.annotator
    if not (same_message and same_person):
        return False
    if before.intent is None or now.intent is None:
        return False
    return before.intent != now.intent


def corpus_row(raw: bytes) -> Row | str:
    """A labelled message as a row of tables.corpus, or why it is none. Only text, intent, kind,
    conversation and cluster are read.
    """
    try:
        message = json.loads(raw)
        text = message["text"]
        intent = message["intent"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        name = type(error).__name__
        return f"not a labelled message: {name} {error}"

    if not isinstance(text, str) or not normalise.text(text):
        return "text is empty"
    if not isinstance(intent, str) or intent not in present.INDEX:
        shown = str(intent)[:60]
        return f"intent {shown!r} is not one of the {len(present.INTENTS)}"
    kind = message.get("kind") or "human"
    if kind not in ("human", "machine"):
        return f"kind {kind!r} is neither human nor machine"

    groups = {}
    for name in ("conversation", "cluster"):
        value = message.get(name)
        if not isinstance(value, str | None):
            return f"{name} is no text"
        groups[name] = value and _NO_TEXT.sub("\ufffd", value)

    content = f"{intent}\n{text}"
    identity = hashlib.sha256(content.encode(errors="surrogatepass"))
    return {
        "id": identity.hexdigest(),
        "text": _NO_TEXT.sub("\ufffd", text),
        "intent": intent,
        "kind": kind,
        **groups,
    }
