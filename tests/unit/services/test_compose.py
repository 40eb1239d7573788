"""A message is read as the on-call reads it (golden), keeps Slack's limits whatever it is told, and
never lets foreign text become markup.
"""

import dataclasses
import datetime as dt
import json
from pathlib import Path
from typing import Any

import builders
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas import decisions, policy, runs, why
from services.local.slack_sandbox import blocks
from services.notifier import compose, figures, limits

GOLDEN = Path(__file__).parents[2] / "golden"
AT = dt.datetime(2026, 4, 30, tzinfo=dt.UTC)
REASONS = tuple(
    dataclasses.replace(reason, roles=policy.Trigger().roles(reason.signal))
    for reason in (
        decisions.Reason("live_accuracy", 0.651, 0.90, 327, 0.588, 0.714, breached=True),
        decisions.Reason("intent_mix_kl", 0.592, 0.028, 1200, 0.55, 0.64, breached=True),
        decisions.Reason("low_confidence_rate", 0.134, 0.08, 1200, 0.116, 0.155, breached=True),
        decisions.Reason("p95_latency_ms", 5.3, 15.0, 1200, None, None, breached=False),
    )
)
GATES = (
    runs.Gate("accuracy", runs.GateVerdict.PASS, 0.884, 0.801, 0.005, 0.05, 0.12, 612),
    runs.Gate("recall:escalation", runs.GateVerdict.PASS, 0.9, 0.8, 0.05, -0.1, 0.3, 20),
)


def decision(**changed: Any) -> compose.Told:
    taken = builders.decision(
        decisions.Kind.RETRAIN,
        at=AT,
        cause=decisions.Cause.LANGUAGE,
        reasons=REASONS,
        clause=decisions.Clause.DRIFTED,
    )
    payload = dataclasses.asdict(dataclasses.replace(taken, **changed)) | {
        "at": AT.isoformat(),
        "run_id": "ft_2026_04_30",
    }
    return compose.Told("decision", json.loads(json.dumps(payload)), AT)


def run(state: runs.State, **changed: Any) -> compose.Told:
    payload: dict[str, Any] = {
        "run_id": "ft_2026_04_30",
        "state": state,
        "decision_id": "d_1",
        "base_model": "minilm",
        "candidate": None,
        "champion": "v1",
    }
    payload |= {"gates": [], "promoted": False, "error": None} | changed
    return compose.Told("run", json.loads(json.dumps(payload)), AT + dt.timedelta(minutes=7))


def gates(*these: runs.Gate) -> list[dict[str, Any]]:
    return [dataclasses.asdict(gate) for gate in these]


PROMOTED = [
    decision(),
    run(runs.State.TRAINING),
    run(runs.State.CHAMPION, candidate="v2", promoted=True, gates=gates(*GATES)),
]


@pytest.mark.parametrize(("name", "told"), [("retrain", PROMOTED[:1]), ("promoted", PROMOTED)])
def test_the_message_an_on_call_reads(name: str, told: list[compose.Told]) -> None:
    """To renew after a change of wording: write `message` to the file and read it."""
    message = dataclasses.asdict(compose.root(told))
    assert message == json.loads((GOLDEN / f"slack_{name}.json").read_text())


def test_the_header_says_what_happened_with_numbers_and_n() -> None:
    assert compose.root([decision()]).text == (
        "RETRAIN DECIDED v1: live accuracy 65.1 % (limit 90.0 %, n = 327)"
        " + intent mix KL 0.592 nats (limit 0.028 nats, n = 1,200)"
    )


def grounds(told: compose.Told) -> list[str]:
    (section,) = [
        block["text"]["text"]
        for block in compose.root([told]).blocks
        if block.get("text", {}).get("text", "").startswith("*Why*")
    ]
    return str(section).splitlines()[1:]


def test_the_numbers_that_decided_are_told_and_no_others() -> None:
    """Under a policy that hears the last day's accuracy as quality, Slack says so, too."""
    rules = policy.parse('[trigger]\nquality = ["recent_accuracy"]').trigger
    day = decisions.Reason(
        "recent_accuracy",
        0.7,
        0.9,
        300,
        0.65,
        0.75,
        breached=True,
        roles=rules.roles("recent_accuracy"),
        decided=True,
    )
    mix = dataclasses.replace(REASONS[1], roles=rules.roles("intent_mix_kl"), decided=True)
    assert grounds(decision(reasons=(day, mix, *REASONS[2:]))) == [
        "Worse answers and changed messages together ask for a retrain.",
        "accuracy of the last days: 70.0 %, limit at least 90.0 %, n = 300 labels,"
        " 95 % interval 65.0 % to 75.0 %",
        "intent mix KL: 0.592 nats, limit at most 0.028 nats, n = 1,200 logs,"
        " 95 % interval 0.550 nats to 0.640 nats",
    ]


@pytest.mark.parametrize("clause", decisions.Clause)
def test_every_clause_of_the_rule_has_its_own_grounds(clause: decisions.Clause) -> None:
    others = [grounds(decision(clause=other)) for other in decisions.Clause if other is not clause]
    assert grounds(decision(clause=clause)) not in others


def test_an_incident_is_a_witness_beside_drift() -> None:
    told = grounds(decision(reasons=REASONS[1:], clause=decisions.Clause.DRIFTED))
    assert told[0] == "Changed messages and an open business incident ask for a retrain."


def test_a_decision_of_an_older_version_is_told_without_grounds_it_does_not_name() -> None:
    told = decision()
    del told.payload["clause"]  # type: ignore[attr-defined]
    for reason in told.payload["reasons"]:
        for later in ("roles", "decided", "reference", "labels_needed"):
            del reason[later]
    assert [line.partition(":")[0] for line in grounds(told)] == [
        "live accuracy",
        "intent mix KL",
        "low-confidence rate",
    ]


def test_what_waiting_costs_stands_beside_what_a_retrain_costs() -> None:
    dear = decisions.Costs(1240.0, 46.0, 810.0, 1690.0)
    assert grounds(decision(costs=dear))[-1] == (
        "Waiting a week costs about 1,240 (810 to 1,690), a retrain 46 (policy [costs])."
    )


def test_accuracy_stands_before_the_odds_that_it_fell() -> None:
    odds = decisions.Reason("accuracy_e_value", 12.0, 3.0, 4621, 12.0, None, breached=True)
    odds = dataclasses.replace(odds, decided=True, roles=("quality",))
    accuracy = dataclasses.replace(REASONS[0], value=0.773, n=4621, breached=False)
    message = compose.root([decision(reasons=(odds, accuracy, REASONS[3]))])
    assert message.text.startswith(
        "RETRAIN DECIDED v1: live accuracy 77.3 % (limit 90.0 %, n = 4,621)"
    )


def test_a_retrain_that_a_person_has_to_start_says_how() -> None:
    asked = decision()
    asked.payload["run_id"] = None  # type: ignore[index]
    assert "`python retrain/run.py run`" in json.dumps(compose.root([asked]).blocks)


def test_a_failed_gate_is_named_first_and_the_champion_stays() -> None:
    failed = runs.Gate("recall:promotion", runs.GateVerdict.FAIL, 0.5, 0.9, 0.05, -0.6, -0.2, 20)
    message = compose.root(
        [decision(), run(runs.State.REJECTED, candidate="v2", gates=gates(*GATES, failed))]
    )
    assert message.text.startswith(
        "GATES FAILED v2: recall of promotion 50.0 % against 90.0 % (n = 20)"
    )
    assert "`v1` keeps serving" in json.dumps(message.blocks)


def test_a_failed_run_says_why_and_how_to_start_again() -> None:
    message = compose.root(
        [run(runs.State.FAILED, decision_id=None, error="no space left on device")]
    )
    assert message.text == "FAILED ft_2026_04_30: no space left on device"
    assert "python retrain/run.py run" in json.dumps(message.blocks)


@given(st.text(min_size=1, max_size=400), st.integers(0, 40))
# Twelve characters each on the wire: the text for phones alone would be over the total.
@example("\U00010000" * 40, 26)
def test_whatever_it_is_told_slack_takes_it(foreign: str, many: int) -> None:
    reasons = tuple(
        dataclasses.replace(REASONS[i % 4], signal=foreign + str(i)) for i in range(many)
    )
    broken = runs.Gate(foreign, runs.GateVerdict.FAIL, None, None, None, None, None, 0, foreign)
    told = [
        decision(model=foreign, reasons=reasons),
        run(runs.State.REJECTED, candidate=foreign, gates=gates(*[broken] * many), error=foreign),
    ]
    for message in (
        compose.root(told),
        compose.reply(told[1]) or compose.root(told),
        compose.possible_duplicate(compose.root(told)),
    ):
        assert blocks.problems(message.blocks) == []
        assert not blocks.too_long(message.text, message.blocks)
        assert message.text.strip()


@pytest.mark.parametrize(
    "hostile", ["<!channel>", "<@U1>", "<https://evil.example|click>", "`*x*`"]
)
def test_foreign_text_stays_text(hostile: str) -> None:
    message = compose.root([decision(model=hostile), run(runs.State.FAILED, error=hostile)])
    shown = [text["text"] for text in limits._texts(message.blocks) if text["type"] == "mrkdwn"]
    assert not any(hostile in text for text in [message.text, *shown])


@pytest.mark.parametrize(
    "told", [compose.Told("decision", {"id": "d"}, AT), compose.Told("gossip", {}, AT)]
)
def test_what_cannot_be_told_is_named(told: compose.Told) -> None:
    with pytest.raises(compose.NotComposable):
        compose.root([told])


def test_what_should_not_fall_has_a_floor_and_is_counted_in_labels() -> None:
    low, high = (
        decisions.Reason(name, 0.88, 0.90, 337, None, None, True)
        for name in ("recent_accuracy", "low_confidence_rate")
    )
    assert (why.limit(low), why.limit(high)) == ("at least 90.0 %", "at most 90.0 %")
    assert (why.counted(low), why.counted(high)) == ("n = 337 labels", "n = 337 logs")
    assert "BREACH\n" in figures.field(low)
    assert "BREACH, recovering" in figures.field(high)
