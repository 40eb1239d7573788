"""A candidate that waits for a person's word answers too, once the champion has.

It has one thread, and what it has no time for goes without it. Its logs have the role `shadow`;
where it disagrees, a label teaches most.
"""

import logging
import queue
import threading
from collections.abc import Callable

from retrain.train.compile import session
from services.gateway import follow
from services.gateway.served import Served, served

log = logging.getLogger("intentwatch.gateway")

_WAITING = 64  # messages; whoever waits longer makes the serving logs late


class Shadow:
    """Hands each of the champion's answers on to `tell`, with the candidate's own beside it where
    it had one. `candidate` None: there never is one.
    """

    def __init__(
        self, candidate: follow.Follower | None, tell: Callable[[Served, Served | None], None]
    ) -> None:
        self._candidate = candidate
        self._tell = tell
        self._queue: queue.Queue[Served] = queue.Queue(_WAITING)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self._failing: str | None = None
        self.skipped = self.failed = 0

    def start(self) -> None:
        """Follow the candidate and begin to answer."""
        if self._candidate:
            self._candidate.start()
            self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Hand on what is left, with the candidate's answers for as long as the time allows, and
        end.
        """
        if self._candidate:
            self._candidate.stop()
            self._stopping.set()
            self._thread.join(timeout_s)
        while (answer := self._next(0)) is not None:
            self._tell(answer, None)

    def hear(self, answer: Served) -> None:
        """Take one of the champion's answers; returns at once."""
        if self._model(answer) is None:
            self._tell(answer, None)
            return
        try:
            self._queue.put_nowait(answer)
        except queue.Full:
            self.skipped += 1
            self._tell(answer, None)

    def _run(self) -> None:
        while not (self._stopping.is_set() and self._queue.empty()):
            if (answer := self._next(0.1)) is not None:
                try:
                    self._tell(answer, self._own(answer))
                except Exception:  # one log is lost; those that follow shall not be
                    log.exception(
                        "the serving log of %s could not be handed over", answer.message.req_id
                    )

    def _next(self, timeout_s: float) -> Served | None:
        try:
            return self._queue.get(timeout=timeout_s) if timeout_s else self._queue.get_nowait()
        except queue.Empty:
            return None

    def _own(self, answer: Served) -> Served | None:
        model = self._model(answer)
        if model is None:
            return None
        try:
            return served(answer.message, model, "shadow")
        # Whatever is wrong with a candidate, the champion's log goes out.
        except Exception as error:
            self.failed += 1
            if self._failing != model.model:
                log.error(
                    "%s cannot answer in the shadow: %s; "
                    "said once, intentwatch_shadow_failed counts",
                    model.model,
                    error,
                )
            self._failing = model.model
            return None

    def _model(self, answer: Served) -> session.Session | None:
        """The candidate; none once it serves itself."""
        candidate = self._candidate.session if self._candidate else None
        if candidate is None or candidate.model == answer.model.model:
            return None
        return candidate
