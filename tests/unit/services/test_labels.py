"""Label files and answers, without a database."""

import datetime as dt
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrain.decide.missing import needs
from retrain.intake import labels as files
from retrain.intake import read as reading
from retrain.labels import distrust, gold, votes
from schemas import events, present
from services.labels import answer, guideline, ingest, status

GUIDELINE = (Path(__file__).parents[3] / "docs/labelling.md").read_text()
AT = dt.datetime(2026, 4, 20, 9, tzinfo=dt.UTC)
HEADER = "req_id,intent,also,annotator,labelled_at,action\n"


def test_the_guideline_and_the_queue_say_the_same() -> None:
    table = dict(re.findall(r"^\| (\w+) \| (.*?) \|", GUIDELINE, flags=re.MULTILINE))
    assert {intent: table[intent] for intent in present.INTENTS} == guideline.RULES
    pairs = re.findall(r"^\| (\w+), (\w+) \| (.*?) \|$", GUIDELINE, flags=re.MULTILINE)
    assert {(one, other): rule for one, other, rule in pairs} == guideline.BETWEEN
    assert guideline.TWO_WISHES in GUIDELINE


def test_the_queue_does_not_show_what_the_classifier_said() -> None:
    assert (
        guideline.likely("chitchat", "faq")
        == guideline.likely("faq", "chitchat")
        == ["faq", "chitchat"]
    )


def test_a_part_of_a_name_finds_it_and_answers_nothing() -> None:
    assert answer.parse("order") == "1 have 'order': 5 order_tracking"
    assert answer.parse("4 prod") == "2 have 'prod': 1 product_discovery  2 product_question"


@pytest.mark.parametrize(
    "typed", ["0", "11", "weather", "4 weather", "-1", "٤", "99999999999999999999", "q 4"]
)
def test_what_is_no_answer_gets_a_sentence(typed: str) -> None:
    refused = answer.parse(typed)
    assert isinstance(refused, str)
    assert "is no intent" in refused


def test_every_number_and_every_name_is_its_intent() -> None:
    for number, intent in enumerate(present.INTENTS, start=1):
        assert answer.parse(str(number)) == answer.parse(intent) == answer.Choice(intent, [])


def read(body: str) -> list[events.HumanLabel | events.Malformed]:
    rows = reading.reading(io.BytesIO(body.encode()))
    return [line.parsed for line in files.file(rows, files.Source()).lines]


@pytest.mark.parametrize(
    "also", ['"promotion,chitchat"', '"[""promotion"", ""chitchat""]"', '" promotion , chitchat "']
)
def test_also_in_csv_may_be_names_or_a_json_list(also: str) -> None:
    (label,) = read(f"{HEADER}r1,faq,{also},a1,2026-04-20T09:00:00Z,label\n")
    assert label == events.HumanLabel("r1", "a1", AT, "faq", ["promotion", "chitchat"])


def test_a_spreadsheets_csv_is_read_too() -> None:
    """With a byte order mark, CR LF, spaces beside the commas, a message id with a line break, and
    a column of its own.
    """
    body = (
        "\ufeffreq_id, intent,annotator,labelled_at,action,note\r\n"
        "r1, faq,a1,2026-04-20T09:00:00Z,label,hm\r\n"
        '"r\n2",,a1,2026-04-20T09:00:00Z,retract,\r\n'
    )
    assert read(body) == [
        events.HumanLabel("r1", "a1", AT, "faq"),
        events.HumanLabel("r\n2", "a1", AT, action="retract"),
    ]


def test_a_quote_never_closed_costs_what_follows_it_and_no_more() -> None:
    body = f'{HEADER}r1,faq,,a1,2026-04-20T09:00:00Z,label\n"r2,faq' + "x" * 200_000
    first, last = read(body)
    assert isinstance(first, events.HumanLabel)
    assert isinstance(last, events.Malformed)
    assert last.reason == "not_csv"


@pytest.mark.parametrize(
    "at",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1999-12-31T23:59:59Z",
        "2026-04-20T09:00:00",
    ],
)
def test_a_label_from_no_real_time_is_malformed(at: str) -> None:
    label = {"req_id": "r1", "intent": "faq", "annotator": "a1", "labelled_at": at}
    assert isinstance(events.human_label(json.dumps(label).encode()), events.Malformed)


def test_the_report_and_the_queue_agree_on_two_labels_of_one_instant() -> None:
    """Postgres keeps the smallest id of an instant; a report that took the other would see a
    conflict where there is none.
    """
    both = [events.HumanLabel("r1", "a1", AT, "faq"), events.HumanLabel("r1", "a1", AT, "chitchat")]
    holds = min(both, key=events.label_id)
    colleague = events.HumanLabel("r1", "a2", AT, holds.intent)
    assert ingest.report([*both, colleague], {"r1": AT}, [])["conflicts"] == 0
    assert ingest.report([*reversed(both), colleague], {"r1": AT}, [])["conflicts"] == 0


def figures(*labels: tuple[str, str, str], most: int = 100) -> dict[str, Any]:
    held = [
        votes.Entry(req_id, annotator, AT, str(i), intent)
        for i, (req_id, annotator, intent) in enumerate(labels)
    ]
    return status.figures(held, [(AT, AT)], AT + dt.timedelta(hours=2), most)


def test_status_names_agreement_conflicts_and_surplus() -> None:
    known = figures(
        ("r1", "a1", "faq"),
        ("r1", "a2", "faq"),
        ("r2", "a1", "faq"),
        ("r2", "a2", "chitchat"),
        ("r3", "a1", "chitchat"),
        most=2,
    )
    assert (known["doubly_labelled"], known["conflicts"]) == (2, 1)
    assert known["confused"] == [{"intents": ["chitchat", "faq"], "n": 1}]
    assert [(pair["annotators"], pair["n"], pair["agreement"]) for pair in known["cohen"]] == [
        (("a1", "a2"), 2, 0.5)
    ]
    assert known["over_cap"] == [{"annotator": "a1", "day": AT.date(), "labels": 3, "over": 1}]
    shown = status.table(known)
    for words in (
        "Krippendorff's alpha 0.00",
        "n 2",
        "chitchat / faq  1",
        "a1  2026-04-20  1 of 3 do not train",
        "within   1 h  100.0 %",
        "within   4 h  -  n 0",
    ):
        assert words in shown


def test_a_name_that_moves_the_cursor_is_shown_as_escapes() -> None:
    shown = status.table(figures(("r1", "a\x1b[2J", "faq"), ("r1", "b", "faq")))
    assert "\x1b" not in shown
    assert "a\\x1b[2J, b" in shown


def test_without_labels_and_messages_there_is_a_status_all_the_same() -> None:
    known = status.figures([], [], None, 10)
    assert known["krippendorff"] == {"n": 0, "alpha": None, "low": None, "high": None}
    assert "doubly_labelled" in status.table(known)


def test_status_names_a_source_that_is_not_believed() -> None:
    known = status.figures([], [], None, 10, [distrust.Aside("bot", 720, 0.05, -0.87, -30.0)])
    (bot,) = known["aside"]
    assert bot | {"annotator": "bot", "n": 720, "right": 0.05, "gap": -0.87, "z": -30.0} == bot
    words = "bot  agrees with the classifier in 5% of 720, -87 points to all others"
    assert words in status.table(known)


def test_status_names_what_a_source_calls_an_intent_and_what_others_do() -> None:
    liar = distrust.Aside(
        annotator="a3",
        n=61,
        right=0.1,
        gap=-0.77,
        z=-9.0,
        since="2026-04-20T00:00:00Z",
        intent="recommendation",
        named="product_discovery",
        times=48,
        others=120,
        others_times=2,
    )
    known = status.figures([], [], None, 10, [liar])

    table = status.table(known)

    assert "a3  calls recommendation product_discovery, 48 of 61; others 2 of 120" in table
    assert "since 2026-04-20T00:00:00Z" in table


def test_status_tells_of_each_annotator_how_many_gold_questions_are_right() -> None:
    faq, promotion = present.INDEX["faq"], present.INDEX["promotion"]
    who, named = np.array([0, 1, 0]), np.array([faq, promotion, faq])
    answers = gold.Answers(("a1", "a2"), who, np.full(3, faq), named)

    known = status.figures([], [], None, 10, golden=answers)

    assert known["gold"] == [
        {"annotator": "a1", "answered": 2, "right": 2, "needed": 6},
        {"annotator": "a2", "answered": 1, "right": 0, "needed": 6},
    ]
    words = "a2  0 of 1 right; 6 wrong ones of an intent are proof"
    assert words in status.table(known)
    assert "gold questions" not in status.table(status.figures([], [], None, 10))


def test_status_says_first_which_labels_are_missing() -> None:
    need = needs.Need("rare_recall", ("escalation",), 135, blind=True)
    known = status.figures([], [], None, 10, missing=[need])
    assert known["needs"] == [need.plain]
    assert f"labels are missing\n  {need.sentence}" in status.table(known)
