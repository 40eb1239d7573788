"""Pure. The line of messages that wait for a model: who is let in, and whose turn is next.

Work is counted in messages, since a request may be one or 64 of them. Single messages go first,
because somebody waits for each; of four turns one is a batch's, so none of them waits for ever.
"""

from collections import deque
from typing import Final, Generic, TypeVar

SINGLE_S: Final = 0.1  # seven times the limit of the p95: whoever comes later is told at once
BATCH_S: Final = 0.5  # nobody looks at the clock, and somebody has to hold the texts meanwhile
_SINGLES: Final = 3  # turns in a row while a batch waits
_FIRST_S: Final = 0.002  # before a message has been timed
_MEMORY: Final = 0.05  # the weight of the newest message in the mean
_ODD: Final = 8.0  # a message that took longer than so many means says nothing of the next one

T = TypeVar("T")


class Line(Generic[T]):
    """`threads` take messages from it, one each. `mean_s`: what a message took lately."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._singles: deque[T] = deque()
        self._batches: deque[tuple[T, int]] = deque()
        self._of_first = 0  # messages of the first batch that have been taken
        self._of_batches = 0  # messages of all batches that wait
        self._in_a_row = 0
        self.working = 0
        self.mean_s = _FIRST_S

    @property
    def waiting(self) -> int:
        """Messages that nobody has taken yet."""
        return len(self._singles) + self._of_batches

    def wait_s(self, size: int) -> float:
        """How long a request of so many messages is likely to wait for its first turn.

        >>> line = Line[str](threads=2)
        >>> line.wait_s(1)
        0.0
        >>> for name in "abcd":
        ...     line.add(name, 1)
        >>> line.wait_s(1)
        0.003
        """
        ahead = self.waiting
        if size == 1:
            turns_of_batches = min(self._of_batches, len(self._singles) // _SINGLES + 1)
            ahead = len(self._singles) + turns_of_batches
        before = max(0, ahead + self.working - self._threads + 1)
        return before * self.mean_s / self._threads

    def admits(self, size: int) -> bool:
        """Whether a request of so many messages would have its turn in time."""
        return self.wait_s(size) <= (SINGLE_S if size == 1 else BATCH_S)

    def add(self, request: T, size: int) -> None:
        """Let it in."""
        if size == 1:
            self._singles.append(request)
        else:
            self._batches.append((request, size))
            self._of_batches += size

    def take(self) -> tuple[T, int] | None:
        """Whose turn it is, and the place of the message in the request; None where nobody waits.

        >>> line = Line[str](threads=2)
        >>> line.add("batch", 2)
        >>> for _ in range(4):
        ...     line.add("single", 1)
        >>> [line.take()[0] for _ in range(6)]
        ['single', 'single', 'single', 'batch', 'single', 'batch']
        """
        turn_of_batch = not self._singles or self._in_a_row >= _SINGLES
        if self._batches and turn_of_batch:
            taken = self._of_a_batch()
        elif self._singles:
            self._in_a_row += 1
            taken = self._singles.popleft(), 0
        else:
            return None
        self.working += 1
        return taken

    def _of_a_batch(self) -> tuple[T, int]:
        request, size = self._batches[0]
        place = self._of_first
        self._of_first += 1
        self._of_batches -= 1
        self._in_a_row = 0
        if self._of_first == size:
            self._batches.popleft()
            self._of_first = 0
        return request, place

    def answered(self, took_s: float | None) -> None:
        """A message that was taken is done with, after so many seconds; None where nobody tried."""
        self.working -= 1
        if took_s is not None:
            self.mean_s += _MEMORY * (min(took_s, _ODD * self.mean_s) - self.mean_s)
