"""Follow the champion: a thread asks Postgres once a second, loads a new one beside the old one and swaps. An outage or a bad artefact changes nothing."""

import logging
import threading
from pathlib import Path

import sqlalchemy as sa

from retrain.compile import manifest, session
from services.gateway import store

log = logging.getLogger("intentwatch.gateway")

_POLL_S = 0.5


class Champion:
    """`session` is what answers now; None until the first promotion."""

    def __init__(self, engine: sa.Engine, models: Path) -> None:
        self._engine, self._models = engine, models
        self._stopping = threading.Event()
        self._refused: str | None = None
        self.session: session.Session | None = None

    def start(self) -> None:
        """Look once, then keep looking in the background."""
        self.look()
        threading.Thread(target=self._follow, name="champion", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()

    def _follow(self) -> None:
        while not self._stopping.wait(_POLL_S):
            self.look()

    def look(self) -> None:
        """Swap to the champion if it is another one and its artefact is whole."""
        try:
            with self._engine.connect() as connection:
                model = store.champion(connection)
        except sa.exc.SQLAlchemyError as error:
            log.warning("cannot ask for the champion, the current one stays: %s", str(error).splitlines()[0])
            return
        if model is None or model == self._refused or (self.session and self.session.model == model):
            return
        try:
            found = session.load(self._models / model)
            found.classify(["warm up"])
        except (manifest.BadArtefact, OSError, ValueError, RuntimeError) as error:
            self._refused = model
            log.error("champion %s is refused, the current model stays: %s", model, error)
            return
        self.session = found
        log.warning("serving %s", model)
