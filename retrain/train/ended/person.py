"""What a person may say of a run: that they have looked at it, that its candidate is not wanted,
that it shall stop.
"""

from typing import Any, Final

import sqlalchemy as sa

from retrain import store
from retrain.train import promote
from retrain.train.ended import store as ended
from schemas import runs

State = runs.State
REJECTABLE: Final = (State.GATED, State.REGISTERED)
CANCELLABLE: Final = (
    State.QUEUED,
    State.TRAINING,
    State.EVALUATED,
    State.COMPILED,
    State.GATED,
)


class UnknownRun(LookupError):
    """Nobody has queued it."""


class TooLate(RuntimeError):
    """The run is in a state in which that cannot be done."""


def review(engine: sa.Engine, run_id: str, *, by: str, note: str = "") -> None:
    """Record that this person has looked, and what they say; their newest word counts."""
    with engine.begin() as connection:
        _held(connection, run_id)
        detail = {"by": by, "note": note}
        store.record_step(connection, run_id, f"reviewed by {by}", detail)


def reject(engine: sa.Engine, run_id: str, *, by: str, why: str) -> str:
    """End a run whose candidate waits; returns the candidate."""
    with engine.begin() as connection:
        row = _held(connection, run_id)
        if row["state"] not in REJECTABLE:
            raise TooLate(f"run {run_id} is {row['state']}: no candidate of it waits")
        _end(connection, run_id, State.REJECTED, {"by": by, "why": why})
    return str(row["candidate"])


def cancel(engine: sa.Engine, run_id: str, *, by: str) -> None:
    """End a run that waits or is under way; its worker stops at its next beat."""
    with engine.begin() as connection:
        row = _held(connection, run_id)
        if row["state"] not in CANCELLABLE:
            other = "; `reject` ends it" if row["state"] == State.REGISTERED else ""
            raise TooLate(f"run {run_id} is {row['state']}: nothing of it is under way{other}")
        _end(connection, run_id, State.CANCELLED, {"by": by})


def _held(connection: sa.Connection, run_id: str) -> Any:
    row = ended.held(connection, run_id)
    if row is None:
        raise UnknownRun(f"no run {run_id}; see `python -m services.show runs`")
    return row


def _end(
    connection: sa.Connection,
    run_id: str,
    state: runs.State,
    said: dict[str, str],
) -> None:
    """Record the end and who has said so, and tell of it."""
    words = ": ".join(said.values())
    store.change_run(connection, run_id, state=state, ended=sa.func.now(), error=f"by {words}")
    store.record_step(connection, run_id, state, said)
    promote.tell(connection, run_id)
