"""Pure. What the reader of a message is to do next, with the command to type."""

from typing import Final

from schemas import decisions, messages, runs
from services.notifier import limits

Kind = decisions.Kind
State = runs.State
Run = messages.RunChanged

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
        " `python retrain/run.py reweight DECISION --by YOU` makes the day the reference."
    ),
    Kind.HOLD: "Nothing to do.",
}
_STEPS: Final = (
    State.TRAINING,
    State.EVALUATED,
    State.COMPILED,
    State.GATED,
    State.REGISTERED,
)


def next_step(decision: decisions.Decision | None, run: Run | None) -> str:
    """By where the run stands; by the decision as long as there is no run."""
    if run is None:
        assert decision is not None
        return _BEFORE_A_RUN[decision.decision]

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
