"""What is decided reaches a person: hours judged on a real PostgreSQL, carried to the sandbox over
HTTP, one thread a trouble, from its first message to its end.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import alerting
import builders
import pytest
import sqlalchemy as sa
from alerting import CALM, LOST, slow
from channel import said, sandbox_at

from retrain import store as retrain_store
from retrain.decide import evaluate, trigger
from retrain.decide.view import View
from retrain.train import promote
from schemas import decisions, messages, policy, runs, tables
from services import ports
from services.alarms import state
from services.alarms import store as alarms_store
from services.alerts import store as alerts_store
from services.notifier import deliver, slack
from services.notifier import store as notifier_store
from services.scheduler import hour
from streams import outbox

AT = builders.AT
HOUR = dt.timedelta(hours=1)
RULES = policy.Policy()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[int]:
    (port,) = ports.free(1)
    with sandbox_at(port, tmp_path / "sandbox.log"):
        yield port


def decide(
    engine: sa.Engine,
    judged: alerting.Judged,
    at: dt.datetime,
    past: decisions.Past = decisions.Past(),  # noqa: B008 - frozen
) -> decisions.Decision:
    """An hour of which these are the verdicts, as the scheduler records it."""
    taken = trigger.decision(judged, past, RULES, model=builders.MODEL, at=at)
    view = View(builders.MODEL, at, {}, None, builders.sample(()), {})
    seen = evaluate.Evaluation(view, tuple(judged), (), {}, {}, taken, past)
    with engine.begin() as connection:
        hour.decide(connection, seen, RULES)
    return taken


def deliver_to(engine: sa.Engine, port: int) -> list[tuple[str, list[str]]]:
    """Everything due, by a notifier of this process; what the channel shows then."""
    client = slack.Slack(slack.SANDBOX_TOKEN, "#ml-on-call", f"http://127.0.0.1:{port}/api/")
    deliver.Carrier(engine, client).drain(lambda: False)
    return said(port)


def rows(engine: sa.Engine) -> list[str]:
    """The keys of the outbox, without what is an alert's own."""
    query = sa.select(tables.outbox.c.dedupe_key).order_by(tables.outbox.c.id)
    with engine.connect() as connection:
        return [key.split(":")[2] for key in connection.execute(query).scalars()]


def test_slow_answers_from_the_first_message_to_the_last(engine: sa.Engine, sandbox: int) -> None:
    for number in range(2):
        decide(engine, slow(), AT + number * HOUR)
    assert deliver_to(engine, sandbox) == []

    decide(engine, slow(), AT + 2 * HOUR)
    decide(engine, slow(), AT + 2 * HOUR)  # the same hour again
    ((text, replies),) = deliver_to(engine, sandbox)
    assert (text[:36], replies) == ("SLOW v1: p95 latency 42.9 ms for 2 h", [])

    # A catch-up of hours, and then the notifier looks.
    for number in range(3, 28):
        decide(engine, slow(20.0 + number), AT + number * HOUR)
    assert rows(engine) == ["opened", "refreshed"]
    ((text, replies),) = deliver_to(engine, sandbox)
    assert text.startswith("SLOW v1: p95 latency 47.0 ms for 27 h")
    assert replies == []

    for number in range(28, 35):
        decide(engine, CALM, AT + number * HOUR)
    ((text, replies),) = deliver_to(engine, sandbox)
    assert text == "OVER after 27 h: SLOW v1; worst p95 latency 47.0 ms"
    assert replies == [text]
    with engine.connect() as connection:
        assert alerts_store.open_alerts(connection) == []


def test_a_run_and_a_second_retrain_stay_in_the_thread(engine: sa.Engine, sandbox: int) -> None:
    first = decide(engine, LOST, AT)
    run_id = f"ft_{AT:%Y_%m_%d}_{first.id[-6:]}"
    with engine.begin() as connection:
        retrain_store.change_run(connection, run_id, state=runs.State.TRAINING)
        promote.tell(connection, run_id)
    cooling = decisions.Past(last_retrain=AT)
    for number in range(1, 5):
        decide(engine, LOST, AT + number * HOUR, cooling)
    decide(engine, LOST, AT + 80 * HOUR)

    ((text, replies),) = deliver_to(engine, sandbox)
    assert text.startswith("RETRAIN DECIDED v1: live accuracy 77.0 %")
    assert [reply.split(" ")[0] for reply in replies] == ["TRAINING", "RETRAIN"]
    with engine.connect() as connection:
        query = sa.select(tables.decision.c.alert_id).where(tables.decision.c.run_id.is_not(None))
        assert len(set(connection.execute(query).scalars())) == 1
        (alert,) = alerts_store.open_alerts(connection)
    assert alert.told == AT
    assert alert.figures[0].reason.decided


def test_what_is_newer_takes_the_place_of_what_a_notifier_has_in_its_hand(
    engine: sa.Engine, sandbox: int
) -> None:
    for number in range(4):
        decide(engine, slow(), AT + number * HOUR)
    deliver_to(engine, sandbox)
    decide(engine, slow(60.0), AT + 4 * HOUR)
    with engine.begin() as connection:
        old = notifier_store.claim(connection, 90.0)
    decide(engine, slow(90.0), AT + 5 * HOUR)

    assert old is not None
    client = slack.Slack(slack.SANDBOX_TOKEN, "#ml-on-call", f"http://127.0.0.1:{sandbox}/api/")
    deliver.Carrier(engine, client)._deliver(old)
    ((text, replies),) = deliver_to(engine, sandbox)
    assert text.startswith("SLOW v1: p95 latency 90.0 ms")
    assert replies == []


def test_an_hour_that_was_taken_up_again_tells_nothing(engine: sa.Engine) -> None:
    decide(engine, CALM, AT + HOUR)
    decide(engine, LOST, AT)
    with engine.connect() as connection:
        assert alerts_store.open_alerts(connection) == []
        assert notifier_store.waiting(connection) == []


def test_an_alarm_is_over_once_its_cause_is_and_not_before(engine: sa.Engine, sandbox: int) -> None:
    raised = messages.AlarmRaised("champion:none", "no model was promoted", "promote one")
    event = messages.AlarmRaised("rollback:1", "v2 was rolled back", "look", lasts=False)
    with engine.begin() as connection:
        for alarm in (raised, event):
            outbox.tell(connection, alarm)
    stands = state.Facts(output=state.Output(unpromoted="v1", clock=None))
    gone = state.Facts()
    deliver_to(engine, sandbox)

    with engine.begin() as connection:
        assert alarms_store.over(connection, gone) == [], "it is a moment old"
        ago = sa.func.now() - sa.func.make_interval(0, 0, 0, 0, 0, 14)
        connection.execute(sa.update(tables.outbox).values(created_at=ago))
    with engine.begin() as connection:
        assert alarms_store.over(connection, stands) == []
        (ended,) = alarms_store.over(connection, gone, "t")
        outbox.tell(connection, ended)
        outbox.tell(connection, ended)
        assert alarms_store.over(connection, gone) == []
    shown = dict(deliver_to(engine, sandbox))
    assert shown == {
        "OVER after 14 min: no model was promoted": ["OVER after 14 min: no model was promoted"],
        "ALARM v2 was rolled back": [],
    }
