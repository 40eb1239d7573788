"""Rows that a run's audit doubts come back to people, and what they say holds from then on."""

import datetime as dt
import json
from collections.abc import Iterator

import builders
import processes
import pytest
import sqlalchemy as sa

from retrain import store as retrain_store
from schemas import tables
from services.labels import ask, mix
from services.labels import store as labels_store
from services.labels.again import store as again
from services.labels.serve import store as serve
from streams import connect

AT = dt.datetime(2026, 4, 20, 9, tzinfo=dt.UTC)
EVER = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
NAMED = {"two_intents": ["r1", "c1"], "label_noise": ["c1", "gone"]}


@pytest.fixture
def engine(database: str) -> Iterator[sa.Engine]:
    """r1 has its label, r2 waits; c1 was imported; the run has named r1, c1 and one that is not
    there.
    """
    made = connect.engine(database, poolclass=sa.NullPool)
    sampled = [
        builders.sampled("r1", AT, text="is it here", queue="train"),
        builders.sampled("r2", AT, text="hello you", queue="train"),
    ]
    label = {"id": "l1", "req_id": "r1", "annotator": "ana", "labelled_at": AT, "intent": "faq"}
    imported = {"id": "c1", "text": "let me talk", "intent": "faq", "kind": "human"}
    with made.begin() as connection:
        connection.execute(sa.insert(tables.sampled_prediction), sampled)
        connection.execute(sa.insert(tables.human_label), [label | {"also": [], "action": "label"}])
        connection.execute(sa.insert(tables.corpus), [imported])
        retrain_store.queue_run(connection, run_id="ft_1", decision_id=None, as_of=AT)
        retrain_store.queue_run(connection, run_id="ft_2", decision_id=None, as_of=AT)
        retrain_store.record_step(connection, "ft_1", "examined", {"rows": NAMED})
    yield made
    made.dispose()


def waiting(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return [row["req_id"] for row in serve.listed(connection, 9, mix.NO_GOLD)]


def asked(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        for why, ids in NAMED.items():
            again.ask(connection, "ft_1", why, ids)


def test_one_command_asks_again_about_the_rows_that_a_run_has_named(
    engine: sa.Engine, database: str
) -> None:
    def relabel(*arguments: str) -> tuple[int, str]:
        told = {"INTENTWATCH_DATABASE_URL": database}
        done = processes.run(["-m", "services.labels", "relabel", *arguments], told)
        return done.returncode, done.stdout or done.stderr

    assert waiting(engine) == ["r2"]

    status, out = relabel("ft_1", "--json")
    told = {"run": "ft_1", "named": {"two_intents": 2, "label_noise": 2}, "asked": 2}
    assert (status, json.loads(out)) == (0, told)
    assert waiting(engine) == ["c1", "r1", "r2"]

    status, out = relabel("ft_1")
    assert (status, out.splitlines()[-1].startswith("asked again about 0;")) == (0, True)
    for unknown in ("ft_2", "nobody"):
        status, out = relabel(unknown)
        assert status == 2
        assert f"run {unknown} has not examined its rows" in out


def test_what_people_say_then_holds_for_sampled_and_imported_rows(engine: sa.Engine) -> None:
    asked(engine)
    typed = iter(["escalation", "checkout_help"])

    assert ask.session(engine, "bo", 0.0, 2, read=lambda: next(typed)) == 2

    assert waiting(engine) == ["r2"]
    with engine.connect() as connection:
        rows = retrain_store.labelled_rows(connection, EVER, 1000)
        before = retrain_store.labelled_rows(connection, AT, 1000)
        assert labels_store.status(connection)["orphans"] == 0
    assert {row["id"]: row["intent"] for row in rows}["c1"] == "escalation"
    assert {row["id"]: row["intent"] for row in before}["c1"] == "faq"


def test_what_measures_comes_first_and_the_doubted_intent_does_not_show(engine: sa.Engine) -> None:
    asked(engine)
    measures = builders.sampled("r0", AT, text="where is it", queue="measure")
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.sampled_prediction), [measures])
        rows = serve.listed(connection, 9, mix.NO_GOLD)

    assert [row["req_id"] for row in rows] == ["r0", "c1", "r1", "r2"]
    assert [row["intent"] for row in rows[1:3]] == [None, None]


def test_a_message_on_one_screen_is_not_asked_about_again_on_another(engine: sa.Engine) -> None:
    asked(engine)
    with engine.begin() as ana:
        first = serve.serve(ana, "ana", (), 0.0)
    with engine.begin() as bo:
        second = serve.serve(bo, "bo", (), 0.0)
    assert {first["req_id"], second["req_id"]} == {"c1", "r1"}
    with engine.begin() as ana:
        assert serve.serve(ana, "ana", {"c1", "r1"}, 0.0)["req_id"] == "r2"


def test_another_run_may_ask_once_more(engine: sa.Engine) -> None:
    asked(engine)
    answers = iter(["faq", "faq"])
    ask.session(engine, "bo", 0.0, 2, read=lambda: next(answers))
    assert waiting(engine) == ["r2"]

    with engine.begin() as connection:
        assert again.ask(connection, "ft_2", "label_noise", ["c1", "c1"]) == 1
    assert waiting(engine) == ["c1", "r2"]


def test_nothing_is_asked_of_no_rows(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        assert again.ask(connection, "ft_1", "label_noise", []) == 0
        assert again.waiting(connection, 9) == []
        assert labels_store.status(connection)["corpus"] == 1
