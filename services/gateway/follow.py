"""Follow the model that Postgres names: a thread asks twice a second, loads a new one beside the
old one and swaps.

An outage or a bad artefact changes nothing.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from retrain.train.compile import manifest, session
from services.gateway import routing, store
from services.gateway.background import Background
from streams.stages import rounds, stage

log = logging.getLogger("intentwatch.gateway")

_POLL_S = 0.5
_LONGEST_S = 60.0  # between two tries of a refused model: verifying one takes CPU from the answers


class Refused(RuntimeError):
    """The model that is named cannot serve."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A model that was refused, why, and when it is tried again (monotonic), after how long."""

    model: str
    why: str
    again_at: float
    wait_s: float


class Follower:
    """`session` is the model that `named` names first, in the role of `role`; None until it names
    one. A champion stays until another one is loaded, a candidate goes as soon as it is not the one
    that is named. A refused model is tried again: its directory may still be on its way. While
    there is nothing else to serve, the first of the others that `named` names stands in for it.
    `registered_only`: one that the registry does not have is refused, too.
    """

    def __init__(
        self,
        engine: sa.Engine,
        models: Path,
        role: str,
        named: Callable[[sa.Connection], Sequence[store.Version]],
        *,
        registered_only: bool = False,
    ) -> None:
        self._registered_only = registered_only
        self._engine = engine
        self._models = models
        self.role = role
        self._named = named
        self._looks = rounds.Rounds(engine, f"{stage.GATEWAY} {role}")
        self._background = Background(role, _POLL_S, self.look)
        self._refusal: _Refusal | None = None
        self.session: session.Session | None = None

    @property
    def refused(self) -> str | None:
        """Why the model that is named does not serve; None while it does, or none is named."""
        refusal = self._refusal
        return refusal.why if refusal else None

    def start(self) -> None:
        """Look once, then keep looking in the background."""
        self.look()
        self._background.start()

    def stop(self) -> None:
        """End the thread."""
        self._background.stop()

    def look(self) -> None:
        """Swap to the model that is named if it is another one and its artefact is whole. Never
        raises: what is wrong is told, and the current one stays.
        """
        with self._looks.round():
            with self._engine.connect() as connection:
                versions = self._named(connection)
            self.follow(versions, time.monotonic())

    def follow(self, versions: Sequence[store.Version], now: float) -> None:
        """Serve the first of these, or what stands in for it. `now`: seconds, monotonic. Raises
        Refused where that is not the first.
        """
        first = versions[0] if versions else None
        if self.session and first and self.session.model == first.model:
            self._refusal = None  # a rollback may have named it again
            return
        if self.role != "champion":
            self.session = None
        if first is None:
            self._refusal = None
            return

        before = self._refusal
        try:
            loaded = self._loaded(first, now)
        except Refused:
            tried = self._refusal is not before
            if tried and self.session is None:
                self.session = self._stand_in(versions[1:])
            raise
        self.session = loaded
        self._refusal = None
        log.warning("serving %s as %s, %s", loaded.model, self.role, loaded.mode)

    def _loaded(self, version: store.Version, now: float) -> session.Session:
        """The model, ready to serve. Raises Refused where it cannot, or is not tried again yet."""
        before = self._refusal
        if before and before.model != version.model:
            before = None
        if before and now < before.again_at:
            raise Refused(before.why)
        try:
            return self._ready(version)
        # A signed model may still be one that this build cannot run, which tokenizer and runtime
        # say in errors of their own.
        except Exception as error:
            why = f"{self.role} {version.model} is refused: {rounds.said(error)}"
            wait_s = min(_LONGEST_S, 2 * before.wait_s) if before else 1.0
            self._refusal = _Refusal(version.model, why, now + wait_s, wait_s)
            raise Refused(why) from error

    def _stand_in(self, former: Sequence[store.Version]) -> session.Session | None:
        """The newest former champion that is whole."""
        for version in former:
            try:
                loaded = self._ready(version)
            except Exception as error:  # as above
                log.warning("%s cannot stand in, either: %s", version.model, rounds.said(error))
                continue
            log.error("serving %s in its place", loaded.model)
            return loaded
        return None

    def _ready(self, version: store.Version) -> session.Session:
        """A model that has answered once; raises whatever keeps it from that."""
        if self._registered_only and version.manifest_sha256 is None:
            raise manifest.BadArtefact(f"{version.model} is not in the registry")
        directory = manifest.directory(self._models, version.model)
        loaded = session.load(directory, on_record=version.manifest_sha256)
        probabilities, _ = loaded.classify(["warm up"])
        routing.answer(probabilities[0])
        return loaded
