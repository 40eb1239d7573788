"""What a run works with, the right to it, and how it is written down how far it has come."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from retrain import log, store
from retrain.train import heartbeat, promote, recipe
from retrain.train.ended import guard
from retrain.train.noted import writers
from schemas import policy, runs

LEASE_S = 30


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a run works with; `tenure`: the right to it, under which everything is written;
    `places`: where else its numbers go.
    """

    engine: sa.Engine
    models: Path
    policy: policy.Policy
    recipe: recipe.Recipe
    lines: log.LogLines
    owner: str
    tenure: heartbeat.Tenure | None = None
    places: writers.Places = writers.Places()

    @property
    def held(self) -> heartbeat.Tenure:
        """The right to the run in hand."""
        assert self.tenure is not None, "a run is written to inside `held` alone"
        return self.tenure


@contextlib.contextmanager
def held(shop: Workshop, run_id: str) -> Iterator[Workshop]:
    """The workshop with the right to do this run, kept until the block ends. Raises leases.Lost."""
    with heartbeat.kept(shop.engine, shop.owner, run_id, LEASE_S) as tenure:
        yield dataclasses.replace(shop, tenure=tenure)


def advance(
    shop: Workshop,
    run_id: str,
    state: runs.State,
    *,
    tell: bool = True,
    detail: Mapping[str, Any] | None = None,
    **values: Any,
) -> None:
    """Record a state, with what else is to be known of it, and tell of it in the same transaction;
    one that is over at once need not be told.
    """
    with shop.held.begin() as connection:
        guard.check(connection, run_id)
        store.change_run(connection, run_id, state=state, **values)
        store.record_step(connection, run_id, state, dict(detail or {}))
        if tell:
            promote.tell(connection, run_id)
