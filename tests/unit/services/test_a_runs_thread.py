"""What the on-call reads of a run from its first state to its last: the headline, what to do next,
and the line that each state adds to the thread.
"""

import dataclasses
import datetime as dt
import json
from typing import Any

import builders
import pytest

from schemas import decisions, messages, runs
from services.notifier import compose, limits

AT = builders.AT
State = runs.State
RUN = "ft_2026_04_20"
PASS = runs.GateVerdict.PASS
FAIL = runs.GateVerdict.FAIL
OPEN = runs.GateVerdict.INCONCLUSIVE


def row(message: messages.Message, at: dt.datetime = AT) -> compose.Told:
    """As it comes back from the outbox."""
    payload = json.loads(json.dumps(messages.payload(message)))
    return compose.Told(str(message.kind), payload, at)


def run(state: State, at: dt.datetime = AT, **more: Any) -> compose.Told:
    """The run of a second model, v2, beside the champion v1."""
    parts: dict[str, Any] = {
        "run_id": RUN,
        "decision_id": "d_1",
        "base_model": "minilm",
        "candidate": "v2",
        "champion": builders.MODEL,
        "gates": (),
        "promoted": state is State.CHAMPION,
        "error": None,
    }
    return row(messages.RunChanged(state=state, **(parts | more)), at)


def taken(**more: Any) -> compose.Told:
    """A retrain that was decided, with its run."""
    of: dict[str, Any] = {
        "kind": decisions.Kind.RETRAIN,
        "reasons": [builders.reason("live_accuracy", 0.65, breached=True, n=327)],
    }
    decision = builders.decision(**(of | more))
    begins = RUN if decision.decision is decisions.Kind.RETRAIN else None
    return row(messages.DecisionTaken(decision, begins))


def gate(name: str, verdict: runs.GateVerdict, value: float = 0.9) -> runs.Gate:
    return runs.Gate(name, verdict, value, 0.8, None, None, None, 612)


def texts(message: compose.Message) -> list[str]:
    """Everything that can be read in the blocks, in order."""
    return [text["text"] for text in limits._texts(message.blocks)]


def part(message: compose.Message, begins: str) -> str:
    """The one text that begins so."""
    (one,) = [text for text in texts(message) if text.startswith(begins)]
    return one


@pytest.mark.parametrize(
    ("kind", "word", "step"),
    [
        (decisions.Kind.RETRAIN, "RETRAIN DECIDED", "Nothing to do now: the run waits"),
        (decisions.Kind.ROLLBACK, "ROLL BACK", "The release is the likely cause"),
        (decisions.Kind.FIX_UPSTREAM, "FIX UPSTREAM", "Do not retrain"),
        (decisions.Kind.REWEIGHT, "REWEIGHT", "The mix moved, the answers are as good"),
        (decisions.Kind.HOLD, "HOLD", "Nothing is done about it by itself."),
    ],
)
def test_every_decision_has_its_word_and_its_next_step(
    kind: decisions.Kind, word: str, step: str
) -> None:
    message = compose.root([taken(kind=kind)])

    assert message.text.startswith(f"{word} v1: live accuracy 65.0 %")
    assert part(message, "*Next step*").startswith(f"*Next step*\n{step}")


def test_a_decision_without_a_breach_says_so() -> None:
    calm = taken(reasons=[builders.reason("live_accuracy", 0.95)])

    message = compose.root([calm])

    assert message.text == "RETRAIN DECIDED v1: no signal in breach"


def test_a_decision_that_looked_at_nothing_is_a_message_too() -> None:
    message = compose.root([taken(reasons=[])])

    assert message.text == "RETRAIN DECIDED v1: no signal in breach"
    assert all("fields" not in block for block in message.blocks)


def test_the_headline_names_quality_before_drift_whatever_their_order() -> None:
    quality = dataclasses.replace(
        builders.reason("live_accuracy", 0.65, breached=True), roles=("quality",)
    )
    drift = dataclasses.replace(
        builders.reason("error_rate", 0.95, breached=True), roles=("drift",)
    )

    headlines = {
        compose.root([taken(reasons=reasons)]).text
        for reasons in ([quality, drift], [drift, quality])
    }

    assert headlines == {
        "RETRAIN DECIDED v1: live accuracy 65.0 % (limit 90.0 %, n = 1,000)"
        " + error rate 95.0 % (limit 90.0 %, n = 1,000)"
    }


def test_evidence_that_does_not_fit_beside_the_first_is_left_to_the_fields() -> None:
    names = ["live_accuracy", "rare_recall", "intent_mix_kl", "low_confidence_rate"]
    reasons = [builders.reason(name, 0.5, breached=True) for name in names]

    message = compose.root([taken(reasons=reasons)])

    assert message.text.endswith("rare recall 50.0 % (limit 90.0 %, n = 1,000)")
    assert len(message.text) <= limits.HEADER
    (fields,) = [block["fields"] for block in message.blocks if "fields" in block]
    assert len(fields) == 4


def test_of_eleven_in_breach_nine_are_shown_and_two_are_counted() -> None:
    reasons = [builders.reason(f"signal_{number}", 0.1, breached=True) for number in range(10)]
    reasons.append(builders.reason("error_rate", 0.95, breached=True))
    reasons.append(builders.reason("rare_recall", 0.95))

    message = compose.root([taken(reasons=reasons)])

    (fields,) = [block["fields"] for block in message.blocks if "fields" in block]
    shown = [field["text"] for field in fields]
    assert len(shown) == 10
    assert shown[0].startswith("*Error rate*: BREACH")
    assert shown[-1] == "… and 2 more signals"


def test_ten_signals_are_all_shown() -> None:
    reasons = [builders.reason(f"signal_{number}", 0.1, breached=True) for number in range(10)]

    message = compose.root([taken(reasons=reasons)])

    (fields,) = [block["fields"] for block in message.blocks if "fields" in block]
    assert fields[-1]["text"].startswith("*Signal 9*")


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (State.QUEUED, "the run is at *queued*. `v1` keeps serving."),
        (State.TRAINING, "the run is at *training*, step 1 of 5. `v1` keeps serving."),
        (State.EVALUATED, "the run is at *evaluated*, step 2 of 5. `v1` keeps serving."),
        (State.COMPILED, "the run is at *compiled*, step 3 of 5. `v1` keeps serving."),
        (State.GATED, "the run is at *gated*, step 4 of 5. `v1` keeps serving."),
    ],
)
def test_while_a_run_goes_on_there_is_nothing_to_do(state: State, step: str) -> None:
    message = compose.root([taken(), run(state)])

    assert part(message, "*Next step*") == f"*Next step*\nNothing to do: {step}"
    assert message.text.startswith(f"TRAINING {RUN} for v1: live accuracy 65.0 %")


def test_a_run_begun_by_hand_says_so_and_has_no_evidence() -> None:
    message = compose.root([run(State.TRAINING, decision_id=None)])

    assert message.text == f"TRAINING {RUN}"
    assert f"run `{RUN}`, started by hand" in texts(message)
    assert not [text for text in texts(message) if "*Why*" in text]
    assert not [text for text in texts(message) if "replay:" in text]


def test_the_first_run_of_all_keeps_no_model_serving() -> None:
    message = compose.root([run(State.TRAINING, decision_id=None, champion=None)])

    assert part(message, "*Next step*").endswith("No model serves yet.")


@pytest.mark.parametrize(
    ("champion", "headline"),
    [
        ("v1", "PROMOTED v2 over v1: accuracy 90.0 % against 80.0 % (n = 612)"),
        (None, "PROMOTED v2, the first champion: accuracy 90.0 % against 80.0 % (n = 612)"),
    ],
)
def test_a_promotion_names_whom_it_follows(champion: str | None, headline: str) -> None:
    gates = (gate("accuracy", PASS), gate("ece", PASS))

    message = compose.root([taken(), run(State.CHAMPION, gates=gates, champion=champion)])

    assert message.text == headline
    assert part(message, "*Gates*").startswith("*Gates*: 2 of 2 pass\n• *pass*: accuracy")
    assert part(message, "*Next step*").startswith("*Next step*\nNothing to do: `v2` serves.")


def beside_a_linear_model(low: float, high: float) -> runs.Gate:
    """The candidate 90 % right, the linear model 89 %."""
    return runs.Gate("linear", PASS, 0.9, 0.89, None, low, high, 612)


@pytest.mark.parametrize("state", [State.CHAMPION, State.REGISTERED])
def test_one_that_only_ties_with_a_linear_model_says_so_in_the_first_line(
    state: runs.State,
) -> None:
    gates = (gate("accuracy", PASS), beside_a_linear_model(-0.01, 0.03))

    message = compose.root([taken(), run(state, gates=gates)])

    assert message.text.endswith("; only ties with a linear model, 89.0 % (n = 612)")
    assert "*pass*: accuracy beside a linear model 90.0 % against 89.0 %" in part(
        message, "*Gates*"
    )


def test_one_that_is_better_than_a_linear_model_does_not_speak_of_it() -> None:
    gates = (gate("accuracy", PASS), beside_a_linear_model(0.001, 0.02))

    message = compose.root([taken(), run(State.CHAMPION, gates=gates)])

    assert message.text == "PROMOTED v2 over v1: accuracy 90.0 % against 80.0 % (n = 612)"


def test_a_model_that_waits_for_a_person_names_the_command() -> None:
    message = compose.root([taken(), run(State.REGISTERED, gates=(gate("accuracy", PASS),))])

    assert message.text.startswith("APPROVAL NEEDED v2: every gate passed, accuracy 90.0 %")
    assert part(message, "*Next step*") == (
        "*Next step*\n`v1` keeps serving. To promote:"
        f" `python retrain/run.py promote {RUN} --by YOUR_NAME`"
    )


@pytest.mark.parametrize(
    ("gates", "headline"),
    [
        (
            (gate("accuracy", PASS), gate("ece", OPEN), gate("macro_f1", FAIL, 0.5)),
            "GATES FAILED v2: macro F1 50.0 % against 80.0 % (n = 612),"
            " calibration error 90.0 % against 80.0 % (n = 612)",
        ),
        (
            (gate("accuracy", PASS), gate("ece", OPEN)),
            "GATES INCONCLUSIVE v2: calibration error 90.0 % against 80.0 % (n = 612)",
        ),
        ((), "GATES INCONCLUSIVE v2: no gate was measured (n = 0)"),
    ],
)
def test_a_rejected_model_names_the_gates_it_missed_failures_first(
    gates: tuple[runs.Gate, ...], headline: str
) -> None:
    message = compose.root([taken(), run(State.REJECTED, gates=gates)])

    assert message.text == headline
    assert f"Details: `python retrain/run.py show {RUN}`" in part(message, "*Next step*")


def test_what_an_exception_says_is_plain_text_of_at_most_a_section() -> None:
    error = "*bold* <!channel> " + "x" * 5000

    message = compose.root([taken(), run(State.FAILED, error=error)])

    (plain,) = [
        block["text"]
        for block in message.blocks
        if block.get("text", {}).get("text", "").startswith("Error: ")
    ]
    assert plain["type"] == "plain_text"
    assert plain["text"].startswith("Error: *bold* <!channel> xxx")
    assert plain["text"].endswith(limits.MARK)


def test_the_head_tells_the_state_of_now_over_the_evidence_of_then() -> None:
    states = [run(State.QUEUED), run(State.TRAINING), run(State.GATED)]

    message = compose.root([taken(), *states])

    assert message == compose.root([taken(), states[-1]]), "what was in between is in the thread"
    assert "*Live accuracy*: BREACH" in "".join(texts(message))


def test_the_small_print_replays_exactly_the_hour_of_the_decision() -> None:
    message = compose.root([taken(), run(State.GATED, AT + dt.timedelta(minutes=7))])

    first, second = texts(message)[-2:]
    assert first.startswith("decision `d_1`  ·  sha256 `ssssssssssss`  ·  decided <!date^")
    assert first.endswith("|2026-04-20 00:07 UTC>")
    assert second == (
        "replay: `python retrain/run.py replay"
        " --from 2026-04-20T00:00:00Z --to 2026-04-20T00:00:00Z`"
    )


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (run(State.QUEUED), f"QUEUED `{RUN}`"),
        (run(State.TRAINING), f"TRAINING `{RUN}`, step 1 of 5"),
        (run(State.GATED), f"GATED `{RUN}`, step 4 of 5"),
        (run(State.FAILED, error="no space <left>"), f"FAILED {RUN}: no space &lt;left&gt;"),
        (
            run(State.REGISTERED),
            "APPROVAL NEEDED v2: every gate passed, no gate was measured (n = 0)",
        ),
        (taken(), "RETRAIN DECIDED v1: live accuracy 65.0 % (limit 90.0 %, n = 327)"),
    ],
)
def test_a_line_of_the_thread(state: compose.Told, line: str) -> None:
    message = compose.reply(state)

    assert message is not None
    assert message.text == line
    assert texts(message) == [line, f"at {limits.date(AT)}"]


def test_an_alarm_says_what_is_silent_and_what_to_do() -> None:
    alarm = row(messages.AlarmRaised("t/3:stuck:7", "t/3 stands still", "restart <it>"))

    message = compose.root([alarm])

    assert message.text == "ALARM t/3 stands still"
    assert texts(message) == [
        "ALARM t/3 stands still",
        "t/3 stands still",
        "*Next step*\nrestart &lt;it&gt;",
        f"at {limits.date(AT)}",
    ]
    assert compose.reply(alarm) == message


def test_a_long_cause_is_cut_in_the_header_and_whole_below_it() -> None:
    cause = "the stream worker " + "has ended " * 30

    message = compose.root([row(messages.AlarmRaised("k", cause, "read its log"))])

    header, whole, *_ = texts(message)
    assert (len(header), header.endswith(limits.MARK)) == (limits.HEADER, True)
    assert whole == cause


def test_a_possible_double_says_so_in_its_last_line_and_changes_nothing_else() -> None:
    message = compose.root([taken()])

    doubled = compose.possible_duplicate(message)

    assert doubled.text == message.text
    assert doubled.blocks[:-1] == message.blocks
    assert texts(doubled)[-1].startswith("possible duplicate: an earlier attempt was not confirmed")
