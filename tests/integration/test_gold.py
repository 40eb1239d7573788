"""Gold questions from the command to the queue, the terminal and the decision's labels."""

import argparse
import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any

import builders
import processes
import pytest
import sqlalchemy as sa

from retrain import store as store_of_rows
from retrain.decide.history.asked import store as asked
from retrain.gold import store as reviewed_by
from schemas import policy, present, tables
from services.labels import __main__ as labels
from services.labels import ask, hand_in, mix, reviewed, store
from services.labels.gold import store as gold
from services.labels.registry import store as registry
from services.labels.serve import store as screen
from streams import connect

DAY = dt.timedelta(days=1)
AT = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
GOLD = mix.Plan(share=1.0)


@pytest.fixture
def engine(database: str) -> sa.Engine:
    """Twelve messages, answered by two models each, and a clock that stands behind them."""
    made = connect.engine(database, poolclass=sa.NullPool)
    rows = []
    for i in range(12):
        first = builders.sampled(f"r{i}", AT + i * dt.timedelta(hours=1), text=f"invented {i}")
        rows += [first, first | {"model": "v2", "role": "shadow"}]
    clock = {"topic": "intentwatch.serving_log.v1", "watermark": AT + DAY}
    with made.begin() as connection:
        connection.execute(sa.insert(tables.sampled_prediction), rows)
        connection.execute(sa.insert(tables.stream_clock), clock)
    return made


def verified(engine: sa.Engine, **intents: str) -> None:
    with engine.begin() as connection:
        for req_id, intent in intents.items():
            row = {"req_id": req_id, "at": AT + DAY, "intent": intent, "by": "rin"}
            assert gold.verify(connection, row)


def labelled(engine: sa.Engine, annotator: str) -> list[str]:
    label = tables.human_label.c
    query = sa.select(label.req_id).where(label.annotator == annotator)
    with engine.connect() as connection:
        return list(connection.execute(query.order_by(label.labelled_at)).scalars())


def row_of(req_id: str, annotator: str, intent: str, at: dt.datetime) -> dict[str, Any]:
    return {
        "id": f"{req_id} {annotator}",
        "req_id": req_id,
        "annotator": annotator,
        "labelled_at": at,
        "intent": intent,
        "also": [],
        "action": "label",
    }


def typing(*answers: str) -> Callable[[], str]:
    left: Iterator[str] = iter(answers)
    return lambda: next(left, "q")


def typed(engine: sa.Engine, *words: str) -> int:
    """`labels gold ...`, in this process; the exit code."""
    parser = argparse.ArgumentParser()
    reviewed.arguments(parser, hand_in.name)
    chosen = parser.parse_args(words)
    try:
        return int(chosen.do(engine, chosen))
    except SystemExit as ended:
        return int(str(ended.code))


def test_a_question_is_verified_once_listed_and_taken_back(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    by = ("--intent", "promotion", "--by", "rin")
    assert typed(engine, "add", "r3", *by) == 0
    assert capsys.readouterr().out == "r3\n"
    assert typed(engine, "add", "r3", *by) == 2
    assert "already" in capsys.readouterr().err
    assert typed(engine, "add", "r3", *by, "--at", "2026-04-20T00:00Z") == 2
    assert "or was one later than that" in capsys.readouterr().err
    assert typed(engine, "add", "r99", *by) == 2
    assert "no message 'r99' was sampled" in capsys.readouterr().err

    assert typed(engine, "retire", "r3", "--by", "kim") == 0
    assert typed(engine, "retire", "r3", "--by", "kim") == 2
    assert "is no gold question" in capsys.readouterr().err
    environment = {"INTENTWATCH_DATABASE_URL": engine.url.render_as_string(hide_password=False)}
    listed = processes.run(["-m", "services.labels", "gold", "list", "--json"], environment)
    assert json.loads(listed.stdout) == {
        "req_id": "r3",
        "at": "2026-04-21T00:00:00Z",
        "intent": "promotion",
        "by": "rin",
        "retired_at": "2026-04-21T00:00:00Z",
        "retired_by": "kim",
    }


def test_what_was_taken_back_is_verified_anew_also_while_the_clock_stands(
    engine: sa.Engine,
) -> None:
    verified(engine, r3="promotion")
    with engine.begin() as connection:
        assert gold.retire(connection, "r3", "kim", AT + DAY)
    verified(engine, r3="faq")
    with engine.begin() as connection:
        assert [row["intent"] for row in gold.listed(connection)] == ["faq"]
        assert gold.retire(connection, "r3", "kim", AT + 2 * DAY)
        anew = {"req_id": "r3", "at": AT + 3 * DAY, "intent": "faq", "by": "rin"}
        assert gold.verify(connection, anew)
        assert not gold.verify(connection, anew | {"at": AT + 4 * DAY})
        assert len(gold.listed(connection)) == 2


@pytest.mark.parametrize("since", [AT + DAY, AT + 2 * DAY])
def test_of_one_message_no_two_intents_hold_at_an_instant(
    engine: sa.Engine, since: dt.datetime
) -> None:
    """It was taken back later than the instant from which another intent is to hold."""
    verified(engine, r3="promotion")
    with engine.begin() as connection:
        assert gold.retire(connection, "r3", "kim", AT + 3 * DAY)
        other = {"req_id": "r3", "at": since, "intent": "faq", "by": "rin"}
        assert not gold.verify(connection, other)
        assert [row["intent"] for row in gold.listed(connection)] == ["promotion"]
        assert gold.verify(connection, other | {"at": AT + 3 * DAY})


def test_each_annotator_is_asked_each_question_once_and_never_for_nothing(
    engine: sa.Engine,
) -> None:
    verified(engine, r10="faq", r11="promotion")
    answers = ["faq"] * 12

    assert ask.session(engine, "a1", 0.0, 12, typing(*answers), plan=GOLD) == 12
    first = labelled(engine, "a1")
    assert set(first[:4]) >= {"r10", "r11"}
    assert len(set(first)) == 12

    # Nothing else waits for the second one, so no gold question comes alone.
    assert ask.session(engine, "a2", 0.0, 12, typing(*answers), plan=GOLD) == 0
    assert ask.session(engine, "a2", 1.0, 12, typing(*answers), plan=GOLD) == 12
    assert sorted(labelled(engine, "a2")) == sorted(first)


def test_a_skipped_question_is_not_shown_again_in_this_session(engine: sa.Engine) -> None:
    verified(engine, r11="promotion")

    assert ask.session(engine, "a1", 0.0, 3, typing("s", *["faq"] * 3), plan=GOLD) == 3
    assert "r11" not in labelled(engine, "a1")
    assert ask.session(engine, "a1", 0.0, 1, typing("faq"), plan=GOLD) == 1
    assert labelled(engine, "a1")[-1] == "r11"


def test_an_annotator_is_asked_of_each_intent_in_turn_but_first_where_somebody_is_in_doubt(
    engine: sa.Engine,
) -> None:
    verified(engine, r1="faq", r2="faq", r3="faq", r4="promotion", r5="chitchat", r6="promotion")
    given = [row_of("r4", "a1", "promotion", AT + DAY), row_of("r1", "a2", "faq", AT + DAY)]
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.human_label), given)

        def intents(annotator: str | None, first: tuple[str, ...] = ()) -> list[str]:
            known = {row["req_id"]: row["intent"] for row in gold.listed(connection)}
            asked = gold.unanswered(connection, annotator, 10, first=first)
            return [known[row["req_id"]] for row in asked]

        assert sorted(intents("a1")[:2]) == ["chitchat", "faq"]
        assert (len(intents("a1")), len(intents(None))) == (5, 6)
        assert intents("a1", ("promotion",))[0] == "promotion"
        assert intents("a9", ("faq", "unheard_of"))[:3] == ["faq"] * 3
        assert gold.unanswered(connection, None, 1, first=("promotion",))[0]["req_id"] != "r4"


def test_gold_names_two_liars_of_three_before_anything_is_trained(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    """Live accuracy and training have the verified label; an hour of before knows of nothing."""
    rows, given = [], []
    start, end = AT + 2 * DAY, AT + 4 * DAY
    for i in range(240):
        sent = start + i * dt.timedelta(minutes=10)
        rows.append(builders.sampled(f"q{i}", sent, confidence=0.9))
        said = "faq" if i % 3 == 0 else "chitchat"
        given.append(row_of(f"q{i}", f"a{i % 3}", said, sent + dt.timedelta(hours=1)))
    for i in range(12):
        for who, said in (("a0", "faq"), ("a1", "chitchat"), ("a2", "chitchat")):
            given.append(row_of(f"r{i}", who, said, AT + 3 * DAY))
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.sampled_prediction), rows)
        connection.execute(sa.insert(tables.human_label), given)
    verified(engine, **{f"r{i}": "faq" for i in range(6)}, q1="faq")

    def believed(connection: sa.Connection, as_of: dt.datetime) -> tuple[list[str], int]:
        rules = policy.Labels()
        measured = asked.sampled(connection, "v1", start, end, as_of=as_of, rules=rules)
        names = [source.annotator for source in asked.aside(connection, as_of, rules)]
        return names, int((measured.label == present.INDEX["chitchat"]).sum())

    with engine.begin() as connection:
        connection.execute(sa.update(tables.stream_clock).values(watermark=end))
    assert labels.show_status(engine, argparse.Namespace(json=True)) == 0
    status = json.loads(capsys.readouterr().out)
    assert [(source["annotator"], source["gold"]) for source in status["aside"]] == [
        ("a1", True),
        ("a2", True),
    ]
    assert [(one["annotator"], one["answered"], one["right"]) for one in status["gold"]] == [
        ("a0", 6, 6),
        ("a1", 7, 0),
        ("a2", 6, 0),
    ]

    with engine.begin() as connection:
        assert believed(connection, end) == (["a1", "a2"], 0)
        doubts = asked.doubts(connection, end, policy.Labels())
        questions = reviewed_by.questions(connection, end)
        intents = {req_id: question.intent for req_id, question in questions.items()}
        trained = store_of_rows.labelled_rows(connection, end, 1000, doubts, intents)
        assert {row["intent"] for row in trained} == {"faq"}
        assert {"r0", "q1"} <= {row["id"] for row in trained}

        assert reviewed_by.questions(connection, AT + DAY) == {}, "what it establishes holds later"
        for req_id in intents:
            assert gold.retire(connection, req_id, "kim", end)
        assert believed(connection, end)[0] == ["a1", "a2"], "an hour of before stays as it was"
        later = end + dt.timedelta(hours=1)
        assert believed(connection, later)[0] == ["a0"]


def test_tasks_are_for_annotators_whose_labels_are_taken(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    with engine.begin() as connection:
        registry.register(connection, "a1", None)
    theirs = argparse.Namespace(to="doccano", limit=2, annotator="a1")

    assert labels.show_tasks(engine, theirs) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    with pytest.raises(SystemExit) as ended:
        labels.show_tasks(engine, argparse.Namespace(to="doccano", limit=2, annotator="zoe"))
    assert ended.value.code == 2
    assert "'zoe' is not registered" in capsys.readouterr().err


def test_the_list_has_them_among_the_others_and_the_verified_label_holds(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    verified(engine, r2="promotion", r11="faq")
    ask.session(engine, "a1", 0.0, 1, typing("chitchat"), plan=GOLD)
    (answered,) = labelled(engine, "a1")
    for_whom = argparse.Namespace(to="doccano", limit=20, annotator="a1")
    assert labels.show_tasks(engine, for_whom) == 0
    tasks = [json.loads(line)["req_id"] for line in capsys.readouterr().out.splitlines()]
    with engine.connect() as connection:
        anyones = [row["req_id"] for row in screen.listed(connection, 20, GOLD)]
        theirs = [row["req_id"] for row in screen.listed(connection, 20, GOLD, annotator="a1")]
        plain = [row["req_id"] for row in screen.listed(connection, 20, mix.NO_GOLD)]
        held = {row["req_id"]: row for row in store.current(connection)}
        waiting = store.status(connection)["waiting"]

    assert [name for name in anyones if name in plain] == plain
    assert {anyones[0], anyones[2]} == {"r2", "r11"}
    assert anyones[0] != answered, "what fewest have answered comes first"
    assert answered not in theirs
    assert waiting == len(plain) == 10
    assert answered not in tasks
    assert set(plain) <= set(tasks)
    assert (held["r2"]["intent"], held["r2"]["annotator"]) == ("promotion", "rin")
    assert held["r11"]["intent"] == "faq"
