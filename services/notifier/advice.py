"""Pure. What the reader of a message is to do next, with the command to type."""

from typing import Final

from schemas import alerts, decisions, messages, runs
from services.notifier import limits, story

Hold = decisions.HoldReason
Kind = decisions.Kind
State = runs.State

_BEFORE_A_RUN: Final = {
    Kind.RETRAIN: (
        "Nothing to do now: the run waits for the retrain worker."
        " If it does not start, look for `python retrain/run.py work`."
    ),
    Kind.ROLLBACK: (
        "The release is the likely cause:"
        " `python retrain/run.py rollback --by YOU` puts the model before it back;"
        " then look at what changed."
    ),
    Kind.FIX_UPSTREAM: (
        "Do not retrain: requests fail before the model answers."
        " Look at the gateway and at what feeds it."
    ),
    Kind.REWEIGHT: (
        "The mix moved, the answers are as good: if it will stay,"
        " `python retrain/run.py reweight DECISION --by YOU` makes those days the reference."
    ),
}
_LABEL = "`python -m services.labels next` asks for the labels that tell most"
# Of what stands and nobody acts on, by the word that its message begins with.
_HELD: Final = {
    story.SLOW: "Look at the servers: no training makes them faster."
    " `python -m services.show windows` has p50 and p95 of every hour.",
    story.BLIND: f"{_LABEL}; `python -m services.labels status` says where they are missing.",
    story.MISSED: "Nothing has changed, so nothing is to be mended at once: plan a better model, or"
    " set the limit of the policy at what customers are really promised.",
    story.BREACH: "Nothing is done about it by itself. `python -m services.show signals` has its"
    " history; the runbook says what each signal means.",
    story.HELD[Hold.PAUSED]: "`python -m services.scheduler incident list` says since when;"
    " `python -m services.scheduler incident close --kind pause` lets it act.",
    story.HELD[Hold.NOT_WORTH_IT]: "If a wrong route costs more than `[costs]` of the policy says,"
    " mend that; `python retrain/run.py run` retrains all the same.",
    story.HELD[Hold.COOLING_DOWN]: "Wait for the end of the cool-down, or start one by hand:"
    " `python retrain/run.py run`.",
    story.HELD[Hold.RUN_IN_PROGRESS]: "`python -m services.show runs` says how far the run is.",
    story.HELD[Hold.MIX_ONLY]: "A campaign? Wait. If it lasts and the answers are known to be as"
    f" good, a new reference is asked for; {_LABEL}.",
    story.HELD[Hold.INTENT_LOST]: f"{_LABEL}; `python retrain/run.py run` retrains by hand.",
}
# Why it is told, where no clause of the rule is about it.
_GROUNDS: Final = {
    story.SLOW: "Answers are slow; no training cures that, so no decision will.",
    story.BLIND: "Without labels nobody can say whether the answers are still right.",
    story.MISSED: "This version has never met it, and its own reference does not either.",
    story.BREACH: "It stands in breach, and alone it asks for no action.",
}
_ASKED: Final = (
    "Nothing runs by itself (`autonomy.retrain` of the policy is ask): `python retrain/run.py run`."
)
_STEPS: Final = (
    State.TRAINING,
    State.EVALUATED,
    State.COMPILED,
    State.GATED,
    State.REGISTERED,
)


def ground(alert: alerts.Alert) -> str:
    """Why an alert is told that no clause of the rule is about."""
    return _GROUNDS.get(story.word(alert), _GROUNDS[story.BREACH])


def next_step(told: story.Story) -> str:
    """By where the run stands; by what was decided or stands as long as there is no run."""
    run = told.run
    if told.over and (run is None or run.state not in runs.ENDED):
        return "Nothing to do: it is over."
    return _without_a_run(told) if run is None else _of_run(run)


def _without_a_run(told: story.Story) -> str:
    decision = told.decision
    if told.held is not None:
        return _asked_labels(told.held) + _HELD.get(story.word(told.held), _HELD[story.BREACH])
    if decision is None or decision.decision is Kind.HOLD:
        return _HELD[story.BREACH]
    if decision.decision is Kind.RETRAIN and told.run_id is None:
        return _ASKED
    return _BEFORE_A_RUN[decision.decision]


def _asked_labels(alert: alerts.Alert) -> str:
    """Of which intents labels are asked for, where it is about some."""
    named: set[str] = set()
    for each in alert.figures:
        named.update(each.reason.intents)
    if not named:
        return ""
    return f"Label more messages of *{limits.escape(', '.join(sorted(named)))}*: "


def _of_run(run: messages.RunChanged) -> str:
    name = limits.escape(run.run_id)
    details = f"Details: `python retrain/run.py show {name}`"
    serving = "No model serves yet"
    if run.champion:
        serving = f"`{limits.escape(run.champion)}` keeps serving"

    if run.state is State.CHAMPION:
        candidate = limits.escape(str(run.candidate))
        return (
            f"Nothing to do: `{candidate}` serves."
            " Its own live accuracy follows with the labels of the next days."
        )
    if run.state is State.REGISTERED:
        promote = f"`python retrain/run.py promote {name} --by YOUR_NAME`"
        return f"{serving}. To promote: {promote}"
    if run.state is State.CANCELLED or (run.state is State.REJECTED and run.error):
        return f"Nothing to do: a person has ended the run. {serving}. {details}"
    if run.state is State.REJECTED:
        return (
            f"{serving}. Read the gates above;"
            f" where one is inconclusive, label what it asks for. {details}"
        )
    if run.state is State.FAILED:
        return (
            f"{serving}. Remove the cause, then start again: `python retrain/run.py run`. {details}"
        )
    return f"Nothing to do: the run is at *{run.state}*{progress(run.state)}. {serving}."


def progress(state: State) -> str:
    """Which of the steps before an end this is; empty at an end.

    >>> progress(State.EVALUATED), progress(State.FAILED)
    (', step 2 of 5', '')
    """
    if state not in _STEPS:
        return ""
    step = _STEPS.index(state) + 1
    return f", step {step} of {len(_STEPS)}"
