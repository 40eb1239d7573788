"""Follow the model that Postgres names: a thread asks twice a second, loads a new one beside the old one and swaps.

An outage or a bad artefact changes nothing.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from retrain.compile import session

log = logging.getLogger("intentwatch.gateway")

_POLL_S = 0.5


class Follower:
    """`session` is the model that `named` names, in the role of `role`; None until it names one. A champion stays until another one is loaded, a candidate
    goes as soon as it is not the one that is named.
    """

    def __init__(self, engine: sa.Engine, models: Path, role: str, named: Callable[[sa.Connection], str | None]) -> None:
        self._engine, self._models, self.role, self._named = engine, models, role, named
        self._stopping = threading.Event()
        self._refused: str | None = None
        self.session: session.Session | None = None

    def start(self) -> None:
        """Look once, then keep looking in the background."""
        self.look()
        threading.Thread(target=self._follow, name=self.role, daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()

    def _follow(self) -> None:
        while not self._stopping.wait(_POLL_S):
            self.look()

    def look(self) -> None:
        """Swap to the model that is named if it is another one and its artefact is whole."""
        try:
            with self._engine.connect() as connection:
                model = self._named(connection)
        except sa.exc.SQLAlchemyError as error:
            log.warning("cannot ask for the %s, the current one stays: %s", self.role, str(error).splitlines()[0])
            return
        if self.session and self.session.model == model:
            return
        if self.role != "champion":
            self.session = None
        if model is None or model == self._refused:
            return
        try:
            found = session.load(self._models / model)
            found.classify(["warm up"])
        except Exception as error:  # a signed model may still be one that this build cannot run, which tokenizer and runtime say in errors of their own
            self._refused = model
            log.error("%s %s is refused: %s: %s", self.role, model, type(error).__name__, error)
            return
        self.session = found
        log.warning("serving %s as %s", model, self.role)
