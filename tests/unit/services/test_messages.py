"""What a writer puts into the outbox the notifier reads there: of this version and of those before
it.
"""

import dataclasses
import datetime as dt
import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import alerts, decisions, messages, runs, times
from services.notifier import compose, store

AT = dt.datetime(2026, 4, 30, tzinfo=dt.UTC)
FIGURES = st.floats(allow_nan=False, allow_infinity=False)
PERHAPS = st.none() | FIGURES
INSTANTS = st.integers(0, 200 * 365 * 86_400).map(lambda s: times.FIRST + dt.timedelta(seconds=s))
REASONS = st.builds(decisions.Reason, value=PERHAPS, limit=FIGURES, low=PERHAPS, high=PERHAPS)
TAKEN = st.builds(
    decisions.Decision,
    id=st.text(min_size=1),
    at=INSTANTS,
    reasons=st.lists(REASONS, max_size=12).map(tuple),
)
SIDES = dict.fromkeys(("value", "champion", "margin", "low", "high"), PERHAPS)
GATES = st.builds(runs.Gate, note=st.text(), **SIDES)
CHANGED = st.builds(
    messages.RunChanged,
    gates=st.lists(GATES, max_size=12).map(tuple),
    started=st.none() | INSTANTS,
)
ALERT = st.builds(
    alerts.Alert,
    since=INSTANTS,
    seen=INSTANTS,
    figures=st.lists(st.builds(alerts.Figure, REASONS, PERHAPS), max_size=12).map(tuple),
    told=st.none() | INSTANTS,
    updated=st.none() | INSTANTS,
    ended=st.none() | INSTANTS,
)
MESSAGES = st.one_of(
    st.builds(messages.DecisionTaken, taken=TAKEN),
    CHANGED,
    st.builds(messages.AlertChanged, alert=ALERT, taken=st.none() | TAKEN),
    st.builds(messages.AlarmRaised),
    st.builds(messages.AlarmOver, lasted_s=st.floats(0, 1e9)),
)

# As the versions before schemas/messages.py wrote them.
REASON: dict[str, Any] = {"signal": "live_accuracy", "value": 0.651, "limit": 0.9, "n": 327}
REASON |= {"low": 0.588, "high": None, "breached": True}
DECISION: dict[str, Any] = {
    "id": "d_1",
    "at": "2026-04-30T00:00:00+00:00",
    "model": "v1",
    "decision": "retrain",
}
DECISION |= {"hold_reason": None, "cause": "language", "reasons": [REASON], "policy_sha256": "p"}
DECISION |= {"sha256": "s", "run_id": "ft_1"}
GATE: dict[str, Any] = {
    "gate": "accuracy",
    "verdict": "fail",
    "value": 0.8,
    "champion": None,
    "margin": None,
}
GATE |= {"low": None, "high": None, "n": 612}
RUN: dict[str, Any] = {
    "run_id": "ft_1",
    "decision_id": "d_1",
    "state": "rejected",
    "base_model": "minilm",
}
RUN |= {"candidate": "v2", "gates": [GATE], "promoted": False, "error": None, "champion": "v1"}
ALARM = {"cause": "the roll-up stands still", "remedy": "read its log"}


def row(message: messages.Message) -> compose.Told:
    """As Postgres gives it back."""
    payload = json.loads(json.dumps(messages.payload(message), allow_nan=False))
    return compose.Told(str(message.kind), payload, AT)


@given(MESSAGES)
def test_what_is_written_is_read(message: messages.Message) -> None:
    told = row(message)
    assert messages.read(told.kind, told.payload) == message


@given(MESSAGES)
def test_of_what_is_written_the_notifier_makes_a_message(message: messages.Message) -> None:
    told = row(message)
    assert compose.root([told]).blocks
    line = compose.reply(told)
    assert line is None or line.blocks
    passing = isinstance(message, messages.AlertChanged) and message.news == "refreshed"
    assert (line is None) is passing


@given(TAKEN, st.lists(CHANGED, min_size=1, max_size=3))
def test_a_run_follows_its_decision_in_one_thread(
    taken: decisions.Decision, states: list[messages.RunChanged]
) -> None:
    first = messages.DecisionTaken(taken, "ft_1")
    mine = [dataclasses.replace(state, run_id="ft_1", decision_id=taken.id) for state in states]
    assert {message.thread_key for message in mine} == {first.thread_key}
    assert compose.root([row(first), *map(row, mine)]).blocks


def test_every_kind_has_its_message() -> None:
    kinds = [message.kind for message in get_args(messages.Message)]
    assert sorted(kinds) == sorted(messages.Kind)


@pytest.mark.parametrize(
    ("kind", "payload", "says"),
    [
        ("decision", DECISION, "RETRAIN DECIDED v1: live accuracy 65.1 %"),
        ("run", RUN, "GATES FAILED v2: accuracy 80.0 %"),
        ("alarm", ALARM, "ALARM the roll-up stands still"),
    ],
)
def test_a_row_of_an_earlier_version_is_told_all_the_same(
    kind: str, payload: Any, says: str
) -> None:
    assert compose.root([compose.Told(kind, payload, AT)]).text.startswith(says)


def test_the_keys_of_rows_stay_what_they_were() -> None:
    """Two versions that run side by side must not tell one thing twice."""
    taken = messages.read("decision", DECISION)
    assert isinstance(taken, messages.DecisionTaken)
    idle = dataclasses.replace(taken, run_id=None)
    changed = messages.of_run({**RUN, "id": "ft_1", "started": AT, "progress": None, "as_of": AT})
    alone = dataclasses.replace(changed, decision_id=None, started=None)
    alarm = messages.AlarmRaised("rollback:7", "c", "r")
    told: list[messages.Message] = [taken, idle, changed, alone, alarm]
    assert [(message.thread_key, message.dedupe_key) for message in told] == [
        ("decision:d_1", "decision:d_1"),
        ("retrain:v1:2026-04-30", "retrain:v1:2026-04-30"),
        ("decision:d_1", "run:ft_1:rejected:2026-04-30T00:00:00+00:00"),
        ("run:ft_1", "run:ft_1:rejected:-"),
        ("alarm:rollback:7", "alarm:rollback:7"),
    ]


@pytest.mark.parametrize(
    ("kind", "payload", "says"),
    [
        ("gossip", {}, "unknown kind 'gossip'"),
        ("alarm", None, "alarm: Expected `object`, got `null`"),
        ("alarm", ["c", "r"], "alarm: Expected `object`, got `array`"),
        ("alarm", {"cause": "c"}, "alarm: Object missing required field `remedy`"),
        ("decision", DECISION | {"run_id": 7}, "decision: Expected `str | null`, got `int`"),
        ("decision", DECISION | {"at": "noon"}, r"decision: Invalid .* - at `\$\.at`"),
        ("run", RUN | {"state": "asleep"}, r"run: Invalid enum value 'asleep' - at `\$\.state`"),
    ],
)
def test_what_cannot_be_read_is_named(kind: str, payload: Any, says: str) -> None:
    told = compose.Told(kind, payload, AT)
    with pytest.raises(compose.NotComposable, match=f"^{says}"):
        compose.root([told])
    with pytest.raises(compose.NotComposable, match=f"^{says}"):
        compose.reply(told)


def test_an_alarm_in_the_thread_of_a_run_is_named() -> None:
    with pytest.raises(compose.NotComposable, match="an alarm in the thread of something else"):
        compose.root([compose.Told("alarm", ALARM, AT), compose.Told("run", RUN, AT)])


@given(st.sampled_from(messages.Delivery), st.text())
def test_how_a_message_stands_is_read_as_it_was_written(
    known: messages.Delivery, cause: str
) -> None:
    assert messages.Delivery.of(known.because(cause)) is known


@pytest.mark.parametrize(
    ("error", "attempts", "maybe"),
    [
        (None, 0, False),
        (None, 1, True),  # put back by a person
        ("not sent: no connection to Slack", 1, False),
        ("unclear: no answer", 1, True),
        ("parked: Slack says invalid_blocks", 3, True),
        ("words of a person", 1, True),
        ("not sent", 1, True),
    ],
)
def test_only_what_is_surely_not_in_slack_is_sent_without_a_look(
    error: str | None, attempts: int, maybe: bool
) -> None:
    one = store.Row(1, "k", "k", "alarm", ALARM, AT, attempts, None, error)
    assert one.maybe_posted is maybe
