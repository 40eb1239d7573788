"""Look again and again, in a thread, until told to stop."""

import threading
from collections.abc import Callable


class Background:
    """`look` every `every_s` seconds, in a thread of this name; it never raises. `at_once`: also
    when the thread begins.
    """

    def __init__(
        self, name: str, every_s: float, look: Callable[[], None], *, at_once: bool = False
    ) -> None:
        self._every_s = every_s
        self._look = look
        self._at_once = at_once
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def _run(self) -> None:
        if self._at_once:
            self._look()
        while not self._stopping.wait(self._every_s):
            self._look()
