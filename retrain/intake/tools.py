"""Pure. Exports of labelling tools -> what each annotator said of each message, by our names.

A message that nobody answered yields nothing; a skip is an answer, `cannot_tell`. Of several
choices the first is the intent and the others are `also`.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from retrain.intake import plain

Row = dict[str, Any]
# Columns of a flat Label Studio export that are no question.
_STUDIO: Final = frozenset(
    (
        "annotation_id",
        "annotator",
        "created_at",
        "updated_at",
        "id",
        "lead_time",
        "text",
        "req_id",
        "also",
        "agreement",
        "comments",
        "note",
    )
)
_UNANSWERED: Final = "answered without a choice"
_QUESTIONS: Final = ("intent", "choice", "label", "sentiment", "class")


def label_studio(row: Row) -> Iterator[Row]:
    """A task of its JSON export, or a row of its CSV or JSON-MIN export."""
    if "annotations" not in row and "completions" not in row:
        yield _studio_flat(row)
        return
    req_id = _within(row.get("data"), "req_id") or _within(row.get("meta"), "req_id")
    for annotation in _objects(row.get("annotations") or row.get("completions")):
        chosen, also = _studio_choices(annotation)
        yield {
            "req_id": req_id,
            "annotator": _person(annotation.get("completed_by")),
            "labelled_at": annotation.get("updated_at") or annotation.get("created_at"),
            **_answer(chosen, also, skipped=bool(annotation.get("was_cancelled"))),
        }


def _studio_choices(annotation: Row) -> tuple[list[Any], list[Any]]:
    """The choices of a result, and those of a control that is called `also`."""
    chosen: list[Any] = []
    also: list[Any] = []
    for result in _objects(annotation.get("result")):
        if result.get("type") == "choices":
            into = also if result.get("from_name") == "also" else chosen
            into += _list(_within(result.get("value"), "choices"))
    return chosen, also


def _studio_flat(row: Row) -> Row:
    questions = [name for name in row if name not in _STUDIO]
    named = [name for name in _QUESTIONS if name in questions]
    if not questions:
        raise plain.NotPlain(_UNANSWERED)
    if not named and len(questions) > 1:
        raise plain.NotPlain("no column is the choice: name it as `intent` in a mapping file")
    choice = row[(named or questions)[0]]
    return {
        "req_id": row.get("req_id"),
        "annotator": _person(row.get("annotator")),
        "labelled_at": row.get("updated_at") or row.get("created_at"),
        **_answer(_choices(choice), _choices(row.get("also"))),
    }


def _choices(cell: Any) -> list[Any]:
    """A choice, or several as `{"choices": [...]}`, which in CSV is text."""
    if isinstance(cell, str) and cell.startswith(("{", "[")):
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            raise plain.NotPlain("a choice that begins like JSON and is none") from None
    if isinstance(cell, dict):
        cell = cell.get("choices")
    return _list(cell)


def argilla(row: Row) -> Iterator[Row]:
    """A record of its 1.x (text classification, feedback) or 2.x export."""
    metadata = row.get("metadata")
    if isinstance(metadata, str):
        metadata = _parsed(metadata)
    req_id = _within(metadata, "req_id") or row.get("req_id")
    req_id = req_id or row.get("external_id") or row.get("id")
    if "annotation" in row or "annotation_agent" in row:
        yield from _argilla_first(row, req_id)
        return
    responses = row.get("responses")
    if isinstance(responses, dict):
        answers = _of_questions(responses)
    elif _flat_question(row):
        answers = _of_columns(row)
    else:
        answers = _of_people(_objects(responses))
    dated = row.get("updated_at") or row.get("inserted_at")
    for person, at, status, value in answers:
        if status == "draft":
            continue
        skipped = status == "discarded"
        yield {
            "req_id": req_id,
            "annotator": person,
            "labelled_at": at or dated,
            **_answer(_list(value), skipped=skipped),
        }


def _argilla_first(row: Row, req_id: Any) -> Iterator[Row]:
    skipped = str(row.get("status")).lower() == "discarded"
    if row.get("annotation") is not None or skipped:
        yield {
            "req_id": req_id,
            "annotator": row.get("annotation_agent"),
            "labelled_at": row.get("event_timestamp") or row.get("last_updated"),
            **_answer(_list(row.get("annotation")), skipped=skipped),
        }


Response = tuple[Any, Any, str, Any]  # who, when, status, value


def _of_questions(responses: Row) -> Iterator[Response]:
    """2.x: by question a list of answers."""
    question = _question(responses)
    for answer in _objects(responses.get(question)):
        status = str(answer.get("status") or "submitted").lower()
        yield answer.get("user_id"), answer.get("updated_at"), status, answer.get("value")


def _flat_question(row: Row) -> str:
    """The column with the answers of a flattened 2.x export; empty where there is none."""
    columns = [name for name in row if name.endswith(".responses")]
    named = [name for name in columns if name.split(".")[0] in _QUESTIONS]
    return next(iter(named or columns), "")


def _of_columns(row: Row) -> Iterator[Response]:
    """2.x, flattened: values, users and status in lists of one length."""
    column = _flat_question(row)
    values = _list(row.get(column))
    users = _list(row.get(f"{column}.users"))
    statuses = _list(row.get(f"{column}.status"))
    for place, value in enumerate(values):
        user = users[place] if place < len(users) else None
        status = statuses[place] if place < len(statuses) else None
        yield user, None, str(status or "submitted").lower(), value


def _of_people(responses: list[Row]) -> Iterator[Response]:
    """Feedback records: a list of people, each with answers by question."""
    for response in responses:
        values = response.get("values") or {}
        status = str(response.get("status") or "submitted").lower()
        value = None
        if isinstance(values, dict) and values:
            value = _within(values.get(_question(values)), "value")
        at = response.get("updated_at") or response.get("inserted_at")
        yield response.get("user_id"), at, status, value


def _question(answers: Row) -> str:
    """The question that asks for the intent."""
    named = [name for name in _QUESTIONS if name in answers]
    if not named and len(answers) > 1:
        raise plain.NotPlain("no question is called intent: rename it, or use a mapping file")
    return next(iter(named or answers), "")


def doccano(row: Row) -> Iterator[Row]:
    """A row of its JSON Lines or CSV export, which tells neither who nor when."""
    meta = row.get("meta")
    req_id = row.get("req_id") or _within(meta, "req_id")
    for annotation in _objects(row.get("annotations")):
        yield {
            "req_id": req_id,
            "annotator": annotation.get("user"),
            "labelled_at": annotation.get("updated_at") or annotation.get("created_at"),
            **_answer(_list(annotation.get("label"))),
        }
    labels = row.get("label", row.get("labels"))
    if isinstance(labels, str):
        labels = labels.split("#")
    several = _list(labels)
    if not several:
        return
    if len(several) > 1:
        raise plain.NotPlain("several labels, which doccano sorts: which is the intent is not told")
    yield {
        "req_id": req_id,
        "annotator": row.get("annotator") or row.get("username"),
        "labelled_at": row.get("labelled_at") or row.get("updated_at"),
        **_answer(several),
    }


def prodigy(row: Row) -> Iterator[Row]:
    """A line of `db-out`, of choices or of one label that is accepted."""
    answer = row.get("answer")
    if answer == "reject":
        raise plain.NotPlain("rejected: it says what the message is not, and not what it is")
    chosen = row["accept"] if "accept" in row else row.get("label")
    yield {
        "req_id": row.get("req_id") or _within(row.get("meta"), "req_id"),
        "annotator": row.get("_annotator_id") or row.get("_session_id"),
        "labelled_at": row.get("_timestamp"),
        **_answer(_list(chosen), skipped=answer == "ignore"),
    }


TOOLS: Final[dict[str, Callable[[Row], Iterator[Row]]]] = {
    "label-studio": label_studio,
    "argilla": argilla,
    "doccano": doccano,
    "prodigy": prodigy,
}


def named(row: Row) -> str | None:
    """The tool that an export plainly comes from; None for any other row.

    >>> named({"data": {}, "annotations": []}), named({"req_id": "r1", "intent": "faq"})
    ('label-studio', None)
    """
    names = row.keys()
    studio = {"annotation_id", "annotator", "lead_time"}
    if ("data" in names and names & {"annotations", "completions"}) or len(studio & names) > 1:
        return "label-studio"
    if names & {"_task_hash", "_input_hash", "_view_id"}:
        return "prodigy"
    flat = any(name.endswith(".responses") for name in names)
    if flat or "annotation_agent" in names or {"fields", "responses"} <= names:
        return "argilla"
    if "text" in names and names & {"label", "labels", "annotations"} and "annotator" not in names:
        return "doccano"
    return None


def _answer(chosen: list[Any], also: list[Any] | None = None, *, skipped: bool = False) -> Row:
    """The intent and further ones of what was chosen."""
    if skipped:
        return {"action": "cannot_tell"}
    if not chosen:
        raise plain.NotPlain(_UNANSWERED)
    return {"intent": chosen[0], "also": [*chosen[1:], *(also or [])]}


def _person(value: Any) -> Any:
    """An annotator's address or number, of an object or bare."""
    if isinstance(value, dict):
        return value.get("email") or value.get("username") or value.get("id")
    return value


def _within(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _objects(value: Any) -> list[Row]:
    """The objects of a list."""
    if not isinstance(value, list):
        return []
    return [each for each in value if isinstance(each, dict)]


def _list(value: Any) -> list[Any]:
    """A list as it is, a single value as one of one, nothing as none."""
    if isinstance(value, list):
        return value
    return [] if value in (None, "") else [value]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
