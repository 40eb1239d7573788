"""Which intents' labels are missing, as the newest verdicts say: what may be of these is asked
about more often, with a chance that is recorded like any other.
"""

import threading
from typing import Final

import sqlalchemy as sa

from retrain.decide.missing import needs
from retrain.decide.missing import store as missing
from schemas import policy
from streams.stages import rounds, stage

_LOOK_S: Final = 60.0  # verdicts come once an hour


class Wanted:
    """`intents`: of which labels are missing, as of the last look; none before the first."""

    def __init__(self, engine: sa.Engine, rules: policy.Signals) -> None:
        self._engine = engine
        self._rules = rules
        self._looks = rounds.Rounds(engine, f"{stage.GATEWAY} labels")
        self._stopping = threading.Event()
        self.intents: frozenset[str] = frozenset()

    def start(self) -> None:
        """Keep looking in the background."""
        threading.Thread(target=self._follow, name="wanted", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()

    def _follow(self) -> None:
        self.look()
        while not self._stopping.wait(_LOOK_S):
            self.look()

    def look(self) -> None:
        """Ask once. Never raises: what is wrong is told, and what was known stays."""
        with self._looks.round(), self._engine.connect() as connection:
            lacking = missing.missing(connection, self._rules)
            self.intents = frozenset(needs.wanted(lacking))
