"""How this process is asked to end: the first signal unwinds it, a second one takes its patience,
and neither disturbs the putting away.

Ctrl-C, SIGTERM and a terminal that is closed (SIGHUP) alike, but for those that whoever started us
has switched off, as nohup does.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STOPPING: Final = "stopping what was started; a second Ctrl-C kills it"


@dataclass(slots=True)
class _Asked:
    """How many signals have come, and what the first one still has to raise.

    depth: of what must not be disturbed. ending: the putting away has begun, so nothing more is
    raised.
    """

    signals: int = 0
    due: BaseException | None = None
    depth: int = 0
    ending: bool = False


_asked = _Asked()  # signals are the process's, and so is this


def again() -> bool:
    """Whether a second signal has come: whoever still runs is killed."""
    return _asked.signals > 1


@contextlib.contextmanager
def undisturbed(*, ending: bool = False) -> Iterator[None]:
    """A signal that comes in here takes effect at the end of it. ending: something is put away
    here, and that is what signals ask for.
    """
    _asked.depth += 1
    _asked.ending |= ending and _asked.signals > 0
    try:
        yield
    finally:
        _asked.depth -= 1
        _leave()


def _leave() -> None:
    """Raise what is due."""
    due = _asked.due
    if due is not None and _asked.depth == 0:
        _asked.due = None
        raise due


@contextlib.contextmanager
def terminable(status: int | None = None) -> Iterator[None]:
    """The first signal raises KeyboardInterrupt, or SystemExit(status) if it is not Ctrl-C and
    there is one, so that context managers unwind.
    """

    def ask(number: int, _frame: FrameType | None) -> None:
        _asked.signals += 1
        if _asked.signals == 1:
            _say(_STOPPING)
        if not _asked.ending:  # a raise that somebody swallowed is raised again by the next signal
            ctrl_c = status is None or number == signal.SIGINT
            _asked.due = KeyboardInterrupt() if ctrl_c else SystemExit(status)
            _leave()

    heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, ask) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _asked.signals, _asked.due, _asked.ending = 0, None, False


def last_steps() -> None:
    """This process was asked to end and does: a further signal changes nothing any more."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _say(what: str) -> None:
    """On stderr, past Python's buffers: a signal may come while something is being printed, or
    after the terminal has gone.
    """
    line = "\n" if os.isatty(2) else ""
    with contextlib.suppress(OSError):
        os.write(2, f"{line}intentwatch: {what}\n".encode())
