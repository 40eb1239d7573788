"""End a worker that has stopped working without ending: Faust's loop or its membership may stall
for good, and the group would never know.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from schemas import settings
from streams import brokers
from streams.end import End, end_process

log = logging.getLogger("intentwatch.streams")

PATIENCE_S: Final = 60.0


class Watchdog:
    """A thread of its own: it must not depend on the loop it watches. `error`: what has ended for
    good, where that can be known at once.
    """

    def __init__(
        self,
        error: Callable[[], BaseException | None],
        end: End = end_process,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._error = error
        self._end = end
        self._patience_s = patience_s
        self._last = time.monotonic()

    def beat(self) -> None:
        """The worker has asked Kafka or Postgres for something: it lives."""
        self._last = time.monotonic()

    def start(self) -> None:
        """Begin to watch."""
        self.beat()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def _watch(self) -> None:
        while True:
            before = time.monotonic()
            time.sleep(self._patience_s / 12)
            if time.monotonic() - before > self._patience_s / 2:
                # The whole process was stopped, this thread too: the others get time to go on.
                self.beat()
            error = self._membership_error()
            if isinstance(error, brokers.Refused):
                self._end(str(error), settings.EXIT_DEPENDENCY)
            if error:
                self._stop(f"the membership in the consumer group has ended: {error}")
            if time.monotonic() - self._last > self._patience_s:
                self._stop(f"no progress for {self._patience_s:.0f} s: the consumer has stalled")

    def _stop(self, cause: str) -> None:
        self._end(f"{cause}; start the worker again", settings.EXIT_TRY_AGAIN)

    def _membership_error(self) -> BaseException | None:
        try:
            return self._error()
        except Exception as error:  # this thread must outlive whatever it looks at
            log.warning(
                "the watchdog cannot see the consumer group: %s: %s", type(error).__name__, error
            )
            return None
