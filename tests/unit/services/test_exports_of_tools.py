"""The queue goes out as tasks of labelling tools, and what these export comes back as labels. Each
tool is stood in for by what it does to a task: these exports have its shape.
"""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import builders
import pytest

from retrain.intake import labels, mapping, read, tools
from schemas import events, present, times
from services.labels import tasks

NINE = "2026-04-21T09:00:00Z"
WAITING = [
    {"req_id": "q60", "text": 'where is my "parcel"?\nit is late'},
    {"req_id": "q61", "text": "今どこ？ [{,;"},
]
ANSWERS = ("order_tracking", "faq")
Row = dict[str, Any]


def came(body: str, tool: str | None = None, **told: Any) -> list[events.HumanLabel | str]:
    """The labels of an export, and of what is none why."""
    source = labels.Source(tool, mapping.Mapping(**told))
    file = labels.file(read.reading(io.BytesIO(body.encode())), source)
    parsed = [line.parsed for line in file.lines]
    return [each.detail if isinstance(each, events.Malformed) else each for each in parsed]


def said(intent: str | None, req_id: str = "q60", annotator: str = "ann") -> events.HumanLabel:
    at = times.instant(NINE)
    if intent is None:
        return events.HumanLabel(req_id, annotator, at, action="cannot_tell")
    return events.HumanLabel(req_id, annotator, at, intent)


# Out and back


def studio(task: Row, intent: str) -> Row:
    annotation = {
        "id": 5,
        "completed_by": {"id": 1, "email": "ann"},
        "result": [
            {
                "value": {"choices": [intent]},
                "from_name": "intent",
                "to_name": "text",
                "type": "choices",
            }
        ],
        "was_cancelled": False,
        "created_at": "2026-04-21T08:59:00.000000Z",
        "updated_at": "2026-04-21T09:00:00.000000Z",
    }
    more = {"id": 1, "drafts": [], "predictions": [], "meta": {}, "project": 3}
    return task | more | {"annotations": [annotation]}


def argilla(task: Row, intent: str) -> Row:
    answers = {"intent": [{"value": intent, "user_id": "ann"}]}
    return task | {"responses": answers, "vectors": {}, "_server_id": "b1", "status": "completed"}


def doccano(task: Row, intent: str) -> Row:
    return task | {"id": 7, "label": [intent], "Comments": []}


def prodigy(task: Row, intent: str) -> Row:
    own = {"_input_hash": 1, "_task_hash": -2, "_view_id": "choice", "_timestamp": 1_776_762_000}
    names = {"_annotator_id": "ann", "_session_id": "ann"}
    return task | own | names | {"accept": [intent], "answer": "accept"}


TOOL: dict[str, Callable[[Row, str], Row]] = {
    "label-studio": studio,
    "argilla": argilla,
    "doccano": doccano,
    "prodigy": prodigy,
}


@pytest.mark.parametrize("tool", tasks.TOOLS)
@pytest.mark.parametrize("named", [False, True])
def test_a_task_that_goes_out_comes_back_as_a_label(tool: str, named: bool) -> None:
    out = tasks.written(WAITING, tool)
    is_array = out.startswith("[")
    given = json.loads(out) if is_array else [json.loads(line) for line in out.splitlines()]

    done = [TOOL[tool](task, intent) for task, intent in zip(given, ANSWERS, strict=True)]
    lines = "\n".join(map(json.dumps, done))
    body = json.dumps(done, indent=2) if is_array else lines

    # Two of the tools tell neither who nor when.
    silent = {"annotator": "ann", "labelled_at": NINE}
    always = {"argilla": {"labelled_at": NINE}, "doccano": silent}.get(tool, {})
    back = came(body, tool if named else None, always=always)
    assert back == [said("order_tracking"), said("faq", "q61")]


@pytest.mark.parametrize("tool", tasks.TOOLS)
def test_a_task_holds_the_text_and_nothing_that_the_classifier_said(tool: str) -> None:
    row = builders.sampled("q60", builders.AT, text="is it here", confidence=0.123)

    out = tasks.written([row], tool)

    assert "is it here" in out
    assert "0.123" not in out
    assert (out.count("faq") > 0) == (tool == "prodigy")  # its choices stand in the task


@pytest.mark.parametrize("tool", tasks.TOOLS)
def test_an_empty_queue_is_an_empty_file_of_tasks(tool: str) -> None:
    assert tasks.written([], tool).strip() in ("", "[]")


def test_the_same_tools_go_out_and_come_back() -> None:
    assert set(tasks.TOOLS) == set(tools.TOOLS)


def test_the_choices_of_prodigy_are_the_intents() -> None:
    task = json.loads(tasks.written(WAITING[:1], "prodigy"))

    assert [option["id"] for option in task["options"]] == list(present.INTENTS)


# Label Studio


def annotation(intent: str = "faq", **of: Any) -> Row:
    made: Row = studio({}, intent)["annotations"][0]
    return made | of


def task(*annotations: Row, **of: Any) -> str:
    data = {"text": "where is it", "req_id": "q60"}
    return json.dumps([{"id": 1, "data": data, "annotations": list(annotations)} | of])


def test_each_annotation_of_a_task_is_a_label() -> None:
    body = task(annotation(), annotation("promotion", completed_by=7))

    assert came(body) == [said("faq"), said("promotion", annotator="7")]


def test_a_skipped_task_is_an_answer() -> None:
    assert came(task(annotation(was_cancelled=True, result=[]))) == [said(None)]


def test_a_task_that_nobody_did_is_no_label_and_no_fault() -> None:
    assert came(task()) == []


def test_an_annotation_without_a_choice_is_named() -> None:
    (why,) = came(task(annotation(result=[])))

    assert why == "answered without a choice"


def test_further_choices_go_into_also_of_one_control_or_of_another() -> None:
    choice = {"type": "choices", "from_name": "also", "value": {"choices": ["promotion"]}}
    first = {"type": "choices", "from_name": "intent", "value": {"choices": ["faq"]}}
    both = {"type": "choices", "from_name": "intent", "value": {"choices": ["faq", "promotion"]}}

    for result in ([first, choice], [choice, first], [both]):
        (label,) = came(task(annotation(result=result)))
        assert isinstance(label, events.HumanLabel)
        assert (label.intent, label.also) == ("faq", ["promotion"])


def test_a_task_without_our_request_says_how_to_carry_it() -> None:
    (why,) = came(task(annotation(), data={"text": "where is it"}))

    assert "labels tasks" in str(why)


COLUMNS = ("annotation_id", "annotator", "choice", "created_at", "id", "lead_time", "req_id")


@pytest.mark.parametrize(
    ("question", "cell", "also"),
    [
        ("choice", "faq", []),
        ("intent", "FAQ", []),
        ("what_is_it", "faq", []),
        ("choice", '{"choices":["faq","promotion"]}', ["promotion"]),
    ],
)
def test_the_flat_exports_of_label_studio_are_read(
    question: str, cell: str, also: list[str]
) -> None:
    row = {
        "annotation_id": 1,
        "annotator": "ann",
        question: cell,
        "created_at": NINE,
        "id": 1,
        "lead_time": 3.2,
        "req_id": "q60",
        "text": "where; is it",
        "updated_at": NINE,
    }
    table = io.StringIO()
    writer = csv.DictWriter(table, list(row))
    writer.writeheader()
    writer.writerow(row)

    expected = events.HumanLabel("q60", "ann", times.instant(NINE), "faq", also)
    assert came(table.getvalue()) == [expected]
    assert came(json.dumps([row])) == [expected]


def test_a_flat_export_of_two_questions_asks_for_a_mapping() -> None:
    head = "annotation_id,annotator,mood,tone,lead_time,req_id,updated_at\n"
    (why,) = came(head + f"1,ann,faq,good,3,q60,{NINE}\n")

    assert "mapping file" in str(why)


# Argilla


def feedback(**of: Any) -> Row:
    response = {"user_id": "ann", "status": "submitted", "values": {"intent": {"value": "faq"}}}
    return {
        "id": "b1",
        "fields": {"text": "where is it"},
        "metadata": {"req_id": "q60"},
        "responses": [response | {"updated_at": "2026-04-21T09:00:00"}],
        "suggestions": [],
    } | of


def classified(**of: Any) -> Row:
    return {
        "id": "q60",
        "text": "where is it",
        "inputs": {"text": "where is it"},
        "prediction": [["chitchat", 0.9]],
        "annotation": "faq",
        "annotation_agent": "ann",
        "status": "Validated",
        "event_timestamp": "2026-04-21T09:00:00",
        "metadata": {},
    } | of


@pytest.mark.parametrize(
    "row",
    [
        feedback(),
        feedback(metadata={}, external_id="q60"),
        feedback(metadata='{"req_id": "q60"}'),
        classified(),
        classified(annotation=["faq"]),
        classified(id="b1", metadata={"req_id": "q60"}),
        {
            "id": "b1",
            "text": "where is it",
            "req_id": "q60",
            "intent.responses": ["faq"],
            "intent.responses.users": ["ann"],
            "intent.responses.status": ["submitted"],
            "updated_at": NINE,
        },
    ],
)
def test_every_generation_of_argilla_is_read(row: Row) -> None:
    assert came(json.dumps(row), zone="UTC") == [said("faq")]


def test_a_discarded_record_is_an_answer_and_a_draft_is_none() -> None:
    discarded = feedback()["responses"][0] | {"status": "discarded", "values": {}}
    draft = feedback()["responses"][0] | {"status": "draft"}

    body = json.dumps(feedback(responses=[discarded, draft]))
    assert came(body, zone="UTC") == [said(None)]
    assert came(json.dumps(classified(status="Discarded")), zone="UTC") == [said(None)]


@pytest.mark.parametrize(
    "row",
    [
        classified(annotation=None, status="Default"),
        feedback(responses=[]),
        feedback(responses=None),
        feedback(responses={}),
    ],
)
def test_a_record_that_nobody_answered_is_no_label(row: Row) -> None:
    assert came(json.dumps(row)) == []


def test_an_argilla_time_without_a_zone_asks_for_it() -> None:
    (why,) = came(json.dumps(feedback()))

    assert "--zone" in str(why)


# doccano


@pytest.mark.parametrize(
    "body",
    [
        '{"id": 1, "text": "where is it", "label": ["faq"], "req_id": "q60", "Comments": []}',
        '{"id": 1, "text": "where is it", "labels": ["faq"], "meta": {"req_id": "q60"}}',
        "id,text,label,req_id\n1,where is it,faq,q60\n",
    ],
    ids=["lines", "old meta", "table"],
)
def test_what_doccano_does_not_tell_is_told_by_the_command(body: str) -> None:
    always = {"annotator": "ann", "labelled_at": NINE}

    assert came(body, always=always) == [said("faq")]
    (why,) = came(body)
    assert "--annotator" in str(why)


def test_doccano_of_before_names_labels_by_number_and_says_who_and_when() -> None:
    row = {
        "id": 1,
        "text": "where is it",
        "annotations": [{"label": 4, "user": 2, "updated_at": NINE}],
        "meta": {"req_id": "q60"},
    }

    assert came(json.dumps(row), intents={"4": "faq"}) == [said("faq", annotator="2")]


@pytest.mark.parametrize(
    "body", ['{"text": "a", "label": [], "req_id": "q60"}', "text,label,req_id\na,,q60\n"]
)
def test_a_text_that_nobody_labelled_is_no_label(body: str) -> None:
    assert came(body) == []


@pytest.mark.parametrize(
    "body",
    [
        '{"text": "a", "label": ["chitchat", "faq"], "req_id": "q60"}',
        "text,label,req_id\na,chitchat#faq,q60\n",
    ],
)
def test_of_several_labels_that_are_sorted_none_is_the_intent(body: str) -> None:
    (why,) = came(body)

    assert "doccano sorts" in str(why)


# Prodigy


def line(**of: Any) -> str:
    return json.dumps(prodigy({"text": "a", "req_id": "q60", "meta": {}}, "faq") | of)


def test_an_ignored_task_is_an_answer_and_a_rejected_one_is_no_label() -> None:
    ignored, rejected = came(line(answer="ignore", accept=[]) + "\n" + line(answer="reject"))

    assert ignored == said(None)
    assert "rejected" in str(rejected)


def test_a_label_that_was_accepted_is_one() -> None:
    binary = json.loads(line(label="faq"))
    del binary["accept"]

    assert came(json.dumps(binary)) == [said("faq")]


def test_the_request_may_stand_in_meta() -> None:
    assert came(line(req_id=None, meta={"req_id": "q60"})) == [said("faq")]


def test_of_several_accepted_the_first_is_the_intent() -> None:
    (label,) = came(line(accept=["faq", "promotion"]))

    assert isinstance(label, events.HumanLabel)
    assert (label.intent, label.also) == ("faq", ["promotion"])


# Anything

EXPORTED = ("data", "annotations", "responses", "metadata", "label", "meta", "accept", "annotation")


@pytest.mark.parametrize("tool", tasks.TOOLS)
@pytest.mark.parametrize("junk", [None, 5, "x", [], [5], {}, {"a": 1}, [[]], [{"id": None}], True])
def test_no_export_stops_the_reading(tool: str, junk: object) -> None:
    names = (
        "data",
        "annotations",
        "responses",
        "metadata",
        "label",
        "meta",
        "accept",
        "annotation",
    )
    for name in names:
        whole = json.dumps({"id": 1, "text": "a", "fields": {}} | {name: junk})
        for each in came(whole, tool):
            assert isinstance(each, str | events.HumanLabel)
