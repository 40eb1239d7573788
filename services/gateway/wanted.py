"""Which intents' labels are missing, as the newest verdicts say: what may be of these is asked
about more often, with a chance that is recorded like any other.
"""

from typing import Final

import sqlalchemy as sa

from retrain.decide.missing import needs
from retrain.decide.missing import store as missing
from schemas import policy
from services.gateway.background import Background
from streams.stages import rounds, stage

_LOOK_S: Final = 60.0  # verdicts come once an hour


class Wanted:
    """`intents`: of which labels are missing, as of the last look; none before the first."""

    def __init__(self, engine: sa.Engine, rules: policy.Signals) -> None:
        self._engine = engine
        self._rules = rules
        self._looks = rounds.Rounds(engine, f"{stage.GATEWAY} labels")
        self._background = Background("wanted", _LOOK_S, self.look, at_once=True)
        self.intents: frozenset[str] = frozenset()

    def start(self) -> None:
        """Keep looking in the background."""
        self._background.start()

    def stop(self) -> None:
        """End the thread."""
        self._background.stop()

    def look(self) -> None:
        """Ask once. Never raises: what is wrong is told, and what was known stays."""
        with self._looks.round(), self._engine.connect() as connection:
            lacking = missing.missing(connection, self._rules)
            self.intents = frozenset(needs.wanted(lacking))
