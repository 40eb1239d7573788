"""Pure. The queue as tasks that labelling tools import; each carries its req_id, so that the export
comes back through `labels import`. As in the queue, nothing shows what the classifier said.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from schemas import present

Row = Mapping[str, Any]
Task = dict[str, Any]


def _studio(row: Row) -> Task:
    return {"data": {"req_id": row["req_id"], "text": row["text"]}}


def _argilla(row: Row) -> Task:
    req_id = row["req_id"]
    return {
        "id": req_id,
        "fields": {"text": row["text"]},
        "metadata": {"req_id": req_id},
        "responses": {},
        "suggestions": {},
    }


def _doccano(row: Row) -> Task:
    return {"text": row["text"], "label": [], "req_id": row["req_id"]}


def _prodigy(row: Row) -> Task:
    options = [{"id": intent, "text": intent} for intent in present.INTENTS]
    req_id = row["req_id"]
    return {"text": row["text"], "req_id": req_id, "meta": {"req_id": req_id}, "options": options}


_TASK: Final[dict[str, Callable[[Row], Task]]] = {
    "label-studio": _studio,
    "argilla": _argilla,
    "doccano": _doccano,
    "prodigy": _prodigy,
}
TOOLS: Final = tuple(_TASK)
_ARRAYS: Final = ("label-studio", "argilla")  # the others read one object a line


def written(rows: Iterable[Row], tool: str) -> str:
    r"""The tasks as the tool's import reads them.

    >>> written([{"req_id": "r1", "text": "is it here"}], "doccano")
    '{"text": "is it here", "label": [], "req_id": "r1"}\n'
    """
    tasks = [_TASK[tool](row) for row in rows]
    if tool in _ARRAYS:
        return json.dumps(tasks, ensure_ascii=False, indent=1) + "\n"
    return "".join(json.dumps(task, ensure_ascii=False) + "\n" for task in tasks)
