"""Where a test may kill this process: INTENTWATCH_TEST_FAILPOINT=STEP[:N] at the N-th time it
passes STEP, or poison:TEXT on decoding a record with TEXT.
"""

import os
import signal
from collections.abc import Iterable
from typing import Final

STEPS: Final = ("fetch", "decode", "begin", "offset", "panes", "commit", "committed")


class Failpoints:
    """Armed with one step, or with none as in production, where settings refuse any."""

    def __init__(self, armed: str | None = None) -> None:
        self.armed = armed or ""
        self._step, _, argument = self.armed.partition(":")
        self._poison = argument.encode() if self._step == "poison" else None
        self._left = int(argument or 1) if self._step in STEPS else 0

        if self.armed and self._step not in (*STEPS, "poison"):
            trouble = f"no failpoint is called {self._step!r}"
            steps = ", ".join(STEPS)
            raise ValueError(
                f"{trouble}: a test that arms it would kill nothing; there are poison, {steps}"
            )

    def passed(self, step: str) -> None:
        """This process has come to `step`."""
        if step != self._step:
            return
        self._left -= 1
        if self._left == 0:
            _kill()

    def decoding(self, values: Iterable[bytes]) -> None:
        """This process is about to decode these records."""
        if self._poison is None:
            return
        for value in values:
            if self._poison in value:
                _kill()


def _kill() -> None:
    # Not an exception: nothing may clean up.
    os.kill(os.getpid(), signal.SIGKILL)
