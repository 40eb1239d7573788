"""The threads that let the model answer, one message each; ONNX Runtime lets go of the interpreter
while it works.
"""

import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from services.gateway.line import Line

THREADS: Final = 2

T = TypeVar("T")


class Workers(Generic[T]):
    """`work` is called in a thread with a request and the place of a message in it; it returns
    whether it has tried, and never raises.
    """

    def __init__(self, work: Callable[[T, int], bool]) -> None:
        self._work = work
        self._line = Line[T](THREADS)
        self._turn = threading.Condition()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, name=f"answer-{i}", daemon=True)
            for i in range(THREADS)
        ]

    def start(self) -> None:
        """Begin to answer."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 0.5) -> None:
        """End the threads with the messages they have in hand."""
        with self._turn:
            self._stopping = True
            self._turn.notify_all()
        for thread in self._threads:
            thread.join(timeout_s)

    def put(self, request: T, size: int) -> bool:
        """Let a request of so many messages in; false where its turn would come too late."""
        with self._turn:
            if not self._line.admits(size):
                return False
            self._line.add(request, size)
            self._turn.notify(min(size, THREADS))
        return True

    @property
    def in_hand(self) -> int:
        """Messages that wait or are being answered."""
        return self._line.waiting + self._line.working

    def _run(self) -> None:
        while (taken := self._next()) is not None:
            began = time.perf_counter()
            tried = self._work(*taken)
            took_s = time.perf_counter() - began if tried else None
            with self._turn:
                self._line.answered(took_s)

    def _next(self) -> tuple[T, int] | None:
        with self._turn:
            while not self._stopping:
                taken = self._line.take()
                if taken is not None:
                    return taken
                self._turn.wait()
        return None
