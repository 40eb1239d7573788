"""A run that a person has ended stays ended, however far its worker has come."""

import sqlalchemy as sa

from retrain.train.ended import store
from schemas import runs


class Ended(RuntimeError):
    """Somebody has ended the run; `state` is what it ended in."""

    def __init__(self, state: runs.State) -> None:
        super().__init__(f"the run is {state}")
        self.state = state


def ended(connection: sa.Connection, run_id: str) -> runs.State | None:
    """What the run has ended in; None where it has not, and cannot before this transaction does."""
    state = runs.State(store.held(connection, run_id)["state"])
    return state if state in runs.ENDED else None


def check(connection: sa.Connection, run_id: str) -> None:
    """Raises Ended."""
    state = ended(connection, run_id)
    if state is not None:
        raise Ended(state)
