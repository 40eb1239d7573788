"""Follow the model that Postgres names: a thread asks twice a second, loads a new one beside the
old one and swaps.

An outage or a bad artefact changes nothing.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from retrain.train.compile import session
from services.gateway import routing
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
    """`session` is the model that `named` names, in the role of `role`; None until it names one. A
    champion stays until another one is loaded, a candidate goes as soon as it is not the one that
    is named. A refused model is tried again: its directory may still be on its way.
    """

    def __init__(
        self,
        engine: sa.Engine,
        models: Path,
        role: str,
        named: Callable[[sa.Connection], str | None],
    ) -> None:
        self._engine = engine
        self._models = models
        self.role = role
        self._named = named
        self._looks = rounds.Rounds(engine, f"{stage.GATEWAY} {role}")
        self._stopping = threading.Event()
        self._refusal: _Refusal | None = None
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
        """Swap to the model that is named if it is another one and its artefact is whole. Never
        raises: what is wrong is told, and the current one stays.
        """
        with self._looks.round():
            self._look(time.monotonic())

    def _look(self, now: float) -> None:
        with self._engine.connect() as connection:
            model = self._named(connection)
        if self.session and self.session.model == model:
            return
        if self.role != "champion":
            self.session = None
        if model is None:
            return

        self.session = self._loaded(model, now)
        self._refusal = None
        log.warning("serving %s as %s, %s", model, self.role, self.session.mode)

    def _loaded(self, model: str, now: float) -> session.Session:
        """The model, ready to serve. Raises Refused where it cannot, or is not tried again yet."""
        before = self._refusal
        if before and before.model != model:
            before = None
        if before and now < before.again_at:
            raise Refused(before.why)
        try:
            loaded = session.load(self._models / model)
            probabilities, _ = loaded.classify(["warm up"])
            routing.answer(probabilities[0])
        # A signed model may still be one that this build cannot run, which tokenizer and runtime
        # say in errors of their own.
        except Exception as error:
            why = f"{self.role} {model} is refused: {rounds.said(error)}"
            wait_s = min(_LONGEST_S, 2 * before.wait_s) if before else 1.0
            self._refusal = _Refusal(model, why, now + wait_s, wait_s)
            raise Refused(why) from error
        return loaded
