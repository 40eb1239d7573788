"""The notifier on a real PostgreSQL against the sandbox over HTTP, with and without a token: one
message an incident, nothing lost, nothing doubled.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import builders
import processes
import pytest
import sqlalchemy as sa
from channel import ask, said, sandbox_at

from retrain import store
from retrain.train import promote
from schemas import decisions, messages, settings, tables
from services import ports
from services.notifier import compose, slack
from streams import connect, outbox

AT = dt.datetime(2026, 4, 30, tzinfo=dt.UTC)
REASON = decisions.Reason("live_accuracy", 0.651, 0.90, 327, 0.588, 0.714, breached=True)
TAKEN = builders.decision(
    decisions.Kind.RETRAIN, at=AT, cause=decisions.Cause.LANGUAGE, reasons=[REASON]
)
MESSAGE = compose.Message(
    "a message", [{"type": "section", "text": {"type": "mrkdwn", "text": "*a* message"}}]
)
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[int]:
    (port,) = ports.free(1)
    with sandbox_at(port, tmp_path / "sandbox.log"):
        yield port


def fault(port: int, kind: str, method: str = "chat.postMessage", **more: Any) -> None:
    assert ask(port, "/test/faults", [{"method": method, "kind": kind, **more}]) == {"queued": 1}


# --- the client: the same contract, whichever way the token came ---


@pytest.fixture(params=["xoxb-of-a-workspace", slack.SANDBOX_TOKEN])
def client(request: pytest.FixtureRequest, sandbox: int) -> slack.Slack:
    return slack.Slack(
        request.param, "#ml-on-call", f"http://127.0.0.1:{sandbox}/api/", timeout_s=5
    )


def test_a_message_is_posted_edited_in_place_and_answered_in_its_thread(
    client: slack.Slack, sandbox: int
) -> None:
    place = client.post(MESSAGE, slack.Mark(1, "k1"))
    client.update(place, compose.Message("edited", MESSAGE.blocks))
    client.reply(place, compose.Message("a reply", MESSAGE.blocks), slack.Mark(2, "k2"))
    assert said(sandbox) == [("edited", ["a reply"])]


def test_a_message_is_found_by_its_mark_in_the_channel_and_in_the_thread(
    client: slack.Slack,
) -> None:
    place = client.post(MESSAGE, slack.Mark(1, "k1"))
    reply = client.reply(place, MESSAGE, slack.Mark(2, "k2"))
    assert client.find([slack.Mark(9, "k9"), slack.Mark(1, "k1")], since=LONG_AGO) == place
    assert client.find([slack.Mark(2, "k2")], since=LONG_AGO, thread=place) == reply
    assert client.find([slack.Mark(2, "k1")], since=LONG_AGO) is None


@pytest.mark.parametrize(
    ("kind", "raised", "arrives"),
    [("error", slack.Unclear, 0), ("lose", slack.Unclear, 0), ("drop", slack.Unclear, 1)],
)
def test_a_lost_answer_is_unclear_and_the_lookup_clears_it(
    client: slack.Slack, sandbox: int, kind: str, raised: type[Exception], arrives: int
) -> None:
    client.post(MESSAGE, slack.Mark(1, "k1"))
    fault(sandbox, kind)
    with pytest.raises(raised):
        client.post(MESSAGE, slack.Mark(2, "k2"))
    assert len(said(sandbox)) == 1 + arrives
    assert (client.find([slack.Mark(2, "k2")], since=LONG_AGO) is not None) is bool(arrives)


def test_being_asked_to_wait_is_not_sent_and_says_how_long(
    client: slack.Slack, sandbox: int
) -> None:
    fault(sandbox, "ratelimited", retry_after=7)
    with pytest.raises(slack.NotSent) as refused:
        client.post(MESSAGE, slack.Mark(1, "k1"))
    assert (refused.value.retry_after_s, said(sandbox)) == (7.0, [])


def test_a_wrong_message_is_refused_with_slacks_code(client: slack.Slack) -> None:
    with pytest.raises(slack.Refused, match="invalid_blocks"):
        client.post(compose.Message("text", [{"type": "carousel"}]), slack.Mark(1, "k1"))


def test_nobody_there_is_surely_not_sent() -> None:
    with pytest.raises(slack.NotSent):
        slack.Slack("xoxb-x", "#c", f"http://127.0.0.1:{ports.free(1)[0]}/api/").post(
            MESSAGE, slack.Mark(1, "k1")
        )


def test_a_token_slack_does_not_know_is_refused(sandbox: int) -> None:
    with pytest.raises(slack.Refused, match="invalid_auth"):
        slack.Slack("no-bot-token", "#c", f"http://127.0.0.1:{sandbox}/api/").post(
            MESSAGE, slack.Mark(1, "k1")
        )


def test_a_token_that_is_changed_in_its_file_is_the_next_calls(
    sandbox: int, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("no-bot-token")
    token = settings.SecretOfFile(str(file))
    client = slack.Slack(token, "#c", f"http://127.0.0.1:{sandbox}/api/")
    with pytest.raises(slack.Refused, match="invalid_auth"):
        client.post(MESSAGE, slack.Mark(1, "k1"))
    file.write_text("xoxb-of-a-workspace\n")
    assert client.post(MESSAGE, slack.Mark(1, "k1")).ts


# --- the process: outbox rows as the product writes them ---


@pytest.fixture(params=["token", "sandbox"])
def environment(request: pytest.FixtureRequest, database: str, sandbox: int) -> dict[str, str]:
    token = {"INTENTWATCH_SLACK_TOKEN": "xoxb-of-a-workspace"} if request.param == "token" else {}
    return token | {
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_SLACK_BASE_URL": f"http://127.0.0.1:{sandbox}/api/",
    }


def tell(database: str, *states: str) -> None:
    """A decision and then the states of its run, through the functions that the scheduler and the
    job call.
    """
    engine = connect.engine(database, poolclass=sa.NullPool)
    with engine.begin() as connection:
        if not states:
            connection.execute(
                sa.insert(tables.run).values(
                    id="ft_1", decision_id="d_1", as_of=AT, state="queued", champion="v1"
                )
            )
            outbox.tell(connection, messages.DecisionTaken(TAKEN, "ft_1"))
        for state in states:
            store.change_run(connection, "ft_1", state=state)
            promote.tell(connection, "ft_1")


def once(environment: dict[str, str]) -> int:
    done = processes.run(["-m", "services.notifier", "--once"], environment)
    assert "Traceback" not in done.stderr
    return done.returncode


def due_now(database: str) -> None:
    """Waiting for the next attempt is over."""
    engine = connect.engine(database, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.update(tables.outbox).values(next_attempt_at=sa.func.now()))


def test_an_incident_is_one_message_with_its_history_in_the_thread(
    environment: dict[str, str], database: str, sandbox: int
) -> None:
    tell(database)
    assert once(environment) == 0
    ((text, replies),) = said(sandbox)
    assert text.startswith("RETRAIN DECIDED v1: live accuracy 65.1 %")
    assert replies == []
    tell(database, "training", "failed")
    assert once(environment) == 0
    ((text, replies),) = said(sandbox)
    assert text.startswith("FAILED ft_1")
    assert [reply.split(" ")[0] for reply in replies] == ["TRAINING", "FAILED"]
    assert once(environment) == 0
    assert said(sandbox) == [(text, replies)]


@pytest.mark.parametrize("kind", ["lose", "drop", "error"])
def test_after_a_lost_answer_there_is_exactly_one_message(
    environment: dict[str, str], database: str, sandbox: int, kind: str
) -> None:
    tell(database)
    fault(sandbox, kind)
    assert once(environment) == 75
    due_now(database)
    assert once(environment) == 0
    assert len(said(sandbox)) == 1


def test_an_outage_loses_nothing_and_the_order_holds(database: str, tmp_path: Path) -> None:
    (port,) = ports.free(1)
    environment = {
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_SLACK_BASE_URL": f"http://127.0.0.1:{port}/api/",
    }
    tell(database)
    tell(database, "training", "failed")
    assert once(environment) == 75
    with sandbox_at(port, tmp_path / "log"):
        due_now(database)
        assert once(environment) == 0
        ((_, replies),) = said(port)
    assert [reply.split(" ")[0] for reply in replies] == ["TRAINING", "FAILED"]


def test_two_notifiers_send_each_message_once(
    environment: dict[str, str], database: str, sandbox: int, tmp_path: Path
) -> None:
    tell(database)
    tell(database, "training", "evaluated", "compiled", "failed")
    argv = ["-m", "services.notifier"]
    with (
        processes.running(argv, environment, tmp_path / "a"),
        processes.running(argv, environment, tmp_path / "b"),
    ):
        assert processes.eventually(
            lambda: [len(replies) for _, replies in said(sandbox)] == [4]
        ), said(sandbox)
    assert len({*said(sandbox)[0][1]}) == 4


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"INTENTWATCH_SLACK_BASE_URL": ""}, 3, "INTENTWATCH_SLACK_TOKEN"),
        (
            {"INTENTWATCH_DATABASE_URL": "postgresql+psycopg://postgres@127.0.0.1:1/x"},
            4,
            "Postgres does not answer",
        ),
    ],
)
def test_what_it_stands_on_is_named_when_it_is_missing(
    database: str, change: dict[str, str], code: int, says: str
) -> None:
    environment = {
        "INTENTWATCH_DATABASE_URL": database,
        "INTENTWATCH_SLACK_BASE_URL": "http://127.0.0.1:1/api/",
    } | change
    done = processes.run(
        ["-m", "services.notifier", "--once"],
        {name: value for name, value in environment.items() if value},
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
