"""Labelling at a terminal: several people at once, and interrupted wherever it hurts. No answer is
lost, none is asked for twice.
"""

import datetime as dt
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import builders
import processes
import pytest
import sqlalchemy as sa

from schemas import tables
from services.labels import ask, store
from services.labels.serve import store as screen
from services.local import topology
from streams import connect

TAKEN_BACK = {
    "id": "x",
    "req_id": "r0",
    "annotator": "a1",
    "labelled_at": dt.datetime(2026, 4, 22, tzinfo=dt.UTC),
    "also": [],
    "action": "retract",
}
TEXTS = {f"r{i}": f"an invented message {i}" for i in range(6)}


@pytest.fixture
def engine(database: str) -> sa.Engine:
    made = connect.engine(database, poolclass=sa.NullPool)
    rows = []
    for hour, (req_id, text) in enumerate(TEXTS.items()):
        at = dt.datetime(2026, 4, 20, hour, tzinfo=dt.UTC)
        first = builders.sampled(req_id, at, second_intent="order_tracking", text=text)
        rows += [first, first | {"model": "v2", "role": "shadow"}]
    with made.begin() as connection:
        connection.execute(sa.insert(tables.sampled_prediction), rows)
    return made


def labels(engine: sa.Engine) -> list[tuple[str, str, str]]:
    table = tables.human_label
    with engine.connect() as connection:
        return [
            tuple(row)
            for row in connection.execute(
                sa.select(table.c.annotator, table.c.req_id, table.c.intent).order_by(
                    table.c.labelled_at
                )
            )
        ]


def typing(*answers: str) -> Callable[[], str]:
    """What a person types, then Ctrl-C."""
    left: Iterator[str] = iter(answers)

    def read() -> str:
        for typed in left:
            return typed
        raise KeyboardInterrupt

    return read


def start(engine: sa.Engine, annotator: str) -> "subprocess.Popen[str]":
    """The command, up to the first message on its screen."""
    environment = topology.inherited() | {
        "INTENTWATCH_DATABASE_URL": engine.url.render_as_string(hide_password=False)
    }
    argv = [sys.executable, "-m", "services.labels", "next", "--annotator", annotator]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        argv, cwd=processes.ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )


def shown(process: "subprocess.Popen[str]") -> str:
    """What is on the screen once it waits for an answer."""
    assert process.stderr is not None
    text = ""
    while not text.endswith("to stop: "):
        letter = process.stderr.read(1)
        assert letter, text
        text += letter
    return text


def type_in(process: "subprocess.Popen[str]", text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()


def test_one_message_one_answer_with_the_rule_between_the_two_likeliest(engine: sa.Engine) -> None:
    process = start(engine, "a1")
    text = shown(process)
    for words in (
        TEXTS["r0"],
        "faq: Asks how",
        "order_tracking: Asks where",
        "In general: faq.",
        "Two wishes:",
        "10 chitchat",
    ):
        assert words in text
    assert TEXTS["r1"] not in text
    type_in(process, "weather\n")
    assert "'weather' is no intent" in shown(process)
    type_in(process, "5 1\n")
    assert TEXTS["r1"] in shown(process)
    out, _ = process.communicate("q\n", timeout=60)
    assert (process.returncode, json.loads(out)) == (0, {"answered": 1})
    with engine.connect() as connection:
        (row,) = connection.execute(sa.select(tables.human_label)).mappings()
    assert (row["req_id"], row["intent"], row["also"]) == (
        "r0",
        "order_tracking",
        ["product_discovery"],
    )


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ended_at_the_prompt_it_keeps_what_was_answered_and_frees_what_was_shown(
    engine: sa.Engine, end: signal.Signals
) -> None:
    process = start(engine, "a1")
    shown(process)
    type_in(process, "faq\n")
    assert TEXTS["r1"] in shown(process)
    process.send_signal(end)
    process.communicate(timeout=60)
    assert process.returncode == (130 if end is signal.SIGINT else -end)
    assert labels(engine) == [("a1", "r0", "faq")]
    again = start(engine, "a1")
    assert TEXTS["r1"] in shown(again)
    again.communicate("4\n", timeout=60)  # and then the end of its input
    assert labels(engine) == [("a1", "r0", "faq"), ("a1", "r1", "faq")]


def test_interrupted_in_the_middle_of_a_commit_the_message_is_asked_again(
    engine: sa.Engine,
) -> None:
    process = start(engine, "a1")
    shown(process)
    with (
        engine.connect() as blocking,
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watching,
    ):
        # Reads pass, the answer waits.
        blocking.execute(sa.text("lock table human_label in share mode"))
        type_in(process, "faq\n")
        waits = sa.text(
            "select count(*) from pg_locks where not granted and relation = 'human_label'::regclass"
        )
        assert processes.eventually(lambda: watching.execute(waits).scalar_one() == 1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 130
    assert labels(engine) == []
    again = start(engine, "a1")
    assert TEXTS["r0"] in shown(again)
    again.communicate("faq\n", timeout=60)
    assert labels(engine) == [("a1", "r0", "faq")]


def test_two_people_at_once_see_two_messages(engine: sa.Engine) -> None:
    first, second = start(engine, "a1"), start(engine, "a2")
    screens = [shown(first), shown(second)]
    assert {text for screen in screens for text in TEXTS.values() if text in screen} == {
        TEXTS["r0"],
        TEXTS["r1"],
    }
    for process in (first, second):
        process.communicate("faq\n" * 6, timeout=60)
    assert sorted(req_id for _, req_id, _ in labels(engine) if req_id in ("r0", "r1")) == [
        "r0",
        "r1",
    ]


def test_the_second_label_goes_to_another_person_and_no_message_gets_a_third(
    engine: sa.Engine,
) -> None:
    assert ask.session(engine, "a1", 1.0, 10, typing(*["faq"] * 6)) == 6
    assert ask.session(engine, "a1", 1.0, 10, typing()) == 0  # nothing waits, so nothing is read
    assert ask.session(engine, "a2", 0.0, 10, typing()) == 0
    assert ask.session(engine, "a2", 1.0, 10, typing(*["chitchat"] * 6)) == 6
    assert ask.session(engine, "a3", 1.0, 10, typing()) == 0
    assert len(labels(engine)) == 12


def test_only_the_policys_share_is_asked_twice(engine: sa.Engine) -> None:
    at = dt.datetime(2026, 4, 21, tzinfo=dt.UTC)
    more = [builders.sampled(f"m{i}", at, queue="train") for i in range(600)]
    label = {
        "annotator": "a1",
        "labelled_at": dt.datetime(2026, 4, 22, tzinfo=dt.UTC),
        "intent": "faq",
        "also": [],
        "action": "label",
    }
    given = [label | {"id": f"m{i}", "req_id": f"m{i}"} for i in range(600)]
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.sampled_prediction), more)
        connection.execute(sa.insert(tables.human_label), given)
    answered = ask.session(engine, "a2", 0.1, 1000, typing(*["faq"] * 300))
    assert 30 <= answered - 6 <= 95  # six that nobody had labelled, and a tenth of 600


def test_skipped_messages_come_back_in_the_next_session_only(engine: sa.Engine) -> None:
    assert ask.session(engine, "a1", 0.0, 10, typing("", "s", *["faq"] * 4)) == 4
    assert {req_id for _, req_id, _ in labels(engine)} == {"r2", "r3", "r4", "r5"}
    assert ask.session(engine, "a1", 0.0, 1, typing("promotion")) == 1
    assert labels(engine)[-1] == ("a1", "r0", "promotion")


def test_a_message_taken_back_is_for_others(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.human_label), TAKEN_BACK)
    ask.session(engine, "a1", 0.0, 1, typing("faq"))
    ask.session(engine, "a2", 0.0, 1, typing("faq"))
    assert {("a1", "r1", "faq"), ("a2", "r0", "faq")} <= set(labels(engine))


def test_what_another_labels_between_the_list_and_the_lock_is_not_asked_again(
    engine: sa.Engine,
) -> None:
    """Nor where the message was once taken back, so that its count is not the database's own."""
    answer = TAKEN_BACK | {"id": "y", "annotator": "a2", "action": "label", "intent": "faq"}
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.human_label), TAKEN_BACK)

    others = sa.create_engine(engine.url, poolclass=sa.NullPool)
    before_lock: list[dict[str, Any]] = [answer]

    @sa.event.listens_for(engine, "before_cursor_execute")
    def answers_meanwhile(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "INSERT INTO lease" in statement and before_lock:
            with others.begin() as another:
                another.execute(sa.insert(tables.human_label), before_lock.pop())

    with engine.connect() as connection:
        served = screen.serve(connection, "a3", (), twice_share=0)
    assert served["req_id"] == "r1"
    assert not before_lock


def test_of_an_hour_what_is_missing_comes_first_and_of_the_rest_each_intent_in_turn(
    engine: sa.Engine,
) -> None:
    """The oldest hour stays first, as figures rest on whole hours; what trains comes after what
    measures, and last what is worded like another one.
    """
    hour = dt.datetime(2026, 4, 19, tzinfo=dt.UTC)
    minute = dt.timedelta(minutes=1)
    measured = {
        "plain": builders.sampled("plain", hour, text="a"),
        "missing": builders.sampled("missing", hour + minute, intent="escalation", text="b"),
    }
    train = {
        "faq 1": ("faq", "where is volume 3?"),
        "faq again": ("faq", "Where is volume 12"),
        "faq 2": ("faq", "how long does it take"),
        "labelled": ("promotion", TEXTS["r0"] + "!"),
        "promotion": ("promotion", "any coupon"),
    }
    rows = list(measured.values())
    for place, (name, (intent, text)) in enumerate(train.items()):
        at = hour + place * minute
        rows.append(builders.sampled(name, at, intent=intent, text=text, queue="train"))
    given = TAKEN_BACK | {"action": "label", "intent": "faq"}
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.sampled_prediction), rows)
        connection.execute(sa.insert(tables.human_label), given)

    with engine.connect() as connection:
        order = [row["req_id"] for row in store.queue(connection, 100, ["escalation"])]
        served = screen.serve(connection, "a2", (), 0.0, ["escalation"])

    assert order[:2] == ["missing", "plain"]
    assert order[2:7] == ["r1", "r2", "r3", "r4", "r5"]
    assert order[7:] == ["faq 1", "promotion", "faq 2", "labelled", "faq again"]
    assert served["req_id"] == "missing"
