"""The other gateways of the same topic and database: each tells how busy it is and knows how busy
the others are, so that the labels they ask for are within one budget.
"""

import contextlib
from typing import Final

import sqlalchemy as sa

from services.gateway import store, volume
from services.gateway.background import Background
from streams.stages import rounds, stage

_LOOK_S: Final = 2.0


class Replicas:
    """`others`: how busy they are, as of the last look. `own` counts this gateway's messages."""

    def __init__(
        self,
        engine: sa.Engine,
        topic: str,
        own: volume.Volume,
        owner: str | None = None,
    ) -> None:
        self._engine = engine
        self._topic = topic
        self.own = own
        self._owner = owner or rounds.this_process()
        self._looks = rounds.Rounds(engine, f"{stage.GATEWAY} replicas", self._owner)
        self._background = Background("replicas", _LOOK_S, self.look)
        self.others: tuple[volume.Pace, ...] = ()

    def start(self) -> None:
        """Look once, then keep looking in the background."""
        self.look()
        self._background.start()

    def stop(self) -> None:
        """End the thread, and count for the others no more."""
        self._background.stop()
        # Without Postgres they find out by themselves, some seconds later.
        with contextlib.suppress(sa.exc.SQLAlchemyError), self._engine.begin() as connection:
            store.forget_pace(connection, self._owner)

    def look(self) -> None:
        """Tell and ask once. Never raises: what is wrong is told, and what was known stays."""
        with self._looks.round(), self._engine.begin() as connection:
            store.tell_pace(connection, self._owner, self._topic, self.own.pace)
            self.others = tuple(store.other_paces(connection, self._owner, self._topic))
